import pytest
import torch

from capsedu.data import affine_images, affine_matrix, shift_images
from capsedu.data.geometry import ink_extent


def dot(row, column, size=9, channels=1):
    images = torch.zeros(1, channels, size, size)
    images[..., row, column] = 1
    return images


def matrix(angle=0.0, shear=0.0, scale=(1.0, 1.0), shift=(0.0, 0.0)):
    return affine_matrix(
        torch.tensor([angle]), torch.tensor([shear]), torch.tensor([scale]), torch.tensor([shift])
    )


def blobs(b=4, channels=1, size=28):
    """Smooth images, so that interpolation loses little."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(b, channels, 5, 5, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (size - 12, size - 12), mode="bicubic")
    return torch.nn.functional.pad(fine.clamp(0, 1), (6, 6, 6, 6))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_shift_moves_down_and_right_and_copies_exactly(channels):
    images = torch.rand(3, channels, 6, 8)
    moved = shift_images(images, torch.tensor([[2, 3], [0, 0], [-1, -4]]))
    assert torch.equal(moved[0, :, 2:, 3:], images[0, :, :-2, :-3])
    assert moved[0, :, :2].sum() == 0 and moved[0, :, :, :3].sum() == 0
    assert torch.equal(moved[1], images[1])
    assert torch.equal(moved[2, :, :-1, :-4], images[2, :, 1:, 4:])
    assert moved[2, :, -1:].sum() == 0 and moved[2, :, :, -4:].sum() == 0


def test_a_shift_onto_a_canvas_starts_from_its_middle():
    moved = shift_images(torch.ones(2, 1, 2, 2), torch.tensor([[0, 0], [1, -2]]), size=6)
    assert moved.shape == (2, 1, 6, 6)
    assert moved[0, 0].nonzero().tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]
    assert moved[1, 0].nonzero().tolist() == [[3, 0], [3, 1], [4, 0], [4, 1]]


def test_a_shift_off_the_canvas_leaves_it_black():
    assert shift_images(torch.ones(1, 1, 4, 4), torch.tensor([[4, 0]])).sum() == 0


def test_a_bad_shift_or_canvas_is_refused():
    images = torch.ones(2, 1, 4, 4)
    with pytest.raises(TypeError, match=r"whole pixels, got torch\.float32"):
        shift_images(images, torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"shape \[2, 2\], got \[2\]"):
        shift_images(images, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="at least 4 to hold the images, got 3"):
        shift_images(images, torch.zeros(2, 2, dtype=torch.int64), size=3)


def test_a_positive_angle_turns_counter_clockwise_on_the_screen():
    right_of_middle, above_middle = dot(4, 6), dot(2, 4)
    turned = affine_images(right_of_middle, matrix(angle=90.0))
    assert torch.allclose(turned, above_middle, atol=1e-5)


def test_each_parameter_moves_a_point_as_documented():
    below = dot(6, 4)  # (x, y) = (0, 2)
    assert torch.allclose(affine_images(below, matrix(shear=1.0)), dot(6, 6), atol=1e-5)
    assert torch.allclose(affine_images(below, matrix(shift=(-3.0, 2.0))), dot(3, 6), atol=1e-5)
    taller = affine_images(below, matrix(scale=(2.0, 1.0)))
    assert taller[0, 0].argmax() == 8 * 9 + 4
    wider = affine_images(dot(4, 6), matrix(scale=(1.0, 2.0)))
    assert wider[0, 0].argmax() == 4 * 9 + 8


def test_the_matrix_is_shift_after_rotation_after_shear_after_scale():
    angle, shear = torch.tensor([33.0]), torch.tensor([0.3])
    scale, shift = torch.tensor([[0.7, 1.4]]), torch.tensor([[2.0, -3.0]])
    a = torch.deg2rad(angle)
    cos, sin = a.cos().item(), a.sin().item()
    rotation = torch.tensor([[cos, sin], [-sin, cos]])
    sheared = rotation @ torch.tensor([[1, 0.3], [0, 1]]) @ torch.diag(torch.tensor([1.4, 0.7]))
    expected = torch.cat([sheared, torch.tensor([[-3.0], [2.0]])], dim=1)
    assert torch.allclose(affine_matrix(angle, shear, scale, shift)[0], expected, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_turning_there_and_back_restores_the_image(channels):
    images = blobs(channels=channels)
    angle = torch.tensor([10.0, -20.0, 45.0, 120.0])
    zero, one = torch.zeros(4, 2), torch.ones(4, 2)
    there = affine_images(images, affine_matrix(angle, zero[:, 0], one, zero))
    back = affine_images(there, affine_matrix(-angle, zero[:, 0], one, zero))
    middle = (..., slice(8, -8), slice(8, -8))
    assert (there - images).abs().mean() > 0.02
    assert (back - images)[middle].abs().mean() < 0.02


def test_a_whole_affine_shift_equals_the_exact_copy():
    images = torch.rand(2, 3, 7, 7)
    shift = torch.tensor([[1, -2], [-3, 0]])
    unit = torch.ones(2, 2)
    drawn = affine_images(images, affine_matrix(torch.zeros(2), torch.zeros(2), unit, shift), 11)
    assert torch.allclose(drawn, shift_images(images, shift, 11), atol=1e-5)


def test_an_oblong_image_is_not_distorted():
    images = torch.zeros(1, 1, 5, 9)
    images[0, 0, 2, 6] = 1  # (x, y) = (2, 0)
    turned = affine_images(images, matrix(angle=90.0), size=9)
    assert torch.allclose(turned, dot(2, 4), atol=1e-5)


def test_the_ink_extent_is_that_of_the_moved_pixels():
    images = torch.zeros(2, 1, 9, 9)
    images[0, 0, 1:4, 6] = 0.5
    lowest, highest = ink_extent(images, matrix(shift=(1.0, -2.0)).repeat(2, 1, 1))
    assert lowest[0].tolist() == [-2, 0] and highest[0].tolist() == [0, 0]
    assert lowest[1].tolist() == [float("inf")] * 2
    assert highest[1].tolist() == [float("-inf")] * 2


def test_a_bad_matrix_is_refused():
    with pytest.raises(ValueError, match=r"matrix must have shape \[1, 2, 3\], got \[1, 3, 3\]"):
        affine_images(dot(1, 1), torch.zeros(1, 3, 3))
