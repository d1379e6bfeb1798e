import pytest
import torch

from capsedu.data import ImageSet
from capsedu.data.images import stratified_order


def image_set(counts):
    targets = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    images = torch.arange(len(targets), dtype=torch.uint8).reshape(-1, 1, 1, 1)
    return ImageSet("made", images, targets, tuple("abcdefgh"[: len(counts)]))


def test_a_subset_keeps_the_classes_in_proportion():
    whole = image_set([100, 50, 50])
    for seed in range(5):
        counts = torch.bincount(whole.subset(40, seed).targets, minlength=3)
        assert (counts - torch.tensor([20, 10, 10])).abs().max() <= 1


def test_a_subset_keeps_image_and_target_together():
    whole = image_set([10, 20, 30])
    part = whole.subset(25, seed=3)
    assert torch.equal(part.targets, whole.targets[part.images.flatten().long()])
    assert len(set(part.images.flatten().tolist())) == 25


def test_a_subset_depends_on_its_seed_only_and_grows():
    whole = image_set([50, 50])
    assert torch.equal(whole.subset(30, 1).images, whole.subset(30, 1).images)
    assert not torch.equal(whole.subset(30, 1).images, whole.subset(30, 2).images)
    assert torch.equal(whole.subset(30, 1).images, whole.subset(60, 1).images[:30])


def test_the_order_of_a_split_never_changes():
    # Stored here, so that a change of the library or of the code does not silently give
    # every reader another test half.
    order = stratified_order(torch.tensor([0, 0, 0, 1, 1, 2]), seed=0)
    assert order.tolist() == [2, 5, 3, 1, 4, 0]


@pytest.mark.parametrize("n", [0, 61])
def test_a_subset_of_impossible_size_is_refused(n):
    with pytest.raises(ValueError, match="n must be at"):
        image_set([60]).subset(n)


def test_bad_tensors_are_refused():
    images, targets = torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.tensor([0, 1])
    with pytest.raises(TypeError, match=r"uint8.*got torch\.float32"):
        ImageSet("made", images.float(), targets, ("a", "b"))
    with pytest.raises(ValueError, match=r"\[n, c, h, w\].*got \[2, 3, 3\]"):
        ImageSet("made", images[:, 0], targets, ("a", "b"))
    with pytest.raises(ValueError, match="from 0 to 0, got 0 to 1"):
        ImageSet("made", images, targets, ("a",))


def test_a_mask_chooses_images_with_all_that_is_known_of_them():
    images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1)
    whole = ImageSet("made", images, torch.arange(6) % 2, ("a", "b"), {"angle": torch.arange(6)})
    part = whole.where(whole.pose["angle"] % 3 == 1)
    assert part.images.flatten().tolist() == part.pose["angle"].tolist() == [1, 4]
    assert part.targets.tolist() == [1, 0] and part.classes == whole.classes
    assert len(whole.where(torch.zeros(6, dtype=torch.bool))) == 0


def test_a_mask_that_does_not_fit_is_refused():
    whole = image_set([2, 1])
    with pytest.raises(ValueError, match=r"mask .* each of 3 images, got torch\.bool \[2\]"):
        whole.where(torch.tensor([True, False]))
    with pytest.raises(ValueError, match=r"mask must hold a truth value .* got torch\.int64 \[3\]"):
        whole.where(torch.tensor([1, 0, 1]))
