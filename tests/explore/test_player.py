import base64
import json
import re

import matplotlib.pyplot as plt
import pytest
import torch

from capsedu.explore.player import MODULES, STATIC, Player, _script, pixels

STEMS = sorted(file.stem for file in STATIC.glob("*.js"))


def frame(caption="a caption", **more):
    panels = [{"kind": "text", "title": "a title", "text": "some words"}]
    table = {"head": ["name", "value"], "rows": [["x", 1.0]]}
    return {"label": "step", "caption": caption, "panels": panels, "table": table, **more}


def player(**trace):
    return Player({"title": "A title", "steps": [frame()], **trace}, plt.figure(), alt="words")


def trace_in(html):
    return re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1]


def test_the_output_holds_the_trace_the_script_and_a_still_picture():
    html = player(state={"x": torch.tensor([1.0, 0.1])})._repr_mimebundle_()["text/html"]
    assert json.loads(trace_in(html))["state"] == {"x": [1.0, 0.1]}
    assert re.search(r'<img[^>]* alt="words"', html)
    assert html.count("<script") == html.count("</script>") == 2


def test_a_caption_cannot_end_the_script_that_carries_it():
    html = player(steps=[frame(caption="</script><b>")]).html
    assert html.count("</script>") == 2
    assert json.loads(trace_in(html))["steps"][0]["caption"] == "</script><b>"


def test_the_same_trace_makes_the_same_output():
    assert player().html == player().html


def test_a_trace_that_is_too_large_is_refused():
    with pytest.raises(ValueError, match="trace must be at most 200000 bytes, got 4"):
        player(state={"x": torch.rand(40_000)})


def test_an_explorer_needs_words():
    with pytest.raises(ValueError, match="alt must say"):
        Player({"title": "A title", "steps": [frame()]}, plt.figure(), alt=" ")


@pytest.mark.parametrize("explorer", ["frames", *sorted(set(STEMS) - {*MODULES, "player"})])
def test_files_joined_to_one_script_do_not_share_a_name(explorer):
    """They are one function then, and the second `plane` would silently take the first's place."""
    script, _ = _script(explorer)
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", script, re.MULTILINE)
    assert len(names) > 20 and len(names) == len(set(names))


def test_pixels_are_bytes_row_by_row():

    image = torch.tensor([[[0.0, 1.0, 0.5], [2.0, -1.0, 0.2]]])
    panel = pixels("an image", image, size=2)
    assert list(base64.b64decode(panel["bytes"])) == [0, 255, 128, 255, 0, 51]
    assert (panel["height"], panel["width"], panel["size"]) == (2, 3, 2)
    colours = pixels("an image", torch.tensor([[[1.0]], [[0.0]], [[0.2]]]))
    assert list(base64.b64decode(colours["bytes"])) == [255, 0, 51]
    with pytest.raises(ValueError, match="image"):
        pixels("an image", torch.rand(2, 3))


@pytest.mark.parametrize("file", sorted(STATIC.glob("*")), ids=lambda file: file.name)
def test_nothing_in_the_player_reaches_another_host(file):
    addresses = re.findall(r"https?://[^\s\"']+", file.read_text())
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}
    assert "</script" not in file.read_text()
