"""The figures of the assignments on GANs show what they were given."""

import math

import matplotlib.pyplot as plt
import torch

from capsedu.classroom.patients import ward
from capsedu.explore.assignment_gan_figures import point_panels, pull_panels, ward_panels


def test_a_ward_has_a_column_for_each_patient():
    figure = ward_panels(ward(3))
    titles = [axis.get_title() for axis in figure.axes]
    assert len(figure.axes) == 8 and titles[:4] == list("ABCD")
    assert [len(axis.get_lines()) for axis in figure.axes] == [2] * 8
    assert figure.axes[0].get_yscale() == "log"
    plt.close(figure)


def test_made_points_lie_over_the_real_ones():
    real, made = torch.randn(2, 30, 2)
    figure = point_panels(real, {"one": made, "other": made + 1})
    real_drawn, made_drawn = figure.axes[1].collections
    assert real_drawn.get_offsets().tolist() == real.tolist()
    assert made_drawn.get_offsets().tolist() == (made + 1).tolist()
    plt.close(figure)


def test_pulls_are_drawn_over_the_scale_even_where_one_is_missing():
    figure = pull_panels([0.1, 1, 10], {"a": {"x": [1, 2, 3], "y": [math.nan, 1, 1]}, "b": {}})
    (left, right) = figure.axes
    assert [line.get_label() for line in left.get_lines()] == ["x", "y"]
    assert left.get_xscale() == left.get_yscale() == "log" and right.get_title() == "b"
    plt.close(figure)
