"""The game in the plane: its steps, its explorer in a real browser, its picture."""

import random

import pytest
import torch
from browser import watch
from torch.testing import assert_close

from capsedu.explore import toy_gan as toy
from capsedu.explore.explorers import toy_gan
from capsedu.explore.explorers.toy_gan import MOST_STEPS
from capsedu.explore.toy_gan_figures import REACH, toy_gan_picture
from capsedu.learning.gan_objectives import NonSaturating

EXACT = {"rtol": 0, "atol": 1e-6}
MIXED = "".join(random.Random(0).choices("DG", weights=(3, 2), k=80))


@pytest.fixture
def opened(page):
    troubles = watch(page)

    def put(player):
        page.set_content(f'<!doctype html><html lang="en"><body>{player.html}</body></html>')
        return page.locator(".capsedu-player")

    yield put
    assert troubles == []


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# The steps


@pytest.mark.parametrize("data", toy.CENTRES)
def test_a_step_changes_one_network_and_lowers_its_loss(data):
    game = toy.play(toy.start(data), "DG" * 5)[-1]
    judged, made = toy.discriminator_step(game), toy.generator_step(game)
    assert same(judged.generator, game.generator)
    assert same(made.discriminator, game.discriminator)
    assert not same(judged.discriminator, game.discriminator)
    assert not same(made.generator, game.generator)
    assert toy.discriminator_loss(judged) < toy.discriminator_loss(game)
    assert toy.generator_loss(made) < toy.generator_loss(game)
    for after in (judged, made):
        assert torch.equal(after.real, game.real) and torch.equal(after.noise, game.noise)


def test_the_discriminators_loss_falls_on_its_own_steps():
    losses = [toy.discriminator_loss(game) for game in toy.play(toy.start("one"), "D" * 20)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.5 * losses[0]


def test_the_losses_are_those_of_the_value_function():
    game = toy.play(toy.start("ring"), MIXED)[-1]
    real, fake = toy.probability(game, game.real), toy.probability(game, toy.fakes(game))
    assert_close(toy.discriminator_loss(game), -real.log().mean() - (1 - fake).log().mean())
    assert_close(toy.generator_loss(game), -fake.log().mean())
    scores = game.discriminator(game.real), game.discriminator(toy.fakes(game))
    assert_close(toy.discriminator_loss(game), NonSaturating().discriminator_loss(*scores))
    assert_close(toy.generator_loss(game), NonSaturating().generator_loss(scores[1]))


def test_a_pull_is_the_way_to_a_larger_probability():
    game = toy.play(toy.start(), "D" * 5)[-1]
    fakes, pulls = toy.fakes(game), toy.pulls(game)
    assert (toy.probability(game, fakes + 1e-3 * pulls) > toy.probability(game, fakes)).all()
    length = 1e-6
    change = -(toy.probability(game, fakes + length * pulls) / toy.probability(game, fakes)).log()
    assert_close(change / length, -pulls.square().sum(dim=1), rtol=1e-4, atol=1e-8)


def test_the_fakes_come_to_the_real_points():
    games = toy.play(toy.start("one"), "DG" * 60)
    away = [(toy.fakes(game).mean(dim=0) - game.real.mean(dim=0)).norm() for game in games]
    assert away[0] > 1 and away[-1] < 0.1


@pytest.mark.parametrize("data", toy.CENTRES)
def test_real_points_are_around_their_centres(data):
    real, centres = toy.start(data).real, torch.tensor(toy.CENTRES[data], dtype=torch.float64)
    nearest = torch.cdist(real, centres).min(dim=1)
    assert nearest.indices.bincount().tolist() == [len(real) // len(centres)] * len(centres)
    assert 0.1 < nearest.values.mean() < 0.4
    assert same(toy.start(data, seed=1).generator, toy.start("one", seed=1).generator)


# The explorer


@pytest.mark.parametrize("data", toy.CENTRES)
@pytest.mark.parametrize("moves", [MIXED, "DG" * 100, "D" * 30 + "G" * 30])
def test_the_browser_computes_what_python_computes(opened, data, moves):
    host = opened(toy_gan("two", rounds=1))
    host.evaluate("(host, data) => host.capsedu.set('data', data)", data)
    host.evaluate("(host, moves) => host.capsedu.set('moves', moves)", moves)
    found = host.evaluate("host => host.capsedu.steps")
    assert "".join(step["move"] for step in found) == moves
    games = toy.play(toy.start(data), moves)
    for ours, game in zip(found, games, strict=True):
        fakes = toy.fakes(game)
        wanted = {
            "generator": game.generator._asdict(),
            "discriminator": game.discriminator._asdict(),
            "fakes": fakes,
            "pulls": toy.pulls(game),
            "losses": {
                "discriminator": toy.discriminator_loss(game),
                "generator": toy.generator_loss(game),
            },
            "says": {
                "real": toy.probability(game, game.real).mean(),
                "fakes": toy.probability(game, fakes).mean(),
            },
        }
        compare(ours, wanted)


def compare(ours, wanted):
    if not isinstance(wanted, dict):
        return assert_close(torch.tensor(ours, dtype=torch.float64), wanted, **EXACT)
    for name, value in wanted.items():
        compare(ours[name], value)


def test_the_ground_is_the_discriminators_probability(opened):
    host = opened(toy_gan("ring", rounds=20))
    host.evaluate("host => host.capsedu.go(40)")
    ground = host.evaluate("host => host.capsedu.frame.panels[0].heat.values")
    game = toy.play(toy.start("ring"), "DG" * 20)[-1]
    cell = 2 * REACH / len(ground)
    places = torch.arange(len(ground), dtype=torch.float64) * cell - REACH + cell / 2
    y, x = torch.meshgrid(places.flip(0), places, indexing="ij")
    wanted = toy.probability(game, torch.stack([x, y], dim=2).flatten(0, 1)).view_as(x)
    assert_close(torch.tensor(ground, dtype=torch.float64), wanted, **EXACT)


def test_the_line_is_where_the_probability_is_one_half(opened):
    host = opened(toy_gan("one", rounds=1))
    host.evaluate("host => host.capsedu.set('moves', 'DDDD')")
    host.evaluate("host => host.capsedu.go(4)")
    line = host.evaluate(
        """host => {
          const path = host.shadowRoot.querySelector("path.level");
          const length = path.getTotalLength();
          return [0, 0.2, 0.5, 0.8].map(share => path.getPointAtLength(share * length))
            .map(({ x, y }) => [x, y]);
        }"""
    )
    game = toy.play(toy.start("one"), "DDDD")[-1]
    at = torch.tensor(line, dtype=torch.float64)
    unit = (300 - 4) / (2 * REACH)  # the drawing is 300 wide, with a margin of 2
    points = torch.stack([at[:, 0] - 2, 298 - at[:, 1]], dim=1) / unit - REACH
    assert_close(toy.probability(game, points), torch.full((4,), 0.5).double(), rtol=0, atol=0.01)


def test_each_button_makes_its_step_from_the_one_that_is_shown(opened, page):
    page.emulate_media(reduced_motion="reduce")
    host = opened(toy_gan(rounds=30))
    state = lambda: host.evaluate("host => [host.capsedu.index, host.capsedu.state.moves]")  # noqa: E731
    caption = lambda: host.locator(".caption.now").inner_text()  # noqa: E731
    assert state() == [0, "DG" * 30] and "Nothing is learned yet" in caption()
    judge = host.get_by_role("button", name="Discriminator step")
    make = host.get_by_role("button", name="Generator step")
    judge.click()  # what was recorded is gone now
    assert state() == [1, "D"]
    judge.press("Enter")
    page.keyboard.press("Space")  # it still has the keyboard
    assert state() == [3, "DDD"]
    game = toy.play(toy.start(), "DDD")[-1]
    real, fake = (toy.probability(game, x).mean() for x in (game.real, toy.fakes(game)))
    expected = f"Discriminator step 3: it now gives the real points {real:.2f} and the fakes"
    assert caption() == f"{expected} {fake:.2f} on average."
    make.click()
    assert state() == [4, "DDDG"] and caption().startswith("Generator step 1: the arrows moved")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert state() == [2, "DDDG"]
    make.click()
    assert state() == [3, "DDG"]
    host.locator(".reset").click()
    assert state() == [0, "DG" * 30]


def test_ten_rounds_are_played_one_by_one(opened, page):
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    host = opened(toy_gan(rounds=1))
    host.locator(".next").click()
    host.get_by_role("button", name="10 rounds").click()
    assert host.evaluate("host => host.capsedu.state.moves") == "D" + "DG" * 10
    assert host.evaluate("host => host.capsedu.index") == 1
    captions = host.locator(".captions")
    assert captions.get_attribute("aria-live") == "off"  # nobody could listen so fast
    page.clock.run_for(1000)
    assert 1 < host.evaluate("host => host.capsedu.index") < 21
    page.clock.run_for(5000)
    assert host.evaluate("host => host.capsedu.index") == 21
    assert host.locator(".play").inner_text() == "Play"
    assert captions.get_attribute("aria-live") == "polite"


def test_a_game_has_an_end(opened):
    host = opened(toy_gan(rounds=1))
    most = "D" * (MOST_STEPS - 1)
    host.evaluate("(host, moves) => host.capsedu.set('moves', moves)", most)
    host.evaluate("host => host.capsedu.go(Infinity)")
    step = host.get_by_role("button", name="Generator step")
    assert host.get_by_role("button", name="10 rounds").is_disabled() and step.is_enabled()
    step.click()
    assert step.is_disabled()
    host.locator(".previous").click()
    assert step.is_enabled()


def test_fakes_that_leave_the_picture_are_not_drawn_over_the_page(opened):
    host = opened(toy_gan("two", rounds=1))
    host.evaluate("host => host.capsedu.set('moves', 'D'.repeat(5) + 'G'.repeat(200))")
    host.evaluate("host => host.capsedu.go(Infinity)")
    gone = (toy.fakes(toy.play(toy.start("two"), "D" * 5 + "G" * 200)[-1]).abs() > REACH).any(dim=1)
    assert gone.any()
    points = host.evaluate("host => host.capsedu.frame.panels[0].points")
    assert len(points) == 2 * toy.POINTS - gone.sum()
    caption = host.locator(".caption.now").inner_text()
    assert f"Outside the picture: {gone.sum()} of the fakes." in caption


def test_other_real_points_can_be_chosen(opened):
    host = opened(toy_gan("one", rounds=5))
    host.evaluate("host => host.capsedu.go(10)")
    host.locator("select[name=data]").select_option("ring")
    assert host.evaluate("host => host.capsedu.index") == 10
    fakes = host.evaluate("host => host.capsedu.steps[10].fakes")
    wanted = toy.fakes(toy.play(toy.start("ring"), "DG" * 5)[-1])
    assert_close(torch.tensor(fakes, dtype=torch.float64), wanted, **EXACT)


# The still picture


def test_the_picture_shows_each_moment_and_the_words_tell_the_end():
    player = toy_gan("one", rounds=20)
    game = toy.play(toy.start("one"), "DG" * 20)[-1]
    says = toy.probability(game, game.real).mean()
    assert f"0, 2, 20. At the end it gives the real points {says:.2f}" in player.html
    figure = toy_gan_picture({"before": toy.start(), "after": game})
    axes = figure.axes[:2]
    assert [axis.get_title() for axis in axes] == ["before", "after"]
    offsets = [torch.tensor(marks.get_offsets()) for marks in axes[1].collections[-3:]]
    assert_close(offsets[0], game.real)
    assert_close(offsets[1], toy.fakes(game))
    arrows = axes[1].collections[-1]
    drawn = torch.stack([torch.tensor(arrows.U), torch.tensor(arrows.V)], dim=1)
    assert_close(drawn.double(), 2 * toy.pulls(game))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": "three"}, "data must be one of one, two, ring, got 'three'"),
        ({"rounds": 0}, "rounds must be at least 1, got 0"),
        ({"rounds": 301}, "rounds must be 1 to 300, got 301"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        toy_gan(**arguments)
