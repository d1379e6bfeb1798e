"""The explorer of chapter 1 in a real browser: what it shows is what torch computes."""

import random

import pytest
import torch
import torch.nn.functional as F
from browser import watch
from torch.testing import assert_close

from capsedu.explore.explorers import transposed_convolution
from capsedu.explore.explorers.transposed_convolution import PATTERNS, painting_steps
from capsedu.functional import transposed_conv_matrix, transposed_conv_size

EXACT = {"rtol": 0, "atol": 1e-6}
CELLS = (3, 4)


@pytest.fixture
def host(page):
    troubles = watch(page)
    player = transposed_convolution(torch.ones(CELLS))
    page.set_content(f'<!doctype html><html lang="en"><body>{player.html}</body></html>')
    yield page.locator(".capsedu-player")
    assert troubles == []


def put(host, **state):
    return host.evaluate(
        """(host, state) => {
            for (const [name, value] of state) host.capsedu.set(name, value);
            return host.capsedu.state;
        }""",
        list(state.items()),
    )


def panel(host, start):
    frame = host.evaluate("host => host.capsedu.frame")
    return values_of(frame, start)


def values_of(frame, start):
    (found,) = (panel for panel in frame["panels"] if panel["title"].startswith(start))
    return torch.tensor(found["values"], dtype=torch.float64)


def pattern(name, size):
    if name == "tent":
        side = 1 - (torch.arange(size) - (size - 1) / 2).abs().double() / -(-size // 2)
        return side[:, None] * side
    return {
        "counting": torch.arange(1, size**2 + 1).view(size, size),
        "ones": torch.ones(size, size),
        "random": transposed_convolution().trace["random"][:size, :size],
    }[name].double()


def random_settings(seed):
    """Settings that torch allows, chosen cells, and an image."""
    dice = random.Random(seed)
    kernel, stride = dice.randint(1, 5), dice.randint(1, 3)
    output_padding = dice.randrange(stride)
    uncut = transposed_conv_size(min(CELLS), kernel, stride, 0, output_padding)
    padding = dice.randint(0, min(kernel - 1, (uncut - 1) // 2))
    sizes = [transposed_conv_size(n, kernel, stride, padding, output_padding) for n in CELLS]
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(CELLS, generator=generator, dtype=torch.float64)
    return x, {
        "kernel": kernel,
        "stride": stride,
        "output_padding": output_padding,
        "padding": padding,
        "weights": dice.choice(list(PATTERNS)),
        "input": [dice.randrange(cells) for cells in CELLS],
        "output": [dice.randrange(cells) for cells in sizes],
        "x": x.tolist(),
    }


def test_the_browser_computes_what_torch_computes(host):
    for seed in range(25):
        compare_with_torch(host, *random_settings(seed))


def compare_with_torch(host, x, wanted):
    state = put(host, padding=0, **{k: v for k, v in wanted.items() if k != "padding"})
    state = put(host, padding=wanted["padding"], output=wanted["output"])
    assert {name: state[name] for name in wanted} == wanted  # nothing had to be clamped
    kernel, stride = wanted["kernel"], wanted["stride"]
    numbers_of_layer = [stride, wanted["padding"], wanted["output_padding"]]
    weight = pattern(wanted["weights"], kernel)

    whole = F.conv_transpose2d(x[None, None], weight[None, None], None, *numbers_of_layer)[0, 0]
    steps, frame = host.evaluate("host => [host.capsedu.steps, host.capsedu.frame]")
    for found, expected in zip(steps, painting_steps(x, weight, *numbers_of_layer), strict=True):
        assert_close(torch.tensor(found["output"], dtype=torch.float64), expected, **EXACT)
    assert_close(expected, whole)

    matrix = transposed_conv_matrix(weight[None, None], CELLS, *numbers_of_layer)
    assert_close(values_of(frame, "Cᵀ").T, matrix, **EXACT)
    (r, c), (i, j) = wanted["output"], wanted["input"]
    row = matrix[r * whole.shape[1] + c].view(CELLS)
    assert_close(values_of(frame, "weights to the chosen output"), row, **EXACT)
    column = x[i, j] * matrix[:, i * CELLS[1] + j].view(whole.shape)
    assert_close(values_of(frame, "what the chosen input paints"), column, **EXACT)
    assert frame["table"]["rows"][-1][-1] == pytest.approx(whole[r, c].item(), abs=1e-6)

    ones = transposed_conv_matrix(torch.ones(1, 1, kernel, kernel), CELLS, *numbers_of_layer)
    assert_close(values_of(frame, "inputs per output"), ones.sum(1).view(whole.shape).double())
    before, after = (kernel - 1) // 2, kernel // 2
    upsampled = F.interpolate(x[None, None], scale_factor=stride)
    padded = F.pad(upsampled, (before, after, before, after))
    convolved = F.conv2d(padded, weight[None, None])[0, 0]
    assert_close(values_of(frame, "upsampled"), convolved, **EXACT)


def test_what_the_layer_cannot_do_is_clamped(host):
    assert put(host, stride=2, output_padding=2)["output_padding"] == 1
    assert put(host, stride=1)["output_padding"] == 0
    assert put(host, kernel=3, padding=4)["padding"] == 2
    assert put(host, kernel=5, padding=4)["padding"] == 3  # of 7 rows, one is left
    assert panel(host, "output").shape == (1, 2)
    assert put(host, output=[6, 6])["output"] == [0, 1]
    assert put(host, kernel=1)["padding"] == 0


def test_cells_are_chosen_by_pointer_and_keys(host, page):
    grid = host.get_by_role("group", name="output, 7×9: choose a cell")
    box = grid.bounding_box()
    cell = box["width"] / 9
    page.mouse.click(box["x"] + 4.5 * cell, box["y"] + 1.5 * cell)
    assert host.evaluate("host => host.capsedu.state.output") == [1, 4]
    grid.press("ArrowDown")
    assert host.evaluate("host => host.capsedu.state.output") == [2, 4]
    assert "reached by 4 of 12 inputs" in host.locator(".caption.now").inner_text()


def test_a_constant_input_shows_the_checkerboard_and_upsampling_none(host):
    put(host, weights="ones", image="ones", x=torch.randn(CELLS).tolist())
    host.evaluate("host => host.capsedu.go(11)")
    assert_close(panel(host, "output"), panel(host, "inputs per output"))
    inside = panel(host, "upsampled")[1:-1, 1:-1]
    assert (inside == 9).all()
    assert panel(host, "output")[2:5, 2:5].unique().tolist() == [1, 2, 4]


def test_a_frame_shows_what_the_current_input_paints(host):
    for t, box in [(0, [0, 0, 3, 3]), (1, [0, 2, 3, 5]), (11, [4, 6, 7, 9])]:
        host.evaluate("(host, t) => host.capsedu.go(t)", t)
        assert host.evaluate("host => host.capsedu.frame.panels[2].box") == box
    put(host, padding=1)
    host.evaluate("host => host.capsedu.go(0)")
    assert host.evaluate("host => host.capsedu.frame.panels[2].box") == [0, 0, 2, 2]


def test_the_first_steps_are_pythons():
    x = torch.rand(2, 3)
    player = transposed_convolution(x, kernel=4, stride=2, padding=1)
    weight = torch.arange(1.0, 17).view(1, 1, 4, 4)
    expected = F.conv_transpose2d(x[None, None], weight, stride=2, padding=1)[0, 0]
    assert_close(player.trace["steps"][-1]["output"], expected)
    assert len(player.trace["steps"]) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": torch.ones(5, 3)}, r"x must have 2 to 4 rows and columns, got \[5, 3\]"),
        ({"x": torch.ones(3)}, r"x must have shape \[h, w\]"),
        ({"kernel": 6}, "kernel must be 1 to 5, got 6"),
        ({"stride": 0}, "stride must be 1 to 3, got 0"),
        ({"padding": 3}, "padding must be 0 to 2, got 3"),
        ({"output_padding": 2}, "output_padding must be 0 to 1, got 2"),
        ({"kernel": 5, "stride": 1, "padding": 4}, "padding must leave something"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        transposed_convolution(**arguments)
