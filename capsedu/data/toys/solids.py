"""Solids described by their distance: how far is a point from the surface?

A toy is a union of round cones (limbs, bodies), boxes (wings, cabins) and wheels. Its
signed distance is negative inside, 0 on the surface and never larger than the true
distance outside, which is all that the renderer needs to know. Lengths have no unit; a toy
fits a sphere of radius 1 about its middle. The x axis points forward, y to the left, z up.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BLEND = 0.03  # how far round cones melt into each other where they meet


@dataclass(frozen=True)
class Cone:
    """A round cone: a ball that changes its radius as it moves along a line."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    start_radius: float
    end_radius: float


@dataclass(frozen=True)
class Box:
    """A box with rounded edges.

    Attributes:
        middle: its middle, at the plane y = 0 if it is sheared.
        half: half of its length, width and height, rounding included.
        rounding: the radius of its edges.
        sweep: how far x and z move for each unit of y, as in a wing swept back.
        taper: how much half the length and half the width shrink for each unit of z.
    """

    middle: tuple[float, float, float]
    half: tuple[float, float, float]
    rounding: float = 0.03
    sweep: tuple[float, float] = (0.0, 0.0)
    taper: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Wheel:
    """A disc whose axis is parallel to y or, if it lies flat, to z."""

    middle: tuple[float, float, float]
    radius: float
    half_width: float
    rounding: float = 0.02
    flat: bool = False


Part = Cone | Box | Wheel


class Toy:
    """A union of parts, mirrored in the plane y = 0: each part stands for a pair.

    The toy is moved so that its middle is the origin, and shrunk or enlarged so that its
    parts fit the unit sphere tightly.
    """

    def __init__(self, parts: list[Part]) -> None:
        cones, boxes, wheels = (
            [part for part in parts if isinstance(part, kind)] for kind in (Cone, Box, Wheel)
        )
        self.cones, self.boxes, self.wheels = _stack(cones), _stack(boxes), _stack(wheels)
        # The extent, measured on a coarse grid of points that holds every toy.
        x, z = torch.linspace(-1.6, 1.6, 65), torch.linspace(-1.6, 1.6, 65)
        grid = torch.cartesian_prod(x, torch.linspace(0, 1.6, 33), z).T.contiguous()
        self.middle, self.scale = torch.zeros(3, 1), 1.0
        inside = grid[:, self.distance(grid) < 0.02]
        low, high = inside.amin(dim=1), inside.amax(dim=1)
        self.middle = ((low + high) / 2 * torch.tensor([1.0, 0.0, 1.0])).unsqueeze(1)
        self.scale = float((inside - self.middle).square().sum(dim=0).max().sqrt())
        self.floor = float(low[2] + 0.02 - self.middle[2]) / self.scale

    def distance(self, points: Tensor) -> Tensor:
        """The signed distance of ``points`` ``[3, n]``, ``[n]``."""
        x, y, z = points * self.scale + self.middle
        x, y, z = (axis.unsqueeze(0) for axis in (x, y.abs(), z))
        distances = []
        if self.cones:
            distances.append(_cones(x, y, z, *self.cones))
        if self.boxes:
            distances.append(_boxes(x, y, z, *self.boxes))
        if self.wheels:
            distances.append(_wheels(x, y, z, *self.wheels))
        union = distances[0]
        for other in distances[1:]:
            union = torch.minimum(union, other)
        return union / self.scale


def _stack(parts: list) -> list[Tensor]:
    """The attributes of all parts of one kind, each as columns ``[k, 1]``."""
    if not parts:
        return []
    rows = [
        [number for value in vars(part).values() for number in _numbers(value)] for part in parts
    ]
    return [column.unsqueeze(1) for column in torch.tensor(rows).T]


def _numbers(value: float | tuple[float, ...]) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def _cones(x, y, z, ax, ay, az, bx, by, bz, start_radius, end_radius) -> Tensor:
    # Where along its line is the cone nearest? Then the distance to that ball.
    dx, dy, dz = bx - ax, by - ay, bz - az
    length2 = (dx * dx + dy * dy + dz * dz).clamp(min=1e-9)
    x, y, z = x - ax, y - ay, z - az
    along = ((x * dx + y * dy + z * dz) / length2).clamp_(0, 1)
    away = (x - along * dx).square_() + (y - along * dy).square_() + (z - along * dz).square_()
    distance = away.sqrt_() - (start_radius + along * (end_radius - start_radius))
    # A smooth minimum over the cones, so that a leg grows out of a body without a seam.
    nearest = distance.amin(dim=0)
    return nearest - BLEND * ((nearest - distance) / BLEND).exp_().sum(dim=0).log_()


def _boxes(x, y, z, mx, my, mz, hx, hy, hz, rounding, x_sweep, z_sweep, x_taper, y_taper) -> Tensor:
    x, z = x - x_sweep * y - mx, z - z_sweep * y - mz
    over_x = x.abs_() - (hx - rounding) + x_taper * z
    over_y = (y - my).abs_() - (hy - rounding) + y_taper * z
    over_z = z.abs_() - (hz - rounding)
    outside = (
        over_x.clamp(min=0).square_()
        + over_y.clamp(min=0).square_()
        + over_z.clamp(min=0).square_()
    )
    inside = torch.maximum(torch.maximum(over_x, over_y), over_z).clamp_(max=0)
    # Shearing and tapering stretch space; dividing by the stretch keeps the promise that
    # the distance is never too large.
    stretch = 1 + (x_sweep.abs() + z_sweep.abs() + x_taper.abs() + y_taper.abs()) / 2
    return ((outside.sqrt_() + inside - rounding) / stretch).amin(dim=0)


def _wheels(x, y, z, mx, my, mz, radius, half_width, rounding, flat) -> Tensor:
    x, y, z = x - mx, y - my, z - mz
    spoke, axis = torch.where(flat > 0, y, z), torch.where(flat > 0, z, y)
    over_radius = (x.square_() + spoke.square_()).sqrt_() - (radius - rounding)
    over_width = axis.abs_() - (half_width - rounding)
    outside = over_radius.clamp(min=0).square_() + over_width.clamp(min=0).square_()
    inside = torch.maximum(over_radius, over_width).clamp_(max=0)
    return (outside.sqrt_() + inside - rounding).amin(dim=0)
