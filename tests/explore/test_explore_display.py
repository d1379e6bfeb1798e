import base64
import io
import re

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from capsedu.explore import display, show


@pytest.fixture
def shown(monkeypatch):
    """What ``show`` hands to the page."""
    pages = []
    monkeypatch.setattr(display, "display", lambda html: pages.append(html.data))
    return pages


def test_the_image_is_in_the_page_with_its_description(shown):
    figure, axis = plt.subplots(figsize=(5, 2))
    axis.plot([0, 1])
    show(figure, alt='A line from "0" to <1> & on')
    (html,) = shown
    assert 'alt="A line from &quot;0&quot; to &lt;1&gt; &amp; on"' in html
    assert 'width="480"' in html
    data = re.search(r'src="data:image/png;base64,([^"]+)"', html)[1]
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size == (5 * 144, 2 * 144)
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_the_figure_is_closed_so_that_it_appears_once(shown):
    figure, _ = plt.subplots()
    show(figure, alt="An empty plot", width=300)
    assert not plt.fignum_exists(figure.number)
    assert 'width="300"' in shown[0]


def test_a_figure_without_words_is_refused():
    figure, _ = plt.subplots()
    with pytest.raises(ValueError, match="alt must say in words"):
        show(figure, alt="  ")
    plt.close(figure)


def test_the_same_figure_gives_the_same_bytes(shown):
    for _ in range(2):
        figure, axis = plt.subplots()
        axis.plot([0, 1])
        show(figure, alt="A line")
    assert shown[0] == shown[1]
