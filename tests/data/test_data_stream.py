import pytest
import torch

from capsedu.data import AffineDigits, BatchStream, ImageSet, OverlappingPairs, Shift, load


def numbered(n=20):
    """Images that carry their own number as their grey value."""
    images = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1)
    return ImageSet("numbered", images, torch.arange(n) % 10, tuple("0123456789"))


def numbers(batch):
    return (batch.images.flatten() * 255).round().int().tolist()


def same(first, second):
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.targets, second.targets)
    assert first.pose.keys() == second.pose.keys()
    assert all(torch.equal(first.pose[key], second.pose[key]) for key in first.pose)


@pytest.mark.parametrize("transform", [Shift(), AffineDigits(), OverlappingPairs()])
def test_a_batch_is_a_pure_function_of_seed_and_number(transform):
    digits = load("digits", train=False)
    stream = BatchStream(digits, 64, transform, seed=3)
    in_order = [stream.batch(n) for n in range(8)]
    for n in (7, 0, 3, 5):
        same(BatchStream(digits, 64, transform, seed=3).batch(n), in_order[n])
    torch.manual_seed(123)  # the global generator plays no part
    same(stream.batch(2), in_order[2])
    assert not torch.equal(
        BatchStream(digits, 64, transform, seed=4).batch(0).images, in_order[0].images
    )


def test_an_epoch_shows_every_image_once_in_a_new_order():
    stream = BatchStream(numbered(), 6, seed=1)
    assert len(stream) == 4
    epochs = [[number for batch in stream for number in numbers(batch)] for _ in range(3)]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert list(range(20)) not in epochs


def test_images_are_floats_from_0_to_1_with_their_own_targets():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1)
    batch = BatchStream(
        ImageSet("made", images, torch.tensor([2, 1, 0]), ("a", "b", "c")), 3, shuffle=False
    ).batch(0)
    assert batch.images.dtype == torch.float32
    assert torch.allclose(batch.images.flatten(), torch.tensor([0, 0.2, 1]))
    assert batch.targets.tolist() == [2, 1, 0]
    shuffled = BatchStream(numbered(), 7).batch(1)
    assert [number % 10 for number in numbers(shuffled)] == shuffled.targets.tolist()


def test_poses_differ_between_batches_and_epochs():
    digits = load("digits", train=False)
    stream = BatchStream(digits, 100, Shift(4))
    first, second, next_epoch = (stream.batch(n).pose["shift"] for n in (0, 1, len(stream)))
    assert not torch.equal(first, second) and not torch.equal(first, next_epoch)


def test_start_at_goes_on_over_the_end_of_the_epoch():
    whole = BatchStream(numbered(), 6, seed=2)
    expected = [numbers(batch) for _ in range(3) for batch in whole]
    resumed = BatchStream(numbered(), 6, seed=2)
    resumed.start_at(6)  # the third batch of the second epoch
    rest = [numbers(batch) for batch in resumed]
    assert rest == expected[6:8]
    assert [numbers(batch) for batch in resumed] == expected[8:12]


def test_a_broken_off_epoch_goes_on_where_it_stopped():
    stream = BatchStream(numbered(), 5)
    seen = []
    for batch in stream:
        seen += numbers(batch)
        if len(seen) == 10:
            break
    assert stream.position == 2
    seen += [number for batch in stream for number in numbers(batch)]
    assert sorted(seen) == list(range(20))


def test_evaluation_gives_the_same_batches_every_time():
    digits = load("digits", train=False)
    stream = BatchStream(digits, 50, AffineDigits(), shuffle=False)
    first = list(stream)
    for batch in stream:
        same(batch, first[0])
        break
    again = list(stream)
    assert len(first) == len(again) == len(stream) == 8
    for one, other in zip(first, again, strict=True):
        same(one, other)
    assert torch.equal(torch.cat([batch.targets for batch in first]), digits.targets)
    same(stream.batch(len(stream) + 1), first[1])
    with pytest.raises(ValueError, match="shuffle=True"):
        stream.start_at(3)


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [6, 6, 6, 2]), (True, [6, 6, 6])])
def test_the_last_batch_is_smaller_or_dropped(drop_last, sizes):
    stream = BatchStream(numbered(), 6, drop_last=drop_last)
    assert [len(batch.images) for batch in stream] == sizes
    assert len(stream) == len(sizes)


def test_a_set_that_the_batches_divide_has_no_empty_batch():
    for drop_last in (False, True):
        assert len(BatchStream(numbered(), 5, drop_last=drop_last)) == 4


def test_bad_numbers_are_refused():
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        BatchStream(numbered(), 0)
    with pytest.raises(ValueError, match=r"at most 20, the size of 'numbered'.* got 21"):
        BatchStream(numbered(), 21, drop_last=True)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        BatchStream(numbered(), 4, seed=-1)
    with pytest.raises(ValueError, match="n must be at least 0, got -1"):
        BatchStream(numbered(), 4).batch(-1)
