"""The drawing of a digit while one component of its pose is moved."""

import torch
from torch import Tensor

from capsedu.errors import require_dims
from capsedu.explore.capsnet_figures import image_rows
from capsedu.explore.player import Player, pixels
from capsedu.models import CapsNet


def pose_sweep(network: CapsNet, image: Tensor, digit: int, reach: float = 0.25) -> Player:
    """The decoder's drawing while one pose component of a digit's capsule is moved.

    Args:
        network: a trained CapsNet with a decoder.
        image: ``[c, h, w]`` in [0, 1].
        digit: the class whose capsule is drawn.
        reach: how far the component is moved, to either side, in seven steps.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Source: Sabour, Frosst & Hinton (2017), section 5.1 and figure 4.
    """
    require_dims("image", image, "c h w")
    if network.decoder is None:
        raise ValueError("network must have a decoder, got one without")
    amounts = torch.linspace(-reach, reach, 7)
    with torch.no_grad():
        capsules = network(image.unsqueeze(0))  # [1, j, d]
        if not 0 <= digit < capsules.shape[1]:
            raise ValueError(f"digit must be 0 to {capsules.shape[1] - 1}, got {digit}")
        components = capsules.shape[2]
        moved = capsules.repeat(components * len(amounts), 1, 1)
        moved = moved.unflatten(0, (components, len(amounts)))  # [component, n, j, d]
        for component in range(components):
            moved[component, :, digit, component] += amounts
        moved = moved.flatten(0, 1)
        drawn = network.decoder(moved, torch.full((len(moved),), digit))
    drawn = drawn.unflatten(0, (components, len(amounts)))
    pose = capsules[0, digit]
    change = (drawn[:, -1] - drawn[:, 0]).square().sum(dim=(1, 2, 3))
    order = change.argsort(descending=True).tolist()  # the liveliest first
    variants = {
        str(component): [
            _drawing(drawn[component, n], pose, component, amount)
            for n, amount in enumerate(amounts.tolist())
        ]
        for component in order
    }
    trace = {
        "title": f"One component of a {digit}'s pose, moved",
        "state": {"variant": str(order[0])},
        "start": len(amounts) // 2,
        "controls": [
            {"name": "variant", "label": "component", "kind": "choice"}
            | {"options": [[str(c), f"{c} (change {change[c]:.1f})"] for c in order]}
        ],
        "variants": variants,
    }
    rows = {f"component {component}": drawn[component] for component in order[:2]}
    still = image_rows(rows, [f"{amount:+.2f}" for amount in amounts.tolist()])
    alt = (
        f"Drawings of a {digit} while one component of its pose is moved from {-reach:+.2f} to "
        f"{reach:+.2f}. Shown are the two components that change it most, {order[0]} and "
        f"{order[1]}; the squared differences between the ends are {change[order[0]]:.1f} and "
        f"{change[order[1]]:.1f}."
    )
    return Player(trace, still, alt)


def _drawing(drawn: Tensor, pose: Tensor, component: int, amount: float) -> dict:
    value = pose[component].item()
    caption = f"Component {component} is {value:.2f}; here {amount:+.2f} is added to it."
    return {
        "label": f"{amount:+.2f}".replace("-", "−"),
        "caption": caption.replace("-", "−"),
        "panels": [
            pixels("drawn from the pose", drawn),
            {"kind": "bars", "title": "the pose", "min": -1, "max": 1, "digits": 2}
            | {"labels": [str(d) for d in range(len(pose))], "highlight": [component]}
            | {"values": [x + amount * (d == component) for d, x in enumerate(pose.tolist())]},
        ],
        "table": {"head": ["component", "was", "is"], "rows": [[component, value, value + amount]]},
    }
