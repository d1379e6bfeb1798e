"""Chapter 5: its explorer in a real browser computes what Python computes; its figures."""

from itertools import pairwise

import pytest
import torch
from browser import drag, watch
from matplotlib.patches import Ellipse
from torch.testing import assert_close

from capsedu.explore.em_figures import (
    MixtureStep,
    draw_gaussian,
    em_picture,
    mixture_picture,
    plt,
    two_routings_picture,
)
from capsedu.explore.explorers import em_routing
from capsedu.explore.explorers.em_routing import (
    ACTIVATION_BIAS,
    SCALES,
    em_toy,
    half_steps,
    scaled_steps,
)
from capsedu.routing.em import VARIANCE_FLOOR, inverse_temperature

EXACT = {"rtol": 0, "atol": 1e-5}
FITTED = ("means", "variances", "costs", "activations")


@pytest.fixture
def opened(page):
    troubles = watch(page)

    def put(player):
        page.set_content(f'<!doctype html><html lang="en"><body>{player.html}</body></html>')
        return page.locator(".capsedu-player")

    yield put
    assert troubles == []


def put_state(host, votes, activations, scale):
    state = {"votes": votes[0].tolist(), "scale": scale}
    state |= {f"a{i}": a for i, a in enumerate(activations[0].tolist())}
    host.evaluate(
        "(host, state) => state.forEach(([name, value]) => host.capsedu.set(name, value))",
        list(state.items()),
    )


def compare(host, expected):
    found = host.evaluate("host => host.capsedu.steps")
    assert [step["half"] for step in found] == [step["half"] for step in expected]
    for ours, wanted in zip(found, expected, strict=True):
        for key in ("assignments", *FITTED) if "means" in wanted else ("assignments",):
            # float32, in which the trace travels, has seven digits
            assert_close(torch.tensor(ours[key], dtype=torch.float64), wanted[key], **EXACT)


@pytest.mark.parametrize("parents", [2, 3])
def test_the_browser_computes_what_python_computes(opened, parents):
    dice = torch.Generator().manual_seed(parents)
    double = {"generator": dice, "dtype": torch.float64}
    host = opened(em_routing(2 * torch.randn(1, 4, parents, 2, generator=dice), iterations=5))
    for k in range(16):
        votes = 2 * torch.randn(1, 4, parents, 2, **double)
        activations = torch.rand(1, 4, **double)
        activations[0, k % 4] *= k % 3 / 2  # every now and then nobody is there
        scale = list(SCALES)[k % len(SCALES)]
        put_state(host, votes, activations, scale)
        compare(host, half_steps(scaled_steps(votes, activations, scale, 5)))


def test_a_dead_parent_is_the_same_in_the_browser(opened):
    """So large an inverse temperature leaves a parent less than counts as anything."""
    host = opened(em_routing(scale=100_000))
    votes, activations = (x.double() for x in em_toy())
    put_state(host, votes, activations, 100_000)
    expected = half_steps(scaled_steps(votes, activations, 100_000, 4))
    assert expected[-1]["means"][0].tolist() == pytest.approx([0, 0], abs=1e-6)
    compare(host, expected)
    host.evaluate("host => host.capsedu.go(3)")
    assert "parent 0 receives next to nothing" in host.locator(".caption.now").inner_text()


def test_a_scale_is_a_larger_inverse_temperature():
    votes, activations = (x.double() for x in em_toy())
    (first, _) = scaled_steps(votes, activations, 1000, 2)
    lam = 1000 * inverse_temperature(0)
    assert_close(first.activations, (lam * (ACTIVATION_BIAS - first.costs)).sigmoid())
    (plain, _) = scaled_steps(votes, activations, 1, 2)
    assert_close(plain.means, first.means)


def test_the_first_steps_are_pythons_and_agree_with_the_browsers(opened):
    player = em_routing()
    host = opened(player)
    votes, activations = em_toy()
    first = half_steps(scaled_steps(votes.double(), activations.double(), 1000, 4))
    compare(host, first)
    host.evaluate("host => host.capsedu.set('scale', '1000')")  # as the choice says it: a text
    compare(host, first)


def test_halves_alternate_and_each_changes_one_thing():
    steps = half_steps(scaled_steps(*em_toy(), 1000, 3))
    assert [step["half"] for step in steps] == ["start", "M", "E", "M", "E", "M"]
    for before, after in pairwise(steps[1:]):
        same = torch.equal(before["assignments"], after["assignments"])
        assert same == (after["half"] == "M")
        if after["half"] == "E":
            assert all(torch.equal(before[name], after[name]) for name in FITTED)


def test_a_dragged_vote_is_routed_anew_and_reset_brings_it_back(opened, page):
    host = opened(em_routing())
    before = host.evaluate("host => host.capsedu.steps")
    host.locator("input.step").press("End")
    drag(page, host.get_by_role("slider", name="vote of child 3 for parent 0"), 60, -40)
    votes = torch.tensor([host.evaluate("host => host.capsedu.state.votes")])
    assert votes[0, 3, 0].tolist() != [-1, -1]
    compare(host, half_steps(scaled_steps(votes.double(), em_toy()[1].double(), 1000, 4)))
    handle = host.get_by_role("slider", name="vote of child 3 for parent 0")
    x = host.evaluate("host => host.capsedu.state.votes[3][0][0]")
    handle.press("ArrowRight")
    page.keyboard.press("ArrowRight")  # the redrawn handle still has the keyboard
    after = host.evaluate("host => host.capsedu.state.votes[3][0][0]")
    assert after == pytest.approx(x + 0.2)
    host.locator(".reset").click()
    assert host.evaluate("host => host.capsedu.steps") == before


def test_a_child_that_is_not_there_moves_no_parent(opened):
    host = opened(em_routing())
    means = "host => host.capsedu.steps.at(-1).means"
    host.evaluate("host => host.capsedu.set('a3', 0)")
    without = host.evaluate(means)
    for j in range(2):
        host.evaluate("(host, j) => host.capsedu.set(['votes', 3, j], [2, 2])", j)
    assert_close(torch.tensor(host.evaluate(means)), torch.tensor(without))
    host.evaluate("host => host.capsedu.set('a3', 1)")
    assert host.evaluate(means) != without


def test_captions_and_ellipses_tell_what_happened(opened):
    host = opened(em_routing())
    captions = []
    for label in ["start", "M-step 1 of 4", "E-step 1 of 4", "M-step 2 of 4"]:
        assert host.locator(".label").inner_text() == label
        captions.append(host.locator(".caption.now").inner_text())
        host.locator(".next").click()
    assert "gives 0.50 of itself" in captions[0]
    assert "parent 0: σ 1.22 and 1.22, cost 0.61" in captions[1]
    assert "child 0 moves to parent 0 (+0.05)" in captions[2]
    assert "child 3 moves to parent 1 (+0.44)" in captions[2]
    host.evaluate("host => host.capsedu.go(1)")
    plane = host.evaluate("host => host.capsedu.frame.panels[0]")
    (ellipse,) = plane["ellipses"]
    assert ellipse["at"] == pytest.approx([1, 1]) and plane["points"][0]["at"] == ellipse["at"]
    assert ellipse["radii"] == pytest.approx([(1.5 + VARIANCE_FLOOR) ** 0.5] * 2, abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"votes": torch.rand(1, 5, 2, 2)}, r"votes must have shape \[1, i, j, 2\] .* \[1, 5,"),
        ({"votes": torch.rand(1, 3, 2, 3)}, r"votes must have shape \[1, i, j, 2\]"),
        ({"votes": torch.rand(3, 2, 2)}, r"votes must have shape \[b, i, j, d\]"),
        ({"activations": torch.full((1, 4), 1.5)}, "activations must be 0 to 1"),
        ({"activations": torch.rand(1, 3)}, r"activations must have shape \[1, 4\]"),
        ({"scale": 7}, "scale must be one of 1, 1000, .* got 7"),
        ({"iterations": 1}, "iterations must be 2 to 6, got 1"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        em_routing(**arguments)


# Figures


def ellipses(axis):
    found = [patch for patch in axis.patches if isinstance(patch, Ellipse)]
    return [(tuple(patch.center), patch.width, patch.height) for patch in found]


def test_a_gaussian_is_drawn_at_one_and_two_standard_deviations():
    _, axis = plt.subplots()
    draw_gaussian(axis, torch.tensor([1.0, 2]), torch.tensor([4.0, 9]), "black")
    assert ellipses(axis) == [((1, 2), 8, 12), ((1, 2), 4, 6)]


def test_a_mixture_is_drawn_column_by_column_with_a_mark_for_each_gaussian():
    points = torch.randn(6, 2)
    sure = torch.tensor([[1.0, 0], [1, 0], [0.9, 0.1], [0.2, 0.8], [0, 1], [0, 1]])
    steps = [MixtureStep(name, sure, torch.zeros(2, 2), torch.ones(2, 2)) for name in "abcd"]
    axes = mixture_picture(points, steps, columns=2).axes
    assert [axis.get_title() for axis in axes] == ["a", "c", "b", "d"]
    assert [len(marks.get_offsets()) for marks in axes[0].collections] == [3, 3]
    assert len(ellipses(axes[0])) == 4


def test_the_picture_of_em_has_an_ellipse_per_parent_and_marks_as_large_as_they_weigh():
    votes, activations = em_toy()
    steps = scaled_steps(votes, activations, 1000, 3)
    axes = em_picture(votes, activations, steps).axes
    assert len(axes) == 9  # three iterations of assignments and two parents
    plane = axes[5]  # parent 0 in the last iteration
    assert ellipses(plane)[1][0] == pytest.approx(steps[2].means[0, 0].tolist())
    sizes = torch.tensor([marks.get_sizes()[0] for marks in plane.collections])
    weights = steps[2].assignments[0, :, 0] * activations[0]
    assert sizes.argsort().tolist() == weights.argsort().tolist()


def test_two_routings_stand_side_by_side():
    cases = {"a": torch.randn(3, 2, 2), "b": torch.randn(4, 2, 2)}
    dynamic, em = ([torch.rand(len(votes), 2) for votes in cases.values()] for _ in range(2))
    figure = two_routings_picture(cases, dynamic, em)
    bars = figure.axes[5].containers
    for container, shares in zip(bars, (dynamic[1], em[1]), strict=True):
        widths = torch.tensor([bar.get_width() for bar in container])
        assert_close(widths.float(), shares[:, 0])
