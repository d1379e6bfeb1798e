"""Where Python must run again: controls under an explorer, for as long as there is a kernel."""

from collections.abc import Callable
from typing import Any

from IPython.display import HTML, display

from capsedu.explore.player import Player

try:
    import ipywidgets
except ImportError:  # a kernel without widgets still shows the explorer
    ipywidgets = None


def live(make: Callable[..., Player], **controls: Any) -> None:
    """Show ``make(...)``, and below it controls that call it again.

    The first explorer is an ordinary output, so it is in the built book and works there. The
    controls need a kernel; the book leaves them out. Works with ipywidgets 7.7 and 8.

    Args:
        make: a function that returns an explorer.
        controls: for each of its arguments a widget, such as
            ``ipywidgets.IntSlider(3, 1, 10)``; their start values make the first explorer.
    """
    start = {name: widget.value for name, widget in controls.items()}
    shown = display(make(**start), display_id=True)
    if ipywidgets is None or not controls:
        return

    def again(_: Any) -> None:
        values = {name: widget.value for name, widget in controls.items()}
        try:
            shown.update(make(**values))
        except ValueError as error:  # the reader asked for something that cannot be
            shown.update(HTML(f"<p>{error}</p>"))

    for widget in controls.values():
        widget.observe(again, names="value")
    display(ipywidgets.VBox(list(controls.values())))
