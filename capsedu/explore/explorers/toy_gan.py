"""A GAN in the plane: the reader makes its steps, the discriminator's and the generator's."""

from capsedu.errors import require_count
from capsedu.explore import toy_gan as toy
from capsedu.explore.player import Player
from capsedu.explore.toy_gan_figures import REACH, toy_gan_picture

NAMES = {"one": "one blob", "two": "two blobs", "ring": "a ring of six blobs"}
MOST_STEPS = 600
PAUSE = 150  # milliseconds; at the pace of other explorers a hundred rounds would take minutes


def toy_gan(data: str = "two", rounds: int = 100, seed: int = 6) -> Player:
    """Generator against discriminator in the plane, each step a button.

    The player begins with a recording of rounds, a discriminator's step and a generator's step
    each. A press goes on from the step that is shown. What is shown is computed in the browser.

    Args:
        data: where the real points are at the start, one of ``NAMES``.
        rounds: how many are recorded, 1 to 300.
        seed: of the points, the noise and the first weights.

    Raises:
        ValueError: if an argument does not fit.

    Source: Goodfellow et al. (2014), algorithm 1.
    """
    require_count("rounds", rounds)
    if rounds > MOST_STEPS // 2:
        raise ValueError(f"rounds must be 1 to {MOST_STEPS // 2}, got {rounds}")
    game = toy.start(data, seed)
    moves = "DG" * rounds
    options = {"name": "data", "label": "real points", "kind": "choice"}
    button = {"name": "moves", "kind": "action", "most": MOST_STEPS}
    trace = {
        "title": "A game for two networks: make the steps yourself",
        "explorer": "toy_gan",
        "state": {"data": data, "moves": moves},
        "controls": [
            options | {"options": list(NAMES.items())},
            button | {"label": "Discriminator step", "adds": "D"},
            button | {"label": "Generator step", "adds": "G"},
            button | {"label": "10 rounds", "adds": "DG" * 10},
        ],
        "pause": PAUSE,
        "real": {name: toy.start(name, seed).real for name in NAMES},
        "noise": game.noise,
        "generator": game.generator._asdict(),
        "discriminator": game.discriminator._asdict(),
        "rates": toy.RATES,
        "range": [-REACH, REACH],
        "pull": {"scale": 2, "most": 1},
    }
    games = toy.play(game, moves)
    shown = sorted({0, rounds // 10, rounds})
    picture = toy_gan_picture({f"round {k}": games[2 * k] for k in shown})
    says = [
        f"{toy.probability(games[-1], points).mean():.2f}"
        for points in (games[-1].real, toy.fakes(games[-1]))
    ]
    alt = (
        f"Real points in {NAMES[data]} and a generator's fakes, on a map of the discriminator's "
        f"probability, in rounds {', '.join(map(str, shown))}. At the end it gives the real "
        f"points {says[0]} and the fakes {says[1]} on average."
    )
    return Player(trace, picture, alt)
