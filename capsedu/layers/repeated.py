"""Linear maps that are used at every step of a sequence."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Uses:
    """A linear map during one sequence: called at each step, it maps what it is given.

    The values are the layer's own. The gradient of its weights is one matrix product over all
    steps in the end, instead of one small product for each step and the sum of them all.
    Gradients of gradients cannot be had.

    Args:
        layer: the map; it computes in the precision of its weights, under autocast too.
    """

    def __init__(self, layer: nn.Linear) -> None:
        # By the number of the use, so that a repeated backward pass replaces and does not add.
        self.tape: dict[int, tuple[Tensor, Tensor]] = {}
        self.count = 0
        self.token = _Begin.apply(layer.weight, layer.bias, self.tape)
        self.weight, self.bias = layer.weight.detach(), layer.bias.detach()

    def __call__(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self.weight.dtype)
            self.count += 1
            return _Use.apply(x, self.token, self.weight, self.bias, self.tape, self.count)


class _Begin(Function):
    """Stands before all uses, so that its backward pass comes after all of theirs."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor, tape: dict) -> Tensor:
        ctx.tape = tape
        return weight.new_zeros(())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, Tensor, None]:
        inputs, grads = (torch.cat(parts) for parts in zip(*ctx.tape.values(), strict=True))
        ctx.tape.clear()
        return grads.T @ inputs, grads.sum(dim=0), None


class _Use(Function):
    """One use: the weights' part of the backward pass is left to :class:`_Begin`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, token: Tensor, weight: Tensor, bias: Tensor, tape: dict, number: int
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.tape, ctx.number = tape, number
        return torch.addmm(bias, x, weight.T)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        ctx.tape[ctx.number] = x, grad
        return grad @ weight, grad.new_zeros(()), None, None, None, None
