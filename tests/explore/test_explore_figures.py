import matplotlib.pyplot as plt
import pytest
import torch

from capsedu.explore.figures import (
    COLOURS,
    curves,
    digit_sheet,
    draw_couplings,
    draw_votes,
    grid_maps,
    routing_picture,
)
from capsedu.explore.toy import toy_children, toy_weight
from capsedu.routing.dynamic import dynamic_routing_steps
from capsedu.routing.voteless import child_votes


@pytest.fixture
def votes():
    return child_votes(toy_children(), toy_weight())


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_the_toy_votes_are_the_chapters(votes):
    by_hand = [
        [[1.5, 0.5], [1.0, 0.0]],
        [[1.5, -0.5], [-1.0, -0.5]],
        [[-1.0, 0.0], [0.0, 1.5]],
    ]
    torch.testing.assert_close(votes, torch.tensor([by_hand]))


def test_routing_sides_with_the_children_who_agree(votes):
    *_, last = dynamic_routing_steps(votes, iterations=3)
    assert last.couplings[0].argmax(dim=1).tolist() == [0, 0, 1]


def test_the_picture_has_a_column_per_iteration_and_a_plane_per_parent(votes):
    steps = list(dynamic_routing_steps(votes, iterations=3))
    axes = routing_picture(votes, steps).axes
    assert len(axes) == 3 * (1 + 2)
    assert texts(axes[2]) == [f"{c:.2f}" for c in steps[2].couplings.flatten().tolist()]
    assert texts(axes[3])[-1] == "length 0.50"
    assert texts(axes[8])[-1] == f"length {steps[2].poses[0, 1].norm():.2f}"


def test_every_vote_is_inside_its_plane(votes):
    steps = list(dynamic_routing_steps(3 * votes, iterations=1))
    for j, axis in enumerate(routing_picture(3 * votes, steps).axes[1:]):
        for x, y in (3 * votes)[0, :, j].tolist():
            assert axis.get_xlim()[0] < x < axis.get_xlim()[1]
            assert axis.get_ylim()[0] < y < axis.get_ylim()[1]


def test_couplings_are_written_in_reading_order():
    _, axis = plt.subplots()
    draw_couplings(axis, torch.tensor([[0.1, 0.9], [0.6, 0.4], [0.25, 0.75]]))
    assert texts(axis) == ["0.10", "0.90", "0.60", "0.40", "0.25", "0.75"]
    assert axis.texts[1].get_position() == (1, 0)  # column: parent, row: child


def test_a_zero_vote_is_drawn_without_a_warning():
    _, axis = plt.subplots()
    draw_votes(axis, torch.zeros(2, 2), torch.tensor([0.5, 0.5]))
    assert texts(axis) == ["0", "1"]


def test_a_stronger_vote_is_bolder():
    _, axis = plt.subplots()
    draw_votes(axis, torch.ones(2, 2), torch.tensor([0.1, 0.9]))
    weak, strong = axis.patches[1:]
    assert weak.get_linewidth() < strong.get_linewidth()


def test_curves_differ_in_more_than_colour():
    x = torch.linspace(0, 1, 5)
    figure = curves(x, {str(k): x + k for k in range(6)}, "x", "y")
    lines = figure.axes[0].lines
    assert len({str(line._dash_pattern) for line in lines}) == 6
    assert [line.get_color() for line in lines] == list(COLOURS[:6])
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == list("012345")


def test_maps_share_one_scale():
    figure = grid_maps(torch.arange(18.0).view(2, 3, 3), ["a", "b"], "contribution")
    scales = {axis.images[0].get_clim() for axis in figure.axes[:2]}
    assert scales == {(0.0, 17.0)}
    assert figure.axes[2].get_ylabel() == "contribution"


def test_a_sheet_has_every_image_with_its_title():
    figure = digit_sheet(torch.rand(5, 1, 4, 4), list("abcde"), columns=3)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", "d", "e", ""]
    assert [len(axis.images) for axis in figure.axes] == [1, 1, 1, 1, 1, 0]
