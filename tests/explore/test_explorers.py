"""Every explorer in a real browser: what it shows is what Python computes."""

import matplotlib.pyplot as plt
import pytest
import torch
from browser import drag, watch
from torch.testing import assert_close

from capsedu.evaluation.inpainting import Search, holes
from capsedu.explore import explorers
from capsedu.explore.explorers.squashing import FORMULAS
from capsedu.explore.player import Player, pixels
from capsedu.functional import capsule_length, squash
from capsedu.models import CapsNet
from capsedu.models.draw import attentive_draw
from capsedu.models.transforming_autoencoder import TransformingAutoencoder
from capsedu.routing.dynamic import dynamic_routing_steps

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>test</title>
<meta name="viewport" content="width=device-width"></head><body>{}</body></html>"""


def network():
    torch.manual_seed(0)
    return CapsNet(conv_channels=8, primary_types=4).eval()


def every_kind():
    """What later chapters will show: distributions, losses, a canvas with a window."""
    panels = [
        {"kind": "plane", "title": "EM", "range": [-2, 2], "points": [{"at": [1, 1], "label": "a"}]}
        | {"ellipses": [{"at": [0.5, 0], "radii": [1, 0.5], "angle": 30, "label": "parent 0"}]},
        {"kind": "curve", "title": "GAN", "x": [0, 2], "y": [0, 1], "xlabel": "step"}
        | {"lines": [{"label": "loss", "points": [[0, 1], [2, 0.5]]}]},
        pixels("canvas", torch.rand(3, 6, 6), box=[1, 1, 4.5, 4]),
        {"kind": "matrix", "title": "assignments", "values": torch.rand(3, 2), "digits": 2}
        | {"min": 0, "max": 1, "scale": "sequential", "box": [0, 0, 1, 1]},
        {"kind": "bars", "title": "costs", "labels": ["a", "b"], "values": [-1, 2]}
        | {"min": -1, "max": 2},
        {"kind": "text", "title": "formula", "text": "a = b"},
    ]
    table = {"head": ["", "value"], "rows": [["a", 1.0]]}
    steps = [
        {"label": f"step {t}", "caption": "word " * (1 + 40 * t), "panels": panels, "table": table}
        for t in range(3)
    ]
    return Player({"title": "Every kind of panel", "steps": steps}, plt.figure(), "words")


def a_search():
    """Two random images for each of a few steps, none of them better than the first."""
    found = [Search(torch.rand(1, 2, 3), *torch.rand(1, 1, 2, 1, 8, 8), *torch.rand(2, 1, 2))] * 40
    return explorers.filling_search(
        torch.rand(1, 8, 8), holes(8), {name: found for name in holes(8)}, weight=0.1
    )


MAKERS = {
    "routing": explorers.routing,
    "squashing": explorers.squashing,
    "transposed_convolution": explorers.transposed_convolution,
    "em_routing": explorers.em_routing,
    "trained_routing": lambda: explorers.trained_routing(network(), torch.rand(3, 1, 28, 28)),
    "toy_gan": lambda: explorers.toy_gan(rounds=10),
    "filling_search": a_search,
    "morph": lambda: explorers.morph(*torch.rand(2, 5, 32, 32), *torch.rand(2, 5)),
    "told_transform": lambda: explorers.told_transform(
        TransformingAutoencoder((1, 8, 8), 3, 4, 4),
        torch.rand(2, 1, 8, 8),
        ["3", "7"],
        [0, 1, 5],
        torch.tensor([[0, 0], [0, 1], [0, 5]]),
        torch.rand(2, 3, 1, 8, 8),
        motion="pixels to the right",
        trained=4,
    ),
    "drawing": lambda: explorers.drawing(
        attentive_draw((1, 8, 8), 2, 3, hidden=4, latent=2, steps=3), torch.rand(1, 8, 8)
    ),
    "pose_sweep": lambda: explorers.pose_sweep(network(), torch.rand(1, 28, 28), digit=4),
    "every_kind": every_kind,
}


@pytest.fixture
def opened(page):
    """Puts explorers on a page and returns their hosts; at the end nothing may have failed."""
    troubles = watch(page)

    def put(*players):
        page.set_content(PAGE.format("".join(player.html for player in players)))
        return [page.locator(".capsedu-player").nth(k) for k in range(len(players))]

    yield put
    assert troubles == []


def steps_of(host):
    return host.evaluate("host => host.capsedu.steps")


def put_state(host, name, value):
    host.evaluate("(host, [name, value]) => host.capsedu.set(name, value)", [name, value])


@pytest.mark.parametrize("name", MAKERS)
def test_buttons_keys_and_slider_step_through(opened, page, name):
    (host,) = opened(MAKERS[name]())
    count = len(steps_of(host))
    first = host.evaluate("host => host.capsedu.index")
    index = lambda: host.evaluate("host => host.capsedu.index")  # noqa: E731
    slider = host.locator("input.step")
    assert count > 1
    slider.press("Home")
    assert index() == 0 and host.locator(".previous").is_disabled()
    host.locator(".next").click()
    assert index() == 1
    assert host.locator(".caption.now").inner_text() == host.evaluate(
        "host => host.capsedu.frame.caption.trim()"
    )
    host.locator(".previous").click()
    host.locator(".reset").focus()
    page.keyboard.press("End")
    assert index() == count - 1 and host.locator(".next").is_disabled()
    page.keyboard.press("ArrowLeft")
    assert index() == count - 2
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == host.locator(".label").inner_text().strip()
    assert index() == count - 1
    host.locator(".reset").click()
    assert index() == first


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_play_goes_to_the_end_and_stops(opened, page, motion):
    page.clock.install()
    page.emulate_media(reduced_motion=motion)
    (host,) = opened(explorers.routing())
    host.locator(".play").click()
    assert host.locator(".play").inner_text() == "Pause"
    page.clock.run_for(10_000)
    assert host.evaluate("host => host.capsedu.index") == 2
    assert host.locator(".play").inner_text() == "Play"
    shown = host.locator("[data-kind=matrix] text").all_text_contents()
    last = steps_of(host)[2]["couplings"]
    assert shown[-6:] == [f"{share:.2f}" for row in last for share in row]
    host.locator(".play").click()  # from the start again
    assert host.evaluate("host => host.capsedu.index") == 0
    page.clock.run_for(1_500)
    host.locator(".play").click()
    page.clock.run_for(10_000)
    assert host.evaluate("host => host.capsedu.index") == 1


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("width", [400, 800])
def test_the_page_does_not_move_from_step_to_step(opened, page, name, width):
    page.set_viewport_size({"width": width, "height": 800})
    (host,) = opened(MAKERS[name]())
    heights = host.evaluate(
        """host => host.capsedu.steps.map((_, t) => {
            host.capsedu.go(t); return host.getBoundingClientRect().height; })"""
    )
    assert len({round(height) for height in heights}) == 1, heights
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_players_do_not_disturb_each_other(opened):
    first, second = opened(explorers.routing(), explorers.routing())
    first.locator(".next").click()
    put_state(first, "axis", "children")
    assert second.evaluate("host => host.capsedu.index") == 0
    assert second.evaluate("host => host.capsedu.state.axis") == "parents"


def test_without_scripts_the_still_picture_stands(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(PAGE.format(explorers.routing().html))
    picture = page.get_by_role("img")
    assert picture.is_visible()
    assert "the poses have lengths 0.87 and 0.63" in picture.get_attribute("alt")
    context.close()


@pytest.mark.parametrize(
    ("mark", "value", "theme"),
    [
        ("data-theme", "dark", "dark"),
        ("data-theme", "light", "light"),
        ("theme", "dark", "dark"),
    ],
)
def test_the_page_chooses_the_theme_over_the_system(opened, page, mark, value, theme):
    page.emulate_media(color_scheme="light" if theme == "dark" else "dark")
    (host,) = opened(explorers.routing())
    page.evaluate(f"document.documentElement.setAttribute('{mark}', '{value}')")
    page.wait_for_selector(f".capsedu-player[data-theme={theme}]")
    paper = host.locator("section").evaluate("node => getComputedStyle(node).backgroundColor")
    assert paper == {"dark": "rgb(24, 28, 34)", "light": "rgb(255, 255, 255)"}[theme]


@pytest.mark.parametrize("axis", ["parents", "children"])
def test_routing_in_the_browser_is_routing_in_python(opened, axis):
    (host,) = opened(explorers.routing())
    put_state(host, "axis", axis)
    put_state(host, "iterations", 5)
    for seed in range(10):
        generator = torch.Generator().manual_seed(seed)
        votes = 2 * torch.randn(1, 4, 3, 2, generator=generator, dtype=torch.float64)
        put_state(host, "votes", votes[0].tolist())
        if axis == "parents":
            expected = [step._asdict() for step in dynamic_routing_steps(votes, 5)]
        else:
            expected = over_children(votes, 5)
        for step, wanted in zip(steps_of(host), expected, strict=True):
            for key in ("logits", "couplings", "totals", "poses"):
                ours = torch.tensor(step[key], dtype=torch.float64)
                assert_close(ours, wanted[key][0], rtol=1e-6, atol=1e-6)


def over_children(votes, iterations):
    """Dynamic routing with the mistake that the explorer can switch on."""
    logits = torch.zeros(votes.shape[:3], dtype=votes.dtype)
    steps = []
    for _ in range(iterations):
        couplings = logits.softmax(dim=1)
        totals = torch.einsum("bij,bijd->bjd", couplings, votes)
        poses = squash(totals)
        steps.append({"logits": logits, "couplings": couplings, "totals": totals, "poses": poses})
        logits = logits + torch.einsum("bijd,bjd->bij", votes, poses)
    return steps


def test_a_dragged_vote_is_routed_anew_and_reset_brings_it_back(opened, page):
    (host,) = opened(explorers.routing())
    before = steps_of(host)
    handle = host.get_by_role("slider", name="vote of child 2 for parent 0")
    drag(page, handle, 60, -40)
    votes = torch.tensor([host.evaluate("host => host.capsedu.state.votes")])
    assert votes[0, 2, 0].tolist() != [-1, 0]
    wanted = list(dynamic_routing_steps(votes, 3))[-1]
    assert_close(torch.tensor(steps_of(host)[-1]["poses"]), wanted.poses[0], rtol=0, atol=1e-6)
    handle = host.get_by_role("slider", name="vote of child 2 for parent 0")
    value = host.evaluate("host => host.capsedu.state.votes[2][0][0]")
    handle.press("ArrowRight")
    assert host.evaluate("host => host.capsedu.state.votes[2][0][0]") == pytest.approx(value + 0.1)
    page.keyboard.press("ArrowRight")  # the redrawn handle still has the keyboard
    assert host.evaluate("host => host.capsedu.state.votes[2][0][0]") == pytest.approx(value + 0.2)
    host.locator(".reset").click()
    assert steps_of(host) == before


def test_the_numbers_are_in_the_table(opened):
    (host,) = opened(explorers.routing())
    host.locator(".next").click()
    host.locator("summary").click()
    couplings = [float(cell) for cell in host.locator("td:last-child").all_inner_texts()[:6]]
    assert_close(
        torch.tensor(couplings).view(3, 2),
        torch.tensor(steps_of(host)[1]["couplings"]),
        rtol=0,
        atol=6e-4,
    )


@pytest.mark.parametrize("formula", FORMULAS)
def test_squash_in_the_browser_is_squash_in_python(opened, formula):
    (host,) = opened(explorers.squashing(formula=formula))
    bends = {
        "paper": lambda s, n: squash(s),
        "misprint": lambda s, n: s / (1 + n**2),
        "half": lambda s, n: s / n * n**2 / (0.5 + n**2),
        "slow": lambda s, n: s / (1 + n),
        "exponential": lambda s, n: s / n * (1 - torch.exp(-n)),
        "unit": lambda s, n: s / n,
        "componentwise": lambda s, n: s.sign() * s**2 / (1 + s**2),
    }
    for s in torch.randn(10, 2, dtype=torch.float64):
        put_state(host, "s", s.tolist())
        found = torch.tensor(steps_of(host)[3]["v"], dtype=torch.float64)
        assert_close(found, bends[formula](s, s.norm()), rtol=0, atol=1e-6)
    put_state(host, "s", [0, 0])
    assert steps_of(host)[3]["v"] == [0, 0]


def test_a_dragged_total_is_squashed_anew(opened, page):
    (host,) = opened(explorers.squashing())
    drag(page, host.get_by_role("slider", name="s: drag it: s"), -50, 30)
    s = torch.tensor(host.evaluate("host => host.capsedu.state.s"))
    assert s.tolist() != [1.5, 1.0]
    assert_close(torch.tensor(steps_of(host)[3]["v"]), squash(s), rtol=0, atol=1e-6)


def test_what_children_add_sums_to_the_length_of_the_total():
    images = torch.rand(2, 1, 28, 28)
    capsnet = network()
    player = explorers.trained_routing(capsnet, images, iterations=2)
    with torch.no_grad():
        votes = capsnet.class_capsules.votes(capsnet.children_of(images))
    for t, step in enumerate(dynamic_routing_steps(votes, 2)):
        for k in range(2):
            panels = player.trace["variants"][str(k)][t]["panels"]
            found = int(capsule_length(step.poses)[k].argmax())
            if t == 1:  # the class is chosen at the end
                assert panels[3]["highlight"] == [found]
            total = step.totals[k, panels[3]["highlight"][0]].norm()
            assert_close(panels[1]["values"].sum(), total)
            assert_close(panels[2]["values"].sum(), total)


def test_another_image_or_component_can_be_chosen(opened):
    player = explorers.pose_sweep(network(), torch.rand(1, 28, 28), digit=4)
    (host,) = opened(player)
    assert host.evaluate("host => host.capsedu.index") == 3  # nothing added, in the middle
    options = host.locator("select option").all()
    assert len(options) == 16
    host.locator("select").select_option(options[5].get_attribute("value"))
    component = host.evaluate("host => host.capsedu.state.variant")
    shown = host.evaluate("host => host.capsedu.frame.panels[0].bytes")
    assert shown == player.trace["variants"][component][3]["panels"][0]["bytes"]


def test_the_middle_of_a_sweep_is_the_untouched_drawing():
    capsnet, image = network(), torch.rand(1, 28, 28)
    player = explorers.pose_sweep(capsnet, image, digit=4)
    with torch.no_grad():
        drawn = capsnet.decoder(capsnet(image[None]), torch.tensor([4]))[0]
    wanted = pixels("drawn from the pose", drawn)
    for frames in player.trace["variants"].values():
        assert frames[3]["panels"][0] == wanted


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: explorers.routing(torch.rand(2, 3, 2, 2)),
            r"votes must have shape \[1, i, j, 2\]",
        ),
        (lambda: explorers.routing(iterations=0), "iterations must be 1 to 10, got 0"),
        (lambda: explorers.squashing(torch.tensor([5.0, 0.0])), "total must be two numbers"),
        (
            lambda: explorers.squashing(formula="cube"),
            "formula must be one of paper, .* got 'cube'",
        ),
        (lambda: explorers.trained_routing(network(), torch.rand(9, 1, 28, 28)), "1 to 8, got 9"),
        (
            lambda: explorers.pose_sweep(network(), torch.rand(1, 28, 28), 10),
            "digit must be 0 to 9",
        ),
        (
            lambda: explorers.pose_sweep(CapsNet(decoder=False), torch.rand(1, 28, 28), 1),
            "network must have a decoder",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
