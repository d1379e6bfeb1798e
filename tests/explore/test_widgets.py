import ipywidgets
import matplotlib.pyplot as plt
import pytest

from capsedu.explore import widgets as module
from capsedu.explore.player import Player
from capsedu.explore.widgets import live


def make(n):
    if n == 13:
        raise ValueError("n must not be 13")
    table = {"head": ["n"], "rows": [[n]]}
    frame = {"label": "a", "caption": f"n is {n}", "panels": [], "table": table}
    return Player({"title": "A number", "steps": [frame]}, plt.figure(), "a number")


class Handle:
    def __init__(self):
        self.updates = []

    def update(self, shown):
        self.updates.append(shown)


@pytest.fixture
def page(monkeypatch):
    """What a cell displays, in order, and what becomes of the first of it."""
    shown, handle = [], Handle()

    def display(thing, display_id=False):
        shown.append(thing)
        return handle if display_id else None

    monkeypatch.setattr(module, "display", display)
    return shown, handle.updates


def test_a_control_makes_the_explorer_again(page):
    shown, updates = page
    slider = ipywidgets.IntSlider(3, 1, 20)
    live(make, n=slider)
    explorer, controls = shown
    assert "n is 3" in explorer.html and slider in controls.children
    slider.value = 5
    assert "n is 5" in updates[-1].html


def test_what_cannot_be_made_is_said_in_place_of_the_explorer(page):
    slider = ipywidgets.IntSlider(3, 1, 20)
    live(make, n=slider)
    slider.value = 13
    assert "n must not be 13" in page[1][-1].data
    slider.value = 4
    assert "n is 4" in page[1][-1].html


def test_without_widgets_there_is_still_an_explorer(page, monkeypatch):
    monkeypatch.setattr(module, "ipywidgets", None)
    live(make, n=ipywidgets.IntSlider(3))
    assert len(page[0]) == 1 and "n is 3" in page[0][0].html
