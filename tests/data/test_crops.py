import pytest
import torch

from capsedu.data import CentreCrop, ImageSet, RandomCrop


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pairs(b=16, side=48):
    return torch.rand(b, 2, side, side, generator=seeded(9)), torch.arange(b) % 5


@pytest.mark.parametrize("side", [48, 96])
@pytest.mark.parametrize("transform", [RandomCrop(), CentreCrop()])
def test_the_pose_alone_makes_the_images_again(transform, side):
    images, targets = pairs(side=side)
    untouched = images.clone()
    batch = transform(images, targets, seeded(1))
    assert batch.images.shape == (16, 2, 32, 32)
    assert batch.images.min() >= 0 and batch.images.max() <= 1
    assert torch.equal(transform.apply(images, batch.pose), batch.images)
    assert torch.equal(transform(images, targets, seeded(1)).images, batch.images)
    assert torch.equal(images, untouched)
    assert all(len(value) == 16 for value in batch.pose.values())


def test_the_centre_is_the_middle_of_the_image():
    images, targets = pairs()
    assert torch.equal(CentreCrop()(images, targets, seeded()).images, images[..., 8:40, 8:40])


def test_larger_images_are_averaged_down():
    images, targets = pairs(side=96)
    small = CentreCrop(size=48)(images, targets, seeded()).images
    assert torch.allclose(small[0, 1, 5, 7], images[0, 1, 10:12, 14:16].mean())


def test_without_a_change_of_light_the_window_is_an_exact_copy():
    images, targets = pairs(2000, side=6)
    crop = RandomCrop(size=4, canvas=6, brightness=0, contrast=(1, 1))
    batch = crop(images, targets, seeded())
    corners = batch.pose["corner"]
    assert len(corners.unique(dim=0)) == 9 and corners.min() == 0 and corners.max() == 2
    for row, column in corners.unique(dim=0).tolist():
        here = (corners == torch.tensor([row, column])).all(dim=1)
        window = images[here][..., row : row + 4, column : column + 4]
        assert torch.allclose(batch.images[here], window, atol=1e-6)


def test_light_changes_as_the_pose_says_and_alike_in_both_images():
    images = 0.5 + 0.1 * (pairs()[0] - 0.5)  # far from 0 and 1, so that nothing is clipped
    crop = RandomCrop(size=48)
    batch = crop(images, pairs()[1], seeded())
    mean = images.mean(dim=(1, 2, 3))
    expected = mean + batch.pose["brightness"]
    assert torch.allclose(batch.images.mean(dim=(1, 2, 3)), expected, atol=1e-5)
    spread = batch.images.std(dim=(2, 3)) / images.std(dim=(2, 3))
    assert torch.allclose(spread, batch.pose["contrast"].unsqueeze(1).expand(16, 2), atol=1e-3)
    assert batch.pose["contrast"].min() >= 0.5 and batch.pose["contrast"].max() <= 1.5
    assert batch.pose["brightness"].abs().max() <= 0.125


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomCrop(size=49), "size must be at most 48, the canvas, got 49"),
        (lambda: CentreCrop(size=0), "size must be at least 1, got 0"),
        (lambda: RandomCrop(contrast=(1.5, 0.5)), "contrast must be"),
        (lambda: CentreCrop()(*pairs(side=64), seeded()), "48x48 pixels or a multiple, got 64x64"),
        (lambda: RandomCrop()(*pairs(side=32), seeded()), "48x48 pixels or a multiple, got 32x32"),
    ],
)
def test_bad_sizes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_pose_needs_one_row_per_image():
    images, targets = torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.zeros(3).long()
    with pytest.raises(ValueError, match="pose 'azimuth' must have one row for each of 3 images"):
        ImageSet("made", images, targets, ("a",), {"azimuth": torch.zeros(2)})
