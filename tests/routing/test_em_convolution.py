"""EM routing from windows is EM routing on the dense tensor, and every parent competes."""

import pytest
import torch
from torch.testing import assert_close

from capsedu.routing.em import VARIANCE_FLOOR, em_routing, em_routing_steps
from capsedu.routing.em_convolution import (
    divide_children,
    em_convolution,
    em_convolution_steps,
    windows_on,
)

GRIDS = [
    # h, w, kernel, stride
    (5, 5, 3, 1),
    (7, 7, 3, 2),
    (6, 4, 2, 2),  # no child has more than one window
    (5, 6, 3, 2),  # the last column is in no window
    (4, 3, 1, 1),
    (5, 5, 1, 2),  # most children are in no window
    (3, 3, 3, 1),  # one window
    (5, 4, 2, 3),  # gaps between the windows
]


def case(windows, height, width, batch=2, types=2, parents=3, components=4, dtype=torch.float64):
    """Votes in windows, and the activations of the children's grid."""
    window, places = windows.cells.shape
    votes = torch.randn(parents, types, window, components, batch, places, dtype=dtype)
    activations = torch.rand(types, batch, height, width, dtype=dtype)
    biases = torch.randn(2, parents, dtype=dtype)
    return votes, activations, *biases


def windowed(activations, windows):
    return windows.of(activations).transpose(1, 2)  # [i, k, b, p]


def dense(votes, activations, description_bias, activation_bias, windows):
    """The arguments of em_routing_steps for the same votes: children (i, cell), parents (j, p)."""
    parents, types, window, components, batch, places = votes.shape
    grid = activations.shape[2] * activations.shape[3]
    everything = votes.new_zeros(batch, types, grid, parents, places, components)
    connected = torch.zeros(types, grid, parents, places, dtype=torch.bool)
    for k in range(window):
        for p in range(places):
            everything[:, :, windows.cells[k, p], :, p] = votes[:, :, k, :, :, p].permute(
                3, 1, 0, 2
            )
            connected[:, windows.cells[k, p], :, p] = True
    return (
        everything.flatten(3, 4).flatten(1, 2),
        activations.flatten(2).transpose(0, 1).flatten(1),
        description_bias.repeat_interleave(places),
        activation_bias.repeat_interleave(places),
        connected.flatten(2).flatten(0, 1),
    )


def as_parents(tensor, parents):
    """[b, j * p, ...] to [j, ..., b, p]."""
    tensor = tensor.unflatten(1, (parents, -1))  # [b, j, p, ...]
    return tensor.movedim(0, -1).movedim(1, -1)


@pytest.mark.parametrize(("height", "width", "kernel", "stride"), GRIDS)
def test_every_iteration_equals_routing_on_the_dense_tensor(height, width, kernel, stride):
    windows = windows_on(height, width, kernel, stride)
    votes, activations, *biases = case(windows, height, width)
    *arguments, connected = dense(votes, activations, *biases, windows)
    expected = em_routing_steps(*arguments, 4, connected)
    found = em_convolution_steps(votes, windowed(activations, windows), *biases, windows, 4)
    for ours, theirs in zip(found, expected, strict=True):
        for name in ("means", "variances", "costs", "activations"):
            assert_close(getattr(ours, name), as_parents(getattr(theirs, name), len(votes)))
        assigned = theirs.assignments.unflatten(2, (3, -1)).unflatten(1, (2, -1))
        for k, row in enumerate(windows.cells):
            for p, cell in enumerate(row):
                at_place = assigned[:, :, cell, :, p].permute(2, 1, 0)  # [j, i, b]
                assert_close(ours.assignments[:, :, k, :, p], at_place)


@pytest.mark.parametrize(("height", "width", "kernel", "stride"), GRIDS)
def test_the_gradients_equal_those_of_the_dense_tensor(height, width, kernel, stride):
    windows = windows_on(height, width, kernel, stride)
    inputs = [x.requires_grad_() for x in case(windows, height, width)]
    votes, activations, *biases = inputs
    ours = em_convolution(votes, windowed(activations, windows), *biases, windows)
    *arguments, connected = dense(*inputs, windows)
    theirs = [as_parents(x, len(votes)) for x in em_routing(*arguments, 3, connected)]
    grads = [torch.randn_like(x) for x in ours]
    assert_close(
        torch.autograd.grad(ours, inputs, grads), torch.autograd.grad(theirs, inputs, grads)
    )


def test_gradients_are_right():
    windows = windows_on(3, 3, 2)
    votes, activations, *biases = case(windows, 3, 3, 1, 1, 2, 2)
    inputs = [x.requires_grad_() for x in (votes, windowed(activations, windows), *biases)]
    inputs = [x.detach().requires_grad_() for x in inputs]
    assert torch.autograd.gradcheck(lambda *x: em_convolution(*x, windows, 3), inputs)


@pytest.mark.parametrize(("height", "width", "kernel", "stride"), GRIDS)
def test_windows_are_those_of_a_convolution(height, width, kernel, stride):
    windows = windows_on(height, width, kernel, stride)
    grid = torch.randn(2, 3, height, width)
    expected = torch.nn.functional.unfold(grid, kernel, stride=stride).unflatten(1, (3, -1))
    assert_close(windows.of(grid), expected)


@pytest.mark.parametrize(("height", "width", "kernel", "stride"), GRIDS)
def test_a_child_gives_away_all_of_itself_over_every_window_it_is_in(height, width, kernel, stride):
    windows = windows_on(height, width, kernel, stride)
    votes, activations, *biases = case(windows, height, width)
    seen = torch.bincount(windows.cells.flatten(), minlength=height * width) > 0
    for step in em_convolution_steps(votes, windowed(activations, windows), *biases, windows):
        per_window = step.assignments.sum(dim=0).transpose(1, 2).flatten(2)  # [i, b, k * p]
        given = torch.zeros(2, 2, height * width, dtype=torch.float64)
        given.index_add_(2, windows.cells.flatten(), per_window)
        assert_close(given, seen.double().expand_as(given))
        assert (step.variances >= VARIANCE_FLOOR).all()


def test_a_parent_in_another_window_takes_children_away():
    """Public code often normalises within a window, and then this changes nothing."""
    windows = windows_on(3, 4, 3)  # two windows that share six of nine cells
    votes, activations, *biases = case(windows, 3, 4)
    before, _ = em_convolution(votes, windowed(activations, windows), *biases, windows)
    changed = votes.clone()
    changed[..., 1] = 0  # the right window's votes agree perfectly now
    after, _ = em_convolution(changed, windowed(activations, windows), *biases, windows)
    assert not torch.allclose(before[..., 0], after[..., 0], atol=1e-3)


def test_divided_children_survive_any_logits():
    windows = windows_on(4, 4, 2)
    logits = 1e4 * torch.randn(3, 2, 4, 2, 9)
    divided = divide_children(logits, windows)
    assert divided.isfinite().all()
    assert_close(divided, divide_children(logits - 3e4, windows), atol=1e-2, rtol=0)
    assert_close(divided.sum().item(), 2 * 2 * 16.0)


@pytest.mark.parametrize("scale", [0.0, 1e-10, 1.0, 100.0])
def test_it_stays_finite_in_float32(scale):
    windows = windows_on(14, 14, 3, 2)
    votes, activations, *biases = case(windows, 14, 14, 1, 8, 4, 16, torch.float32)
    activations[:, :, :7] = 0  # some parents get nothing at all
    votes, activations = (scale * votes).requires_grad_(), activations.requires_grad_()
    means, found = em_convolution(votes, windowed(activations, windows), *biases, windows)
    (means.sum() + found.sum()).backward()
    for tensor in (means, found, votes.grad, activations.grad):
        assert tensor.isfinite().all()


def test_autocast_leaves_the_routing_in_float32():
    windows = windows_on(5, 5, 3)
    votes, activations, *biases = case(windows, 5, 5, dtype=torch.float32)
    arguments = votes, windowed(activations, windows), *biases, windows
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = em_convolution(*arguments)
    assert_close(mixed, em_convolution(*arguments), rtol=0, atol=0)
    low, _ = em_convolution(votes.bfloat16(), *arguments[1:])
    assert low.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"votes": torch.rand(2, 3)}, ValueError, r"votes must have shape \[j, i, k, d, b, p\]"),
        ({"activations": torch.rand(2, 9, 1, 9)}, ValueError, r"activations .* \[2, 9, 2, 9\]"),
        ({"description_bias": torch.rand(4)}, ValueError, r"description_bias .* \[3\].* \[4\]"),
        ({"activation_bias": torch.rand(4)}, ValueError, r"activation_bias .* \[3\].* \[4\]"),
        ({"windows": windows_on(5, 5, 2)}, ValueError, r"windows.cells .* \[9, 9\].* \[4, 16\]"),
        ({"iterations": 0}, ValueError, "iterations must be at least 1"),
    ],
)
def test_bad_input_is_named(change, error, message):
    windows = windows_on(5, 5, 3)
    votes, activations, *biases = case(windows, 5, 5)
    arguments = {
        "votes": votes,
        "activations": windowed(activations, windows),
        "description_bias": biases[0],
        "activation_bias": biases[1],
        "windows": windows,
    }
    with pytest.raises(error, match=message):
        em_convolution(**{**arguments, **change})


def test_a_window_larger_than_the_grid_is_named():
    with pytest.raises(ValueError, match="kernel must fit into the grid of 5x2, got 3"):
        windows_on(5, 2, 3)
    with pytest.raises(ValueError, match="stride must be at least 1, got 0"):
        windows_on(5, 5, 3, 0)
