"""Black-and-white draws of grey images."""

import torch

from capsedu.data import BatchStream, Binarised, ImageSet, OverlappingPairs

GREY = ImageSet(
    "grey",
    torch.full((40, 1, 20, 20), 64, dtype=torch.uint8),
    torch.arange(40) % 10,
    tuple("0123456789"),
)


def test_pixels_are_zero_or_one_and_grey_on_average():
    batch = BatchStream(GREY, 40, Binarised()).batch(0)
    assert batch.images.unique().tolist() == [0.0, 1.0]
    assert abs(batch.images.mean().item() - 64 / 255) < 0.02


def test_black_and_white_stay_what_they_are():
    images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    drawn = Binarised()(images, torch.zeros(2).long(), torch.Generator()).images
    assert torch.equal(drawn, images)


def test_training_draws_anew_and_an_evaluation_once():
    train = BatchStream(GREY, 40, Binarised(), seed=3)
    assert not torch.equal(train.batch(0).images, train.batch(1).images)
    assert torch.equal(train.batch(1).images, train.batch(1).images)
    test = BatchStream(GREY, 20, Binarised(), shuffle=False)
    first, again = (torch.cat([batch.images for batch in test]) for _ in range(2))
    assert torch.equal(first, again)


def test_another_transform_may_come_before():
    pairs = BatchStream(GREY, 20, Binarised(OverlappingPairs(28))).batch(0)
    assert pairs.images.shape == (20, 1, 28, 28) and pairs.targets.shape == (20, 10)
    assert pairs.images.unique().tolist() == [0.0, 1.0]
    assert "shift" in pairs.pose and pairs.layers.max() < 1
