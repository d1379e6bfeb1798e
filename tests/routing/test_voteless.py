"""Routing that never writes the votes down equals routing that does."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from capsedu.functional import squash
from capsedu.routing.dynamic import dynamic_routing, dynamic_routing_steps
from capsedu.routing.voteless import child_votes, route_children

ITERATIONS = [1, 2, 3, 5]
B, I, E, J, D = 3, 7, 4, 5, 6  # noqa: E741 (the book's index letters)


def random(*shape, scale=1.0, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(shape, generator=generator, dtype=dtype)).requires_grad_()


def children_and_weight(b=B, i=I, e=E, j=J, d=D, dtype=torch.float64):
    return random(b, i, e, dtype=dtype), random(j, e, i, d, scale=0.5, seed=1, dtype=dtype)


def readable(children, weight, iterations):
    """Votes by equation 2, routing by procedure 1, gradient by autograd."""
    *_, last = dynamic_routing_steps(child_votes(children, weight), iterations)
    return last.poses


def value_and_gradients(route, children, weight, iterations):
    poses = route(children, weight, iterations)
    loss = (poses * random(*poses.shape, seed=2).detach()).sum()
    return poses, *torch.autograd.grad(loss, (children, weight))


def test_a_vote_is_the_child_times_the_matrix_of_the_pair():
    children, weight = children_and_weight()
    votes = child_votes(children, weight)
    assert votes.shape == (B, I, J, D)
    assert_close(votes[1, 2, 3], children[1, 2] @ weight[3, :, 2])


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_value_and_gradients_equal_those_through_the_readable_version(iterations):
    inputs = (*children_and_weight(), iterations)
    assert_close(
        value_and_gradients(route_children, *inputs), value_and_gradients(readable, *inputs)
    )


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_first_and_second_derivatives_are_the_numeric_ones(iterations):
    inputs = children_and_weight(2, 3, 2, 2, 2)

    def route(children, weight):
        return route_children(children, weight, iterations)

    assert gradcheck(route, inputs)
    assert gradgradcheck(route, inputs)


def test_second_derivatives_are_right_where_the_children_depend_on_the_weight():
    """As in two rounds through one layer, whose weight is shared."""
    children, weight = children_and_weight(2, 3, 3, 3, 3)

    def gradient_norm(route):
        poses = route(route(children, weight, 2), weight, 2)
        (gradient,) = torch.autograd.grad(poses.square().sum(), weight, create_graph=True)
        return gradient, *torch.autograd.grad(gradient.square().sum(), weight)

    assert_close(gradient_norm(route_children), gradient_norm(readable))


def test_nothing_is_detached():
    """Public code that detaches all but the last iteration gets another gradient."""
    children, weight = children_and_weight()

    def detached(children, weight, iterations):
        votes = child_votes(children, weight)
        *_, last = dynamic_routing_steps(votes.detach(), iterations)
        return squash((last.couplings.unsqueeze(3) * votes).sum(dim=1))

    inputs = (children, weight, 3)
    poses, _, gradient = value_and_gradients(route_children, *inputs)
    same_poses, _, other = value_and_gradients(detached, *inputs)
    assert_close(poses, same_poses)
    assert (gradient - other).norm() > 0.01 * gradient.norm()


def test_the_order_of_the_children_does_not_matter():
    children, weight = children_and_weight()
    order = torch.tensor([6, 2, 0, 1, 5, 4, 3])
    moved = route_children(children[:, order], weight[:, :, order])
    assert_close(moved, route_children(children, weight))


def test_parents_in_another_order_come_out_in_that_order():
    children, weight = children_and_weight()
    order = torch.tensor([4, 2, 0, 1, 3])
    assert_close(
        route_children(children, weight[order]), route_children(children, weight)[:, order]
    )


def test_images_of_a_batch_do_not_influence_each_other():
    children, weight = children_and_weight()
    alone = torch.cat([route_children(image, weight) for image in children.split(1)])
    assert_close(route_children(children, weight), alone)


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_with_one_parent_there_is_nothing_to_route(iterations):
    children, weight = children_and_weight(j=1)
    expected = squash(child_votes(children, weight).sum(dim=1))
    assert_close(route_children(children, weight, iterations), expected)


def test_children_may_lie_in_memory_in_any_order():
    children, weight = children_and_weight()
    innermost = children.detach().transpose(1, 2).contiguous().transpose(1, 2)
    strided = children.detach().repeat_interleave(2, dim=1)[:, ::2]
    expected = value_and_gradients(route_children, children, weight, 3)
    for layout in (innermost, strided):
        assert not layout.is_contiguous()
        got = value_and_gradients(route_children, layout.requires_grad_(), weight, 3)
        assert_close(got, expected)


def test_inputs_and_incoming_gradient_are_left_as_they_were():
    children, weight = children_and_weight()
    innermost = children.detach().transpose(1, 2).contiguous().transpose(1, 2).requires_grad_()
    grad = random(B, J, D).detach()
    before = [t.detach().clone() for t in (innermost, weight, grad)]
    route_children(innermost, weight).backward(grad)
    assert_close([innermost.detach(), weight.detach(), grad], before, rtol=0, atol=0)


@pytest.mark.parametrize("fixed", ["children", "weight"])
def test_only_one_of_the_two_may_want_a_gradient(fixed):
    children, weight = children_and_weight()
    _, *expected = value_and_gradients(route_children, children, weight, 3)
    wanted, other = (weight, children) if fixed == "children" else (children, weight)
    other.requires_grad_(False)
    poses = route_children(children, weight)
    (gradient,) = torch.autograd.grad((poses * random(B, J, D, seed=2).detach()).sum(), wanted)
    assert_close(gradient, expected[fixed == "children"])


def test_without_gradients_there_is_no_graph():
    children, weight = children_and_weight()
    with torch.no_grad():
        assert not route_children(children, weight).requires_grad
    with torch.inference_mode():
        assert_close(route_children(children, weight), readable(children, weight, 3))


def test_large_agreements_do_not_overflow():
    children, weight = children_and_weight(dtype=torch.float32)
    poses, *gradients = value_and_gradients(route_children, 1e3 * children, weight, 3)
    assert all(t.isfinite().all() for t in (poses, *gradients))


def test_children_without_length_give_parents_without_length_and_a_finite_gradient():
    _, weight = children_and_weight()
    children = torch.zeros(B, I, E, dtype=torch.float64, requires_grad=True)
    poses, *gradients = value_and_gradients(route_children, children, weight, 3)
    assert (poses == 0).all()
    assert all(t.isfinite().all() for t in gradients)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_autocast_routing_stays_in_float32(dtype):
    children, weight = children_and_weight(dtype=torch.float32)
    children = children.detach().to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        poses = route_children(children, weight)
        poses.sum().backward()
    under_autocast, weight.grad = weight.grad, None
    expected = route_children(children.float(), weight)
    expected.sum().backward()
    assert poses.dtype == under_autocast.dtype == torch.float32
    assert_close(poses, expected, rtol=0, atol=0)
    assert_close(under_autocast, weight.grad, rtol=0, atol=0)


class LargestTensor(TorchDispatchMode):
    """Remembers how many numbers the largest tensor held that any operation returned."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        sizes = (t.numel() for t in tree_leaves(result) if isinstance(t, torch.Tensor))
        self.numel = max(self.numel, *sizes, 0)
        return result


@pytest.mark.parametrize("iterations", [1, 3])
def test_no_tensor_is_as_large_as_the_votes(iterations):
    b, i, e, j, d = 16, 24, 4, 5, 6
    children, weight = children_and_weight(b, i, e, j, d)

    def largest(route):
        with LargestTensor() as seen:
            route(children, weight, iterations).sum().backward()
        return seen.numel

    def through_votes(children, weight, iterations):
        return dynamic_routing(child_votes(children, weight), iterations)

    assert largest(through_votes) >= b * i * j * d
    assert largest(route_children) <= max(weight.numel(), children.numel(), b * i * j)


@pytest.mark.parametrize(
    ("children", "weight", "iterations", "error", "message"),
    [
        ((3, 7), (5, 4, 7, 6), 3, ValueError, r"children .* \[b, i, e\], got \[3, 7\]"),
        ((3, 7, 4), (5, 4, 7), 3, ValueError, r"weight .* \[j, e, i, d\], got \[5, 4, 7\]"),
        ((3, 4, 7), (5, 4, 7, 6), 3, ValueError, r"children .* \[b, 7, 4\] .* got \[3, 4, 7\]"),
        ((3, 7, 4), (5, 4, 7, 6), 0, ValueError, "iterations must be at least 1, got 0"),
        ((3, 7, 4), (5, 4, 7, 6), True, TypeError, "iterations must be a whole number, got True"),
    ],
)
def test_what_does_not_fit_is_named(children, weight, iterations, error, message):
    with pytest.raises(error, match=message):
        route_children(torch.zeros(children), torch.zeros(weight), iterations)


def test_whole_numbers_are_no_poses():
    with pytest.raises(TypeError, match="children must hold floating-point numbers"):
        route_children(torch.zeros(3, 7, 4).long(), torch.zeros(5, 4, 7, 6))
