"""A small sphere tracer: pictures of a toy from any side, in any of six lights.

A ray may safely advance by the distance to the nearest surface, again and again, until it
is all but there: so finds one its way with nothing but a solid's distance function. What
is hit is shaded by a lamp and the sky, and darkened where it is shadowed or in a corner.

Source: Hart 1996, "Sphere tracing: a geometric method for the antialiased ray tracing of
implicit surfaces".
"""

from math import cos, radians, sin

import torch
from torch import Tensor

from capsedu.data.toys.solids import Toy

CAMERA_DISTANCE = 5.0  # from the toy's middle; the toy's radius is 1
FIELD = 0.235  # half of the picture's width at distance 1
EYES = (-3.0, 3.0)  # degrees of azimuth of the left and the right camera from the middle
SUPERSAMPLING = 2  # rays per pixel in each direction
STEPS, NEAR = 40, 0.003  # a ray ends after so many steps, or so close to the surface

# Each light: a lamp's azimuth from the camera's and its elevation, in degrees, how bright
# it is, and how bright the sky is.
LIGHTS = (
    (-60, 50, 0.85, 0.40),
    (60, 50, 0.85, 0.40),
    (0, 75, 0.70, 0.55),
    (150, 45, 0.75, 0.50),
    (-110, 35, 0.95, 0.38),
    (20, 30, 0.55, 0.40),
)
PAINT, GROUND = 0.55, 0.72  # what part of the light the toys and the ground give back
SKY_STEPS = (0.06, 0.20)  # how far from a surface the sky is looked for
SHADOW_STEPS = (0.06, 0.14, 0.26, 0.44, 0.70, 1.05)  # and the toy, on the way to the lamp
LAMP_WIDTH = 0.22  # half of it, at distance 1


def render(
    toy: Toy, elevation: float, azimuth: float, lights: tuple[int, ...], size: int = 48
) -> Tensor:
    """One viewpoint of a toy, through both cameras and in several lights.

    Args:
        toy: what to show.
        elevation: of the cameras above the ground, in degrees.
        azimuth: of the cameras' middle, in degrees counter-clockwise seen from above;
            from 0 the toy shows its front.
        lights: numbers of :data:`LIGHTS`.
        size: side of the pictures in pixels.

    Returns:
        The left and the right picture in each light, uint8 ``[lights, 2, size, size]``.
    """
    pairs = [rays(elevation, azimuth + eye, size * SUPERSAMPLING) for eye in EYES]
    start = torch.cat([eye.expand_as(ray) for eye, ray in pairs], dim=1)
    ray = torch.cat([ray for _, ray in pairs], dim=1)
    point, hit = trace(toy, start, ray)
    shades = shade(toy, point, hit, azimuth, lights)
    fine = shades.view(len(lights), 2, size, SUPERSAMPLING, size, SUPERSAMPLING)
    return (fine.mean(dim=(3, 5)) * 255).round().to(torch.uint8)


def rays(elevation: float, azimuth: float, side: int) -> tuple[Tensor, Tensor]:
    """A camera that looks at the origin: its place ``[3, 1]`` and unit rays ``[3, side²]``."""
    up, around = radians(elevation), radians(azimuth)
    back = torch.tensor([[cos(up) * cos(around)], [cos(up) * sin(around)], [sin(up)]])
    right = torch.tensor([[-sin(around)], [cos(around)], [0.0]])
    above = torch.linalg.cross(back, right, dim=0)
    place = ((torch.arange(side) + 0.5) / side * 2 - 1) * FIELD
    ray = right * place.repeat(side) - above * place.repeat_interleave(side) - back
    return CAMERA_DISTANCE * back, ray / length(ray)


def trace(toy: Toy, start: Tensor, ray: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays end: on the toy or, if they miss it, on the ground.

    Args:
        toy: the solid, within the unit sphere.
        start: where each ray begins, ``[3, n]``.
        ray: its direction, downwards and of length 1, ``[3, n]``.

    Returns:
        The points ``[3, n]`` and whether each is on the toy, bool ``[n]``.
    """
    # A ray passes the unit sphere between `middle - reach` and `middle + reach`.
    middle = -(start * ray).sum(dim=0)
    reach = (middle**2 - start.square().sum(dim=0) + 1.0).clamp(min=0).sqrt()
    far = torch.minimum(middle + reach, (toy.floor - start[2]) / ray[2])
    t = middle - reach
    hit = torch.zeros_like(t, dtype=torch.bool)
    active = torch.nonzero((reach > 0) & (t < far)).squeeze(1)
    for _ in range(STEPS):
        # Rays that have arrived or left are dropped, so each step costs less than the last.
        place = start.index_select(1, active) + t[active] * ray.index_select(1, active)
        distance = toy.distance(place)
        t[active] += distance
        near = distance < NEAR
        hit[active[near]] = True
        active = active[~near & (t[active] < far[active])]
        if not len(active):
            break
    ground = (toy.floor - start[2]) / ray[2]
    return start + torch.where(hit, t, ground) * ray, hit


def shade(toy: Toy, point: Tensor, hit: Tensor, azimuth: float, lights: tuple[int, ...]) -> Tensor:
    """The grey value in [0, 1] of each point in each light, ``[lights, n]``."""
    normal = torch.zeros_like(point)
    normal[2] = 1.0  # the ground's
    normal[:, hit] = slope(toy, point[:, hit])
    paint = torch.where(hit, PAINT, GROUND)
    sky_seen = open_sky(toy, point, normal)
    shades = []
    for light in lights:
        around, up, lamp, sky = LIGHTS[light]
        around, up = radians(azimuth + around), radians(up)
        to_lamp = torch.tensor([[cos(up) * cos(around)], [cos(up) * sin(around)], [sin(up)]])
        lit = (normal * to_lamp).sum(dim=0).clamp(min=0)
        lit *= lamp_seen(toy, point + 0.02 * normal, to_lamp, lit > 0.01)
        glow = sky * (0.65 + 0.35 * normal[2]) * (0.25 + 0.75 * sky_seen)
        shades.append((paint * (lamp * lit + glow)).clamp(0, 1))
    return torch.stack(shades)


def length(vectors: Tensor) -> Tensor:
    """The length of each column, ``[n]``; ``norm(dim=0)`` takes a hundred times as long."""
    return vectors.square().sum(dim=0).sqrt_()


def slope(toy: Toy, point: Tensor, step: float = 0.008) -> Tensor:
    """Unit normals: the direction in which the distance grows, from four nearby points."""
    corners = torch.tensor([[1.0, -1, -1, 1], [-1, -1, 1, 1], [-1, 1, -1, 1]])
    normal = torch.zeros_like(point)
    for corner in corners.T.unsqueeze(2):
        normal += corner * toy.distance(point + step * corner)
    return normal / length(normal).clamp(min=1e-9)


def open_sky(toy: Toy, point: Tensor, normal: Tensor) -> Tensor:
    """How much of the sky each point sees, from 0 (a deep corner) to 1, ``[n]``.

    A little above an open surface, the nearest surface is as far as one has risen.
    """
    seen = torch.ones_like(point[0])
    for step in SKY_STEPS:
        place = point + step * normal
        near = torch.nonzero(length(place) < 1 + step).squeeze(1)  # the toy's sphere
        seen[near] -= (1 - toy.distance(place.index_select(1, near)) / step).clamp(0, 1) / len(
            SKY_STEPS
        )
    return seen


def lamp_seen(toy: Toy, point: Tensor, to_lamp: Tensor, facing: Tensor) -> Tensor:
    """How much of a lamp each point sees, from 0 (shadow) to 1: soft shadows, ``[n]``.

    On the way to the lamp, what passes closer than the lamp is wide takes away of its light.
    """
    seen = torch.ones_like(point[0])
    for step in SHADOW_STEPS:
        place, width = point + step * to_lamp, LAMP_WIDTH * step
        # All of the toy is in the unit sphere, so it is only looked for near there.
        near = torch.nonzero(facing & (length(place) < 1 + width)).squeeze(1)
        free = (toy.distance(place.index_select(1, near)) / width + 1) / 2
        seen[near] = torch.minimum(seen[near], free.clamp(0, 1))
    return seen
