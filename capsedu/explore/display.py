"""Put a figure on the page, together with the words for those who cannot see it."""

import base64
import io
from html import escape

import matplotlib.pyplot as plt
from IPython.display import HTML, display
from matplotlib.figure import Figure


def image_tag(figure: Figure, alt: str, width: int | None = None) -> str:
    """``figure`` as an ``<img>`` that carries its own pixels and its own description.

    Matplotlib's own output has no alternative text. This tag, with the PNG inside, is the
    same in Jupyter, on Colab, on GitHub and in the book.

    Args:
        figure: a matplotlib figure; it is closed, so that it does not appear twice.
        alt: what the figure shows, with the numbers that matter.
        width: on the page, in pixels; the figure's own width (inches times 96) if None.

    Raises:
        ValueError: if ``alt`` is empty.
    """
    if not alt.strip():
        raise ValueError("alt must say in words what the figure shows, got an empty text")
    width = width or round(figure.get_figwidth() * 96)
    image = io.BytesIO()
    # No Software entry: the file should not change with matplotlib's version number.
    figure.savefig(image, format="png", dpi=144, facecolor="white", metadata={"Software": None})
    plt.close(figure)
    data = base64.b64encode(image.getvalue()).decode()
    return (
        f'<img class="capsedu-figure" width="{width}" style="max-width: 100%; height: auto" '
        f'alt="{escape(alt, quote=True)}" src="data:image/png;base64,{data}">'
    )


def show(figure: Figure, alt: str, width: int | None = None) -> None:
    """Display ``figure`` as :func:`image_tag` writes it."""
    display(HTML(image_tag(figure, alt, width)))
