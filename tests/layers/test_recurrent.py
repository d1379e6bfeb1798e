"""Recurrent cells compute what torch's do, and begin with what they learnt."""

import pytest
import torch
from torch import nn

from capsedu.layers.recurrent import GruCell, LstmCell, lstm_step, recurrent_cell
from capsedu.layers.repeated import Uses


def test_the_lstm_is_torchs_forwards_and_backwards_over_many_steps():
    torch.manual_seed(0)
    ours, theirs = LstmCell(5, 4).double(), nn.LSTMCell(5, 4, dtype=torch.float64)
    # torch has the candidate third, ours last.
    order = torch.cat([torch.arange(8), torch.arange(12, 16), torch.arange(8, 12)])
    with torch.no_grad():
        ours.first.normal_()
        theirs.weight_ih.copy_(ours.gates.weight[order, :5])
        theirs.weight_hh.copy_(ours.gates.weight[order, 5:])
        theirs.bias_ih.copy_(ours.gates.bias[order])
        theirs.bias_hh.zero_()
    steps = torch.randn(3, 6, 5, dtype=torch.float64).requires_grad_()
    state, found = ours.first_state(6), 0
    for x in steps:
        state = ours(list(x.split([2, 3], dim=1)), state)
        found = found + state[0].square().sum() + state[1].sin().sum()
    found.backward()
    grads, steps.grad = steps.grad, None
    state, expected = tuple(part.detach().expand(6, -1) for part in ours.first), 0
    for x in steps:
        state = theirs(x, state)
        expected = expected + state[0].square().sum() + state[1].sin().sum()
    expected.backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(grads, steps.grad)
    torch.testing.assert_close(ours.gates.weight.grad[order, :5], theirs.weight_ih.grad)
    torch.testing.assert_close(ours.gates.weight.grad[order, 5:], theirs.weight_hh.grad)
    torch.testing.assert_close(ours.gates.bias.grad[order], theirs.bias_ih.grad)


def test_the_steps_gradients_are_those_of_the_equation():
    numbers = torch.randn(2, 12, dtype=torch.float64).requires_grad_()
    memory = torch.randn(2, 3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lstm_step, (numbers, memory))


def test_a_map_used_twice_learns_from_both_uses():
    layer = nn.Linear(3, 2).double()
    x, y = torch.randn(2, 4, 3, dtype=torch.float64)
    (layer(x).square().sum() + layer(y).sin().sum()).backward()
    expected = layer.weight.grad.clone(), layer.bias.grad.clone()
    layer.zero_grad()
    uses = Uses(layer)
    uses(x)  # one that the loss does not need
    x.requires_grad_()
    loss = uses(x).square().sum() + uses(y).sin().sum()
    torch.autograd.grad(loss, x, retain_graph=True)  # another question before: not counted twice
    loss.backward()
    torch.testing.assert_close((layer.weight.grad, layer.bias.grad), expected)


def test_under_autocast_recurrent_states_stay_precise():
    cell = LstmCell(3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        output, memory, _ = cell([torch.randn(2, 3).bfloat16()], cell.first_state(2))
        output.sum().backward()
    assert output.dtype == memory.dtype == torch.float32
    assert cell.gates.weight.grad.isfinite().all()


def test_forget_gates_are_open_at_first():
    cell = LstmCell(5, 400)
    enter, forget, leave, candidate = cell.gates.bias.chunk(4)
    assert forget.mean().item() == pytest.approx(1, abs=0.05)
    assert torch.cat([enter, leave, candidate]).mean().abs() < 0.05


@pytest.mark.parametrize(("cell", "parts"), [(LstmCell, 2), (GruCell, 1)])
def test_the_first_state_is_learnt(cell, parts):
    layer = cell(3, 4)
    with torch.no_grad():
        layer.first.normal_()
    state = layer.first_state(6)
    assert all(part.shape == (6, 4) for part in state[:parts])
    layer([torch.randn(6, 3)], state)[0].sum().backward()
    assert (layer.first.grad != 0).all()


def test_cells_have_names():
    assert isinstance(recurrent_cell("gru", 3, 4), GruCell)
    with pytest.raises(ValueError, match="cell must be one of 'lstm', 'gru', got 'rnn'"):
        recurrent_cell("rnn", 3, 4)
    with pytest.raises(ValueError, match="hidden must be at least 1, got 0"):
        recurrent_cell("lstm", 3, 0)
