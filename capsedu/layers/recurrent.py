"""Recurrent cells with one interface: they start from what they learnt, and keep a state.

The first part of a state, ``[b, hidden]``, is what others see; the rest is the cell's own.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from capsedu.errors import require_count
from capsedu.layers.repeated import Uses

State = tuple[Any, ...]


class LstmCell(nn.Module):
    """Long short-term memory with forget gates, and a learnt first state.

    All four gates are one matrix product of inputs and output together. Weights begin as those
    of torch's cell; the forget gates are open at first.

    Args:
        inputs: length of the inputs.
        hidden: length of the output and of the memory.

    Source: Hochreiter & Schmidhuber (1997); Gers, Schmidhuber & Cummins (2000) for the forget
    gates; Jozefowicz, Zaremba & Sutskever (2015) for their first bias.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        require_count("hidden", hidden)
        self.hidden = hidden
        self.gates = nn.Linear(inputs + hidden, 4 * hidden)
        with torch.no_grad():
            for parameter in self.gates.parameters():
                parameter.uniform_(-(hidden**-0.5), hidden**-0.5)
            self.gates.bias[hidden : 2 * hidden] += 1
        self.first = nn.Parameter(torch.zeros(2, hidden))

    def first_state(self, b: int) -> State:
        """The learnt state before the first step, for ``b`` images."""
        output, memory = self.first
        # A compiler sees all uses of the map at once, and does not need to be told.
        gates = self.gates if torch.compiler.is_compiling() else Uses(self.gates)
        return output.expand(b, -1), memory.expand(b, -1), gates

    def forward(self, inputs: list[Tensor], state: State) -> State:
        """The next state, from parts of the input ``[b, ...]`` and the state before."""
        output, memory, gates = state
        return *lstm_step(gates(torch.cat([*inputs, output], dim=1)), memory), gates


def lstm_step(numbers: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    r"""The four gates at work: what a memory lets in, keeps, and lets out.

    .. math::
        c' = \sigma(f) \circ c + \sigma(i) \circ \tanh(g), \qquad h = \sigma(o) \circ \tanh(c')

    Args:
        numbers: :math:`i, f, o, g` side by side, ``[b, 4 * hidden]``.
        memory: :math:`c`, ``[b, hidden]``.

    Returns:
        The output :math:`h` and the new memory :math:`c'`, ``[b, hidden]`` each. Gradients of
        their gradients cannot be had.
    """
    if torch.compiler.is_compiling():  # it derives the backward pass and fuses both
        enter, forget, leave, candidate = numbers.chunk(4, dim=1)
        new = forget.sigmoid() * memory + enter.sigmoid() * candidate.tanh()
        return leave.sigmoid() * new.tanh(), new
    return _LstmStep.apply(numbers, memory)


class _LstmStep(Function):
    """Its backward pass by hand: a dozen operations where autograd needs twice as many."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        hidden = memory.shape[1]
        gates, candidate = numbers[:, : 3 * hidden].sigmoid(), numbers[:, 3 * hidden :].tanh()
        enter, forget, leave = gates.chunk(3, dim=1)
        new = torch.addcmul(forget * memory, enter, candidate)
        shown = new.tanh()
        ctx.save_for_backward(gates, candidate, memory, shown)
        return leave * shown, new

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor, grad_new: Tensor) -> tuple[Tensor, Tensor]:
        gates, candidate, memory, shown = ctx.saved_tensors
        enter, forget, leave = gates.chunk(3, dim=1)
        grad = torch.addcmul(grad_new, grad_output * leave, 1 - shown.square())
        of_gates = torch.cat([grad * candidate, grad * memory, grad_output * shown], dim=1)
        of_gates.mul_(gates * (1 - gates))
        of_candidate = grad * enter * (1 - candidate.square())
        return torch.cat([of_gates, of_candidate], dim=1), grad * forget


class GruCell(nn.Module):
    """A gated recurrent unit with a learnt first state: no memory beside the output.

    Args:
        inputs: length of the inputs.
        hidden: length of the output.

    Source: Cho et al. (2014), arXiv:1406.1078.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        require_count("hidden", hidden)
        self.hidden = hidden
        self.cell = nn.GRUCell(inputs, hidden)
        self.first = nn.Parameter(torch.zeros(1, hidden))

    def first_state(self, b: int) -> State:
        """The learnt state before the first step, for ``b`` images."""
        return (self.first.expand(b, -1),)

    def forward(self, inputs: list[Tensor], state: State) -> State:
        """The next state, from parts of the input ``[b, ...]`` and the state before."""
        return (self.cell(torch.cat(inputs, dim=1), *state),)


CELLS = {"lstm": LstmCell, "gru": GruCell}


def recurrent_cell(name: str, inputs: int, hidden: int) -> nn.Module:
    """The cell called ``name``, ``"lstm"`` or ``"gru"``.

    Raises:
        ValueError: if there is no such cell.
    """
    if name not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(map(repr, CELLS))}, got {name!r}")
    return CELLS[name](inputs, hidden)
