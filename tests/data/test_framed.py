import pytest
import torch

from capsedu.data import Framed, load


def seeded():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(("h", "w"), [(109, 89), (89, 109), (64, 64), (28, 28), (65, 64)])
@pytest.mark.parametrize("size", [64, 32])
def test_any_image_becomes_a_square_of_one_size(h, w, size):
    images = torch.rand(3, 3, h, w)
    batch = Framed(size)(images, torch.zeros(3).long(), seeded())
    assert batch.images.shape == (3, 3, size, size) and batch.pose == {}
    assert batch.images.min() >= 0 and batch.images.max() <= 1


def test_it_is_the_middle_that_is_kept():
    images = torch.zeros(1, 1, 109, 89)
    images[..., 10:99, :] = 1  # the square of 89 in the middle
    assert Framed(64).apply(images, {}).min() > 1 - 1e-5
    wide = images.mT
    assert Framed(64).apply(wide, {}).min() > 1 - 1e-5


def test_an_image_of_that_size_is_left_as_it_is():
    images = torch.rand(2, 1, 64, 64)
    assert torch.equal(Framed(64).apply(images, {}), images)
    tall = torch.rand(2, 1, 80, 64)
    assert torch.equal(Framed(64).apply(tall, {}), tall[:, :, 8:72])


def test_shrinking_to_half_averages_every_pixel():
    images = torch.zeros(1, 1, 128, 128)
    images[..., ::2, ::2] = 1  # a quarter of the pixels: none may be lost
    small = Framed(64).apply(images, {})
    assert torch.allclose(small[..., 2:-2, 2:-2].mean(), torch.tensor(0.25), atol=1e-3)
    assert small[..., 2:-2, 2:-2].std() < 0.01


def test_a_size_must_be_a_number_of_pixels():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        Framed(0)


def test_faces_from_a_folder_become_64_by_64(tmp_path):
    from PIL import Image

    (tmp_path / "faces").mkdir()
    for k in range(5):
        Image.new("RGB", (89, 109), (50 * k, 0, 255)).save(tmp_path / "faces" / f"{k}.jpg")
    images = load(f"folder:{tmp_path}")
    batch = Framed(64)(images.images / 255, images.targets, seeded())
    assert batch.images.shape == (4, 3, 64, 64)
    assert torch.allclose(batch.images, (images.images[:, :, :1, :1] / 255).expand(4, 3, 64, 64))
