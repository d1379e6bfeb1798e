import pytest
import torch

from capsedu.data import (
    AffineDigits,
    Identity,
    OverlappingPairs,
    Pad,
    PadAndPlace,
    RotatedDigits,
    Shift,
    affine_images,
    affine_matrix,
    load,
)

EVERY = [
    Identity(),
    Shift(),
    Pad(40),
    PadAndPlace(),
    RotatedDigits(32, 30.0),
    AffineDigits(),
    OverlappingPairs(),
]
SIDES = {Pad: 40, PadAndPlace: 40, RotatedDigits: 32, AffineDigits: 40, OverlappingPairs: 36}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def some_images(b=32, channels=1, size=28):
    """Ink in a box of (size - 8) pixels, as MNIST has it, and targets of ten classes."""
    images = torch.zeros(b, channels, size, size)
    images[..., 4:-4, 4:-4] = torch.rand(b, channels, size - 8, size - 8, generator=seeded(9))
    return images, torch.arange(b) % 10


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_the_pose_alone_makes_the_images_again(transform, channels):
    images, targets = some_images(channels=channels)
    untouched = images.clone()
    batch = transform(images, targets, seeded())
    side = SIDES.get(type(transform), 28)
    assert batch.images.shape == (32, channels, side, side)
    assert batch.images.dtype == torch.float32
    assert batch.images.min() >= 0 and batch.images.max() <= 1
    assert torch.equal(transform.apply(images, batch.pose), batch.images)
    assert torch.equal(images, untouched)
    assert all(len(value) == 32 for value in batch.pose.values())


@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_the_generator_is_the_only_randomness(transform):
    images, targets = some_images()
    first, again = (transform(images, targets, seeded(5)) for _ in range(2))
    other = transform(images, targets, seeded(6))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.images, other.images) == (type(transform) in (Identity, Pad))


@pytest.mark.parametrize("transform", [Shift(), RotatedDigits(), PadAndPlace(), AffineDigits()])
def test_each_image_has_its_own_pose(transform):
    images, targets = some_images()
    for value in transform(images, targets, seeded()).pose.values():
        assert len(value.unique(dim=0)) > 10


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_a_gpu_gives_the_poses_of_the_cpu(transform):
    images, targets = some_images()
    here = transform(images, targets, seeded())
    there = transform(images.cuda(), targets.cuda(), seeded())
    assert there.images.is_cuda
    assert torch.allclose(here.images, there.images.cpu(), atol=1e-4)


def test_identity_leaves_everything_as_it_is():
    images, targets = some_images()
    batch = Identity()(images, targets, seeded())
    assert torch.equal(batch.images, images) and torch.equal(batch.targets, targets)
    assert batch.pose == {} and batch.layers is None


def test_pad_puts_the_image_in_the_middle():
    images, targets = some_images()
    padded = Pad(40)(images, targets, seeded()).images
    assert torch.equal(padded[..., 6:-6, 6:-6], images)
    assert torch.isclose(padded.sum(), images.sum())


def test_shift_draws_every_shift_equally_often():
    images = torch.zeros(5000, 1, 1, 1)
    shift = Shift(2).sample(images, torch.zeros(5000), seeded())["shift"]
    counts = torch.bincount((shift[:, 0] + 2) * 5 + shift[:, 1] + 2)
    assert len(counts) == 25 and counts.min() > 140 and counts.max() < 260  # 200 expected


def test_pad_and_place_reaches_every_place_and_loses_nothing():
    images, targets = torch.ones(5000, 1, 3, 3), torch.zeros(5000, dtype=torch.int64)
    batch = PadAndPlace(size=6)(images, targets, seeded())
    assert (batch.images.flatten(1).sum(1) == 9).all()
    assert batch.images.amax(dim=0).min() == 1
    assert torch.bincount(batch.images.flatten(1).argmax(1)).count_nonzero() == 16
    assert batch.pose["shift"].min() == -1 and batch.pose["shift"].max() == 2


def test_rotated_digits_stay_within_their_degrees():
    images, targets = some_images(1000, size=12)
    angle = RotatedDigits(16, 30.0).sample(images, targets, seeded())["angle"]
    assert angle.min() < -25 and angle.max() > 25 and angle.abs().max() <= 30


def test_rotated_digits_fill_the_canvas_as_they_filled_the_image():
    images, targets = some_images(8)
    larger = RotatedDigits(56, 0.0)(images, targets, seeded()).images
    back = torch.nn.functional.avg_pool2d(larger, 2)
    assert (back - images).abs().mean() < 0.1  # enlarging blurs a little
    assert larger.mean() == pytest.approx(images.mean().item(), abs=0.01)
    a_turn = RotatedDigits(28, 30.0)
    turned = a_turn.apply(images[:1], {"angle": torch.tensor([90.0])})
    torch.testing.assert_close(turned[0, 0], images[0, 0].rot90(), atol=1e-4, rtol=0)


def test_affine_digits_follow_the_recipe():
    images, targets = some_images(1000, size=28)
    pose = AffineDigits().sample(images, targets, seeded())
    for name, low, high in [("angle", -20, 20), ("shear", -0.2, 0.2), ("scale", 0.8, 1.2)]:
        width = high - low
        assert low <= pose[name].min() < low + 0.05 * width
        assert high - 0.05 * width < pose[name].max() <= high
    assert pose["shift"].abs().max() <= 8


def test_affine_digits_stay_on_the_canvas():
    images, targets = some_images(200)
    recipe = AffineDigits()
    pose = recipe.sample(images, targets, seeded())
    on_canvas = recipe.apply(images, pose)
    # Drawn on a canvas with room to spare, nearly no ink lies outside the smaller one.
    with_room = affine_images(images, affine_matrix(**pose), size=80)
    lost = 1 - on_canvas.sum() / with_room.sum()
    assert 0 <= lost < 0.01


def test_a_digit_too_large_for_the_canvas_is_put_in_its_middle():
    images, targets = torch.ones(50, 1, 28, 28), torch.zeros(50, dtype=torch.int64)
    pose = AffineDigits(size=28, degrees=0, shear=0, scale=(2, 2)).sample(images, targets, seeded())
    assert pose["shift"].abs().max() < 1e-4


def test_an_image_without_ink_is_moved_like_any_other():
    images, targets = torch.zeros(50, 1, 28, 28), torch.zeros(50, dtype=torch.int64)
    batch = AffineDigits()(images, targets, seeded())
    assert batch.images.sum() == 0
    assert batch.pose["shift"].isfinite().all() and batch.pose["shift"].abs().max() <= 8


@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_are_the_clipped_sum_of_their_layers(channels):
    images, targets = some_images(channels=channels)
    batch = OverlappingPairs()(images, targets, seeded())
    assert batch.layers.shape == (32, 2, channels, 36, 36)
    assert torch.equal(batch.images, batch.layers.sum(1).clamp(max=1))
    assert (batch.layers.sum(1) > 1).any()  # or clipping would not have been tested
    sums = batch.layers.flatten(2).sum(2)
    assert torch.allclose(sums[:, 0], images.flatten(1).sum(1))
    assert torch.allclose(sums[:, 1], images.flatten(1).sum(1)[batch.pose["partner"]])


def test_pairs_have_two_classes_even_if_one_is_rare():
    images, _ = some_images(64)
    targets = torch.zeros(64, dtype=torch.int64)
    targets[17] = 3
    for seed in range(20):
        batch = OverlappingPairs()(images, targets, seeded(seed))
        assert (batch.layer_targets[:, 0] != batch.layer_targets[:, 1]).all()
        assert batch.targets.shape == (64, 10) and batch.targets.dtype == torch.float32
        assert (batch.targets.sum(1) == 2).all() and batch.targets.max() == 1
        assert (batch.targets.gather(1, batch.layer_targets) == 1).all()


def test_every_image_of_another_class_is_an_equally_likely_partner():
    images, targets = torch.zeros(4, 1, 1, 1), torch.tensor([0, 0, 1, 2])
    pairs, generator = OverlappingPairs(size=1, shift=0), seeded()
    drawn = torch.stack([pairs.sample(images, targets, generator)["partner"] for _ in range(2000)])
    counts = torch.stack([(drawn == partner).float().mean(0) for partner in range(4)], dim=1)
    third = 1 / 3
    expected = [[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], [third, third, 0, third]]
    assert torch.allclose(counts[:3], torch.tensor(expected), atol=0.04)


def test_boxes_of_a_pair_share_73_percent_on_average():
    images, targets = torch.zeros(4000, 1, 28, 28), torch.arange(4000) % 10
    shift = OverlappingPairs().sample(images[:2000], targets[:2000], seeded())["shift"]
    apart = (shift[:, 0] - shift[:, 1]).abs()
    share = ((20 - apart) / 20).prod(dim=1).mean()
    assert abs(share - (1 - 80 / 27 / 20) ** 2) < 0.01


def test_impossible_pairs_are_refused():
    images, targets = some_images()
    with pytest.raises(ValueError, match="at least two classes"):
        OverlappingPairs()(images, torch.full((32,), 4), seeded())
    with pytest.raises(ValueError, match=r"at least 36 .* got 30"):
        OverlappingPairs(size=30)(images, targets, seeded())
    with pytest.raises(ValueError, match="class indices from 0 to 4"):
        OverlappingPairs(classes=5)(images, targets, seeded())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shift(-1), "pixels must be at least 0, got -1"),
        (lambda: Pad(0), "size must be at least 1, got 0"),
        (lambda: AffineDigits(scale=(1.2, 0.8)), "scale must be"),
        (lambda: PadAndPlace(20)(*some_images(), seeded()), "at least 28 .* got 20"),
        (lambda: AffineDigits(20)(*some_images(), seeded()), "at least 28 .* got 20"),
    ],
)
def test_bad_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_images_must_be_floats_with_channels():
    with pytest.raises(TypeError, match=r"floating-point numbers, got torch\.uint8"):
        Shift()(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(2), seeded())
    with pytest.raises(ValueError, match=r"\[b, c, h, w\], got \[2, 4, 4\]"):
        Shift()(torch.zeros(2, 4, 4), torch.zeros(2), seeded())


def test_real_digits_survive_the_recipe():
    digits = load("digits", train=False)
    images = digits.images[:100].float() / 255
    batch = AffineDigits()(images, digits.targets[:100], seeded())
    grown = batch.pose["scale"].prod(dim=1) * images.flatten(1).sum(1)
    assert torch.allclose(batch.images.flatten(1).sum(1), grown, rtol=0.15)
