"""What a generator makes on the way from one noise to another."""

from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.player import Player, pixels

WAYS = {"line": "a straight line", "sphere": "a sphere"}


def morph(line: Tensor, sphere: Tensor, line_norms: Tensor, sphere_norms: Tensor) -> Player:
    """The morph between two images along a straight line and along a sphere.

    Along the line between two noises the noise is shorter in the middle than any that the
    generator has been trained on; along the sphere (:func:`capsedu.functional.slerp`) it is not.

    Args:
        line: the images along the straight line, ``[n, h, w]`` in [0, 1].
        sphere: the images along the sphere, as many and as large.
        line_norms: the length of the noise behind each image of ``line``, ``[n]``.
        sphere_norms: the same for ``sphere``.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: White, *Sampling Generative Networks* (2016), section 2.
    """
    images = {"line": line, "sphere": sphere}
    norms = {"line": line_norms, "sphere": sphere_norms}
    for way in WAYS:
        require_dims(way, images[way], "n h w")
        require_dims(f"{way}_norms", norms[way], "n")
    if len(line) < 2:
        raise ValueError(f"line must have at least 2 images, got {len(line)}")
    if line.shape != sphere.shape:
        raise ValueError(f"sphere must have shape {list(line.shape)}, got {list(sphere.shape)}")
    for way, found in norms.items():
        if len(found) != len(line):
            raise ValueError(f"{way}_norms must be {len(line)} numbers, got {len(found)}")

    trace = {
        "title": "From one noise to another, along a line or along a sphere",
        "state": {"variant": "line"},
        "controls": [
            {"name": "variant", "label": "the way", "kind": "choice"}
            | {"options": list(WAYS.items())}
        ],
        "variants": {
            way: [_frame(way, k, images[way][k], norms) for k in range(len(line))] for way in WAYS
        },
    }
    shares = [f"{k / (len(line) - 1):.2g}" for k in range(len(line))]
    rows = {WAYS[way]: images[way].unsqueeze(1) for way in WAYS}
    middle = len(line) // 2
    alt = (
        f"{len(line)} images made from noise on the way from one noise to another, above along a "
        "straight line and below along a sphere. In the middle the noise has length "
        f"{line_norms[middle]:.1f} on the line and {sphere_norms[middle]:.1f} on the sphere; at "
        f"the ends {line_norms[0]:.1f} and {line_norms[-1]:.1f}."
    )
    return Player(trace, image_rows(rows, shares), alt)


def _frame(way: str, k: int, image: Tensor, norms: dict[str, Tensor]) -> dict:
    count = len(norms[way])
    shares = [n / (count - 1) for n in range(count)]
    norm = norms[way][k].item()
    ends = (1 - shares[k]) * norms[way][0].item() + shares[k] * norms[way][-1].item()
    change = norm / ends - 1
    told = "as long as at the ends"
    if round(100 * change):
        told = f"{100 * abs(change):.0f} % {'shorter' if change < 0 else 'longer'} than at the ends"
    highest = max(values.max().item() for values in norms.values())
    looks = {"line": {"color": 2}, "sphere": {"color": 1, "dashed": True}}
    lines = [
        {"label": WAYS[name], "points": list(zip(shares, norms[name].tolist(), strict=True))}
        | {"width": 3 if name == way else 1.5, **looks[name]}
        for name in WAYS
    ]
    return {
        "label": f"{shares[k]:.2f} of the way",
        "caption": f"Along {WAYS[way]}, {shares[k]:.2f} of the way: the noise has length "
        f"{norm:.2f}, {told}.",
        "panels": [
            pixels("made from this noise", image.unsqueeze(0)),
            {"kind": "curve", "title": "how long the noise is", "size": 1.5, "height": 200}
            | {"x": [0, 1], "y": [0, 1.1 * highest], "xlabel": "of the way", "ylabel": "length"}
            | {"lines": lines, "dots": [{"at": [shares[k], norm], "color": looks[way]["color"]}]},
        ],
        "table": {
            "head": ["of the way", *WAYS.values()],
            "rows": [
                [f"{share:.2f}", *(norms[name][n].item() for name in WAYS)]
                for n, share in enumerate(shares)
            ],
        },
    }
