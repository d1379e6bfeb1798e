r"""Dynamic routing that never writes the votes down.

A vote is a product, :math:`\hat u_{j|i} = u_i W_{ij}`, and routing only ever sums
votes over the children or compares them with a pose. Both can be had from the factors:

.. math::
    s_j = \sum_i c_{ij}\, u_i W_{ij} = (c_j \circ u)\, W_j, \qquad
    \hat u_{j|i} \cdot V_j = u_i \cdot (W_{ij} V_j)

where the right-hand sides are matrix products over the flattened (component, child) axis.
For CapsNet on MNIST at batch 128 the votes would be 94 MB, read and written in every
iteration, forwards and backwards; here nothing is larger than the weights.

Letters: ``e`` is a component of a child's pose, ``d`` one of a parent's.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from capsedu.errors import require_count, require_dims
from capsedu.functional import squash
from capsedu.routing.dynamic import dynamic_routing


def route_children(children: Tensor, weight: Tensor, iterations: int = 3) -> Tensor:
    """Dynamic routing from child poses and transformation weights, in little memory.

    Equal to ``dynamic_routing(child_votes(children, weight), iterations)``, in values, in
    gradients, and in gradients of gradients.

    Args:
        children: child poses ``[b, i, e]``. Fastest when the children are innermost in
            memory, as :class:`capsedu.layers.PrimaryCapsules` returns them.
        weight: one matrix per pair of child and parent, ``[j, e, i, d]``.
        iterations: how many times to couple, sum and squash.

    Returns:
        Parent poses ``[b, j, d]``, float32 under autocast.

    Raises:
        TypeError, ValueError: if a shape, dtype or ``iterations`` does not fit.

    Source: Sabour, section 2 and procedure 1.
    """
    _require_matching(children, weight)
    require_count("iterations", iterations)
    with torch.autocast(children.device.type, enabled=False):
        children = children.to(weight.dtype)
        u = children.transpose(1, 2).contiguous()
        return _RouteChildren.apply(u, weight, iterations, torch.is_grad_enabled())


def child_votes(children: Tensor, weight: Tensor) -> Tensor:
    r"""The votes themselves, :math:`\hat u_{j|i} = u_i W_{ij}`, for looking at.

    Args:
        children: child poses ``[b, i, e]``.
        weight: one matrix per pair of child and parent, ``[j, e, i, d]``.

    Returns:
        Votes ``[b, i, j, d]``.

    Raises:
        TypeError, ValueError: if a shape or dtype does not fit.

    Source: Sabour, equation 2.
    """
    _require_matching(children, weight)
    return torch.einsum("bie,jeid->bijd", children, weight)


def _require_matching(children: Tensor, weight: Tensor) -> None:
    require_dims("children", children, "b i e")
    require_dims("weight", weight, "j e i d")
    if children.shape[1:] != (weight.shape[2], weight.shape[1]):
        raise ValueError(
            f"children must have shape [b, {weight.shape[2]}, {weight.shape[1]}] to fit weight "
            f"{list(weight.shape)}, got {list(children.shape)}"
        )


class _RouteChildren(torch.autograd.Function):
    """The exact gradient through every iteration; nothing is detached.

    ``u`` is ``[b, e, i]`` and ``weight`` ``[j, e, i, d]``; everything that belongs to one
    parent has the parent's index first. One buffer the size of ``u`` is used again for
    every parent, because on a CPU fresh memory costs more than the arithmetic done in it.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, u: Tensor, weight: Tensor, iterations: int, keep_history: bool
    ) -> Tensor:
        w = weight.flatten(1, 2)
        parents = range(len(w))
        buffer = torch.empty_like(u)
        totals = torch.stack([u.flatten(1) @ w[j] for j in parents]) / len(w)
        poses = squash(totals)  # [j, b, d]
        summed = poses
        history = [totals]
        couplings = None
        for _ in range(iterations - 1):
            if keep_history or couplings is None:
                couplings = u.new_empty(len(w), len(u), u.shape[2])  # [j, b, i]
            totals = torch.empty_like(totals)
            for j in parents:
                backward_vote = _through(summed[j], w[j], out=buffer)
                torch.sum(backward_vote.mul_(u), dim=1, out=couplings[j])
            _softmax_(couplings)
            for j in parents:
                torch.mm(_weighted(u, couplings[j], out=buffer), w[j], out=totals[j])
            history += [summed, couplings, totals]
            poses = squash(totals)
            summed = summed + poses
        ctx.save_for_backward(u, weight, *history)
        ctx.iterations = iterations
        return poses.transpose(0, 1).contiguous()

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        u, weight, first_totals, *history = ctx.saved_tensors
        if torch.is_grad_enabled():  # someone wants the gradient of this gradient
            return (*_gradients_with_graph(u, weight, grad, ctx.iterations), None, None)
        w = weight.flatten(1, 2)
        parents = range(len(w))
        buffer, grad_u, grad_w = torch.empty_like(u), torch.zeros_like(u), torch.zeros_like(w)
        grad_poses = grad.transpose(0, 1).contiguous()
        grad_summed = torch.zeros_like(grad_poses)
        grad_logits = u.new_empty(len(w), len(u), u.shape[2]) if history else None
        while history:
            *history, summed, couplings, totals = history
            grad_totals = _squash_gradient(totals, grad_poses + grad_summed)
            grad_poses = torch.zeros_like(grad_poses)  # earlier poses count only in the sum
            mean = torch.zeros_like(couplings[0])
            for j in parents:
                backward_vote = _through(grad_totals[j], w[j], out=buffer)
                grad_u.addcmul_(backward_vote, couplings[j].unsqueeze(1))
                torch.sum(backward_vote.mul_(u), dim=1, out=grad_logits[j])
                mean.addcmul_(grad_logits[j], couplings[j])
                grad_w[j].addmm_(_weighted(u, couplings[j], out=buffer).T, grad_totals[j])
            grad_logits.sub_(mean).mul_(couplings)  # through the softmax
            for j in parents:
                backward_vote = _through(summed[j], w[j], out=buffer)
                grad_u.addcmul_(backward_vote, grad_logits[j].unsqueeze(1))
                weighted = _weighted(u, grad_logits[j], out=buffer)
                grad_w[j].addmm_(weighted.T, summed[j])
                grad_summed[j].addmm_(weighted, w[j])
        grad_totals = _squash_gradient(first_totals, grad_poses + grad_summed) / len(w)
        for j in parents:
            grad_w[j].addmm_(u.flatten(1).T, grad_totals[j])
            grad_u.flatten(1).addmm_(grad_totals[j], w[j].T)
        return grad_u, grad_w.view_as(weight), None, None


def _through(poses: Tensor, w: Tensor, out: Tensor) -> Tensor:
    """A parent's poses ``[b, d]`` back through its weights ``[e*i, d]``: ``[b, e, i]``."""
    torch.mm(poses, w.T, out=out.flatten(1))
    return out


def _weighted(u: Tensor, weights: Tensor, out: Tensor) -> Tensor:
    """The children, each times its weight ``[b, i]``, flattened to ``[b, e*i]``."""
    return torch.mul(u, weights.unsqueeze(1), out=out).flatten(1)


def _softmax_(logits: Tensor) -> None:
    """Softmax over the parents, dimension 0, in place."""
    logits.sub_(logits.amax(0)).exp_()
    logits.div_(logits.sum(0))


def _squash_gradient(totals: Tensor, grad_poses: Tensor) -> Tensor:
    with torch.enable_grad():
        totals = totals.detach().requires_grad_()
        return torch.autograd.grad(squash(totals), totals, grad_poses)[0]


def _gradients_with_graph(u: Tensor, weight: Tensor, grad: Tensor, iterations: int):
    """The same gradients through the votes, so that they can be differentiated again."""
    # Aliases, because the children may depend on the weight (a layer used twice): the
    # gradient that is wanted here is the one beside the children, not through them.
    u, weight = u.view_as(u), weight.view_as(weight)
    poses = dynamic_routing(child_votes(u.transpose(1, 2), weight), iterations)
    wanted = [t for t in (u, weight) if t.requires_grad]
    gradients = iter(torch.autograd.grad(poses, wanted, grad, create_graph=True))
    return tuple(next(gradients) if t.requires_grad else None for t in (u, weight))
