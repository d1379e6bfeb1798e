import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from capsedu.routing.em import VARIANCE_FLOOR, em_routing, em_routing_steps, inverse_temperature


def case(batch=2, children=12, parents=3, components=4, dtype=torch.float64):
    votes = torch.randn(batch, children, parents, components, dtype=dtype)
    activations = torch.rand(batch, children, dtype=dtype)
    biases = torch.randn(2, parents, dtype=dtype)
    return votes, activations, *biases


def by_hand(votes, activations, description_bias, activation_bias, iterations):
    """Procedure 1 as it is printed, in double loops, for one image and all parents connected."""
    children, parents, components = votes.shape
    r = torch.full((children, parents), 1 / parents, dtype=votes.dtype)
    for t in range(iterations):
        mean, sigma2, a = {}, {}, {}
        for j in range(parents):
            weight = [r[i, j] * activations[i] for i in range(children)]
            total = sum(weight)
            cost = 0
            for h in range(components):
                mean[j, h] = sum(w * votes[i, j, h] for i, w in enumerate(weight)) / total
                deviation = [(votes[i, j, h] - mean[j, h]) ** 2 for i in range(children)]
                sigma2[j, h] = sum(map(torch.mul, weight, deviation)) / total + VARIANCE_FLOOR
                cost = cost + (description_bias[j] + sigma2[j, h].sqrt().log()) * total
            a[j] = torch.sigmoid(inverse_temperature(t) * (activation_bias[j] - cost))
        for i in range(children):
            p = []
            for j in range(parents):
                density = a[j]
                for h in range(components):
                    density = (
                        density
                        * torch.exp(-((votes[i, j, h] - mean[j, h]) ** 2) / (2 * sigma2[j, h]))
                        / torch.sqrt(2 * math.pi * sigma2[j, h])
                    )
                p.append(density)
            r[i] = torch.stack(p) / sum(p)
    means = torch.stack(
        [torch.stack([mean[j, h] for h in range(components)]) for j in range(parents)]
    )
    return means, torch.stack([a[j] for j in range(parents)])


@pytest.mark.parametrize("iterations", [1, 2, 4])
def test_the_procedure_as_printed(iterations):
    votes, activations, *biases = case(batch=2, children=5)
    means, found = em_routing(votes, activations, *biases, iterations)
    for b in range(2):
        expected = by_hand(votes[b], activations[b], *biases, iterations)
        assert_close((means[b], found[b]), expected)


def test_the_inverse_temperature_rises_as_the_authors_say():
    assert [inverse_temperature(t) for t in range(3)] == pytest.approx([5e-4, 9.75e-4, 0.00142625])


@given(
    st.integers(1, 4), st.integers(1, 9), st.integers(1, 5), st.integers(1, 6), st.integers(1, 4)
)
def test_every_child_gives_away_all_of_itself(batch, children, parents, components, iterations):
    for step in em_routing_steps(*case(batch, children, parents, components), iterations):
        assert_close(step.assignments.sum(dim=2), torch.ones(batch, children, dtype=torch.float64))
        assert (step.variances >= VARIANCE_FLOOR).all()
        assert ((step.activations >= 0) & (step.activations <= 1)).all()


def test_parents_compete_only_for_children_that_vote_for_them():
    votes, activations, *biases = case(children=4, parents=3)
    connected = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 0, 0]], dtype=torch.bool)
    for step in em_routing_steps(votes, activations, *biases, 3, connected):
        assert (step.assignments[:, ~connected] == 0).all()
        given_away = torch.tensor([1.0, 1, 1, 0], dtype=torch.float64).expand(2, -1)
        assert_close(step.assignments.sum(dim=2), given_away)
    # A parent of its own place takes nothing from parents that share no child with it, ...
    apart = torch.tensor([[1, 0], [0, 1]], dtype=torch.bool)
    votes, activations, *biases = case(children=2, parents=2)
    means, _ = em_routing(votes, activations, *biases, 3, apart)
    assert_close(means, torch.stack([votes[:, 0, 0], votes[:, 1, 1]], dim=1))
    # ... but one that shares a child does.
    votes, activations, *biases = case(children=3, parents=2)
    shared = torch.tensor([[1, 0], [1, 1], [0, 1]], dtype=torch.bool)
    first = [bias[:1] for bias in biases]
    alone, _ = em_routing(votes[:, :2, :1], activations[:, :2], *first, 3)
    beside, _ = em_routing(votes, activations, *biases, 3, shared)
    assert not torch.allclose(alone[:, 0], beside[:, 0], atol=1e-3)


def test_a_child_that_is_absent_does_not_count():
    votes, activations, *biases = case()
    activations[:, 5] = 0
    means, found = em_routing(votes, activations, *biases)
    rest = [k for k in range(12) if k != 5]
    assert_close(em_routing(votes[:, rest], activations[:, rest], *biases), (means, found))
    moved = activations.roll(1, dims=1)  # and activations do count
    assert not torch.allclose(em_routing(votes, moved, *biases)[0], means, atol=1e-3)


def test_the_order_of_the_children_does_not_matter():
    votes, activations, *biases = case()
    order = torch.randperm(12)
    shuffled = em_routing(votes[:, order], activations[:, order], *biases)
    assert_close(shuffled, em_routing(votes, activations, *biases))


def test_the_parent_that_votes_agree_on_is_more_active():
    votes, activations, *_ = case(parents=2, children=20)
    votes[:, :, 0] = torch.tensor([1.0, 2, 3, 4]) + 0.05 * votes[:, :, 0]
    zeros = torch.zeros(2, dtype=torch.float64)
    steps = list(em_routing_steps(votes, activations, zeros, zeros, 3))
    assert (steps[-1].activations[:, 0] > steps[-1].activations[:, 1]).all()
    assert (steps[-1].costs[:, 0] < steps[-1].costs[:, 1]).all()
    agreed = torch.tensor([1.0, 2, 3, 4], dtype=torch.float64).expand(2, -1)
    assert_close(steps[-1].means[:, 0], agreed, atol=0.1, rtol=0)


def test_gradients_are_right():
    votes, activations, *biases = case(1, 3, 2, 2)
    inputs = [x.requires_grad_() for x in (votes, activations, *biases)]
    assert torch.autograd.gradcheck(lambda *x: em_routing(*x, iterations=3), inputs)


@pytest.mark.parametrize("scale", [0.0, 1e-10, 1.0, 100.0])
def test_ten_thousand_children_stay_finite_in_float32(scale):
    votes, activations, *biases = case(1, 10_000, 4, 16, dtype=torch.float32)
    votes = (scale * votes).requires_grad_()
    means, found = em_routing(votes, activations, *biases)
    (means.sum() + found.sum()).backward()
    for tensor in (means, found, votes.grad):
        assert tensor.isfinite().all()


def test_a_parent_without_votes_and_children_without_activation_stay_finite():
    votes, activations, *biases = case(dtype=torch.float32)
    votes.requires_grad_()
    connected = torch.ones(12, 3, dtype=torch.bool)
    connected[:, 1] = False
    means, found = em_routing(votes, torch.zeros_like(activations), *biases, 3, connected)
    (means.sum() + found.sum()).backward()
    assert means.isfinite().all() and found.isfinite().all() and votes.grad.isfinite().all()


def test_autocast_leaves_the_routing_in_float32():
    votes, activations, *biases = case(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = em_routing(votes, activations, *biases)
    assert_close(mixed, em_routing(votes, activations, *biases), rtol=0, atol=0)
    low, _ = em_routing(votes.bfloat16(), activations, *biases)
    assert low.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"votes": torch.rand(2, 3, 4)}, r"votes must have shape \[b, i, j, d\]"),
        ({"activations": torch.rand(2, 5)}, r"activations must have shape \[2, 3\].*got \[2, 5\]"),
        ({"description_bias": torch.rand(3)}, r"description_bias must have shape \[4\]"),
        ({"activation_bias": torch.rand(4, 1)}, r"activation_bias must have shape \[4\]"),
        ({"iterations": 0}, "iterations"),
        ({"connected": torch.ones(4, 3, dtype=torch.bool)}, r"connected must have shape \[3, 4\]"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {
        "votes": torch.rand(2, 3, 4, 5),
        "activations": torch.rand(2, 3),
        "description_bias": torch.rand(4),
        "activation_bias": torch.rand(4),
    }
    with pytest.raises(ValueError, match=message):
        em_routing(**{**arguments, **change})
