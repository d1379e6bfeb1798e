"""The papers' transforms: whole batches at once, one random pose per image.

Each transform is called as ``transform(images, targets, generator)`` and returns a
:class:`~capsedu.data.images.Batch`. It is made of two parts that can be used alone:
``sample`` draws a pose, ``apply`` moves the images by a given pose and is not random.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from capsedu.data.geometry import affine_images, affine_matrix, ink_extent, shift_images
from capsedu.data.images import Batch
from capsedu.errors import require_count, require_dims
from capsedu.functional import multi_hot


class Transform:
    """Draw a pose for each image, then move the images by it."""

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        """Draw the pose of each image of ``images`` ``[b, c, h, w]``: tensors ``[b, ...]``."""
        raise NotImplementedError

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        """Move ``images`` ``[b, c, h, w]`` by a given pose."""
        raise NotImplementedError

    def __call__(self, images: Tensor, targets: Tensor, generator: Generator) -> Batch:
        """A batch of moved images on the device of ``images``, with their pose.

        Args:
            images: float ``[b, c, h, w]`` in [0, 1].
            targets: class indices ``[b]``.
            generator: the source of all randomness. It may live on another device, so that
                a seed gives the same poses on a CPU and on a GPU.
        """
        require_dims("images", images, "b c h w")
        pose = self.sample(images, targets, generator)
        return Batch(self.apply(images, pose), targets, pose)


@dataclass(frozen=True)
class Identity(Transform):
    """The images as they are. Pose: empty."""

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        return {}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return images


@dataclass(frozen=True)
class Pad(Transform):
    """The image in the middle of a black canvas of ``size`` by ``size``. Pose: empty."""

    size: int = 40

    def __post_init__(self) -> None:
        require_count("size", self.size)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        return {}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        still = torch.zeros(len(images), 2, dtype=torch.int64, device=images.device)
        return shift_images(images, still, self.size)


@dataclass(frozen=True)
class Framed(Transform):
    """The square in the middle of the image, brought to ``size`` by ``size``. Pose: empty.

    Bilinear; where it shrinks, every pixel of the image counts. It makes 64x64 of faces that are
    higher than wide.
    """

    size: int = 64

    def __post_init__(self) -> None:
        require_count("size", self.size)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        return {}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        h, w = images.shape[2:]
        side = min(h, w)
        top, left = (h - side) // 2, (w - side) // 2
        square = images[..., top : top + side, left : left + side]
        if side == self.size:
            return square
        size = (self.size, self.size)
        return F.interpolate(square, size, mode="bilinear", antialias=True).clamp(0, 1)


@dataclass(frozen=True)
class Shift(Transform):
    """Shift by up to ``pixels`` in each direction, filling with black.

    Pose: ``"shift"``, (dy, dx) in whole pixels, int64 ``[b, 2]``.

    Source: Sabour, Frosst & Hinton 2017, section 5 (2 pixels).
    """

    pixels: int = 2

    def __post_init__(self) -> None:
        require_count("pixels", self.pixels, least=0)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        shift = _whole(-self.pixels, self.pixels, (len(images), 2), generator)
        return {"shift": shift.to(images.device)}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return shift_images(images, pose["shift"])


@dataclass(frozen=True)
class PadAndPlace(Transform):
    """The whole image at a random place of a black canvas of ``size`` by ``size``.

    Every place at which the image fits is equally likely: for 28x28 images on 40x40,
    shifts of -6 to 6 pixels. It is the training set of the paper's affNIST experiment,
    "padded and translated MNIST".

    Pose: ``"shift"`` from the middle, (dy, dx) in whole pixels, int64 ``[b, 2]``.

    Source: Sabour, Frosst & Hinton 2017, section 5.2.
    """

    size: int = 40

    def __post_init__(self) -> None:
        require_count("size", self.size)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        rows, columns = (self.size - side for side in images.shape[2:])
        if min(rows, columns) < 0:
            raise ValueError(
                f"size must be at least {max(images.shape[2:])} to hold the images, got {self.size}"
            )
        dy = _whole(0, rows, (len(images),), generator) - rows // 2
        dx = _whole(0, columns, (len(images),), generator) - columns // 2
        return {"shift": torch.stack([dy, dx], dim=1).to(images.device)}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return shift_images(images, pose["shift"], self.size)


@dataclass(frozen=True)
class RotatedDigits(Transform):
    """Images enlarged to ``size`` by ``size``, then rotated by up to ``degrees`` either way.

    Bilinear, filling with black. 0 degrees only enlarges.

    Pose: ``"angle"`` in degrees, counter-clockwise on the screen, float ``[b]``.

    Source: CapsGAN (Saqur & Vivona 2018), section 4: 32 by 32 pixels, rotated by up to 15
    or 45 degrees.
    """

    size: int = 32
    degrees: float = 15.0

    def __post_init__(self) -> None:
        require_count("size", self.size)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        angle = _uniform(-self.degrees, self.degrees, (len(images),), generator)
        return {"angle": angle.to(images.device)}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        angle = pose["angle"]
        sides = torch.tensor(images.shape[2:], device=angle.device)
        scale = (self.size / sides).expand(len(angle), 2)
        matrix = affine_matrix(angle, torch.zeros_like(angle), scale, torch.zeros_like(scale))
        return affine_images(images, matrix, self.size).clamp(0, 1)


@dataclass(frozen=True)
class AffineDigits(Transform):
    """Digits on a larger canvas, each under its own affine map: affNIST's recipe.

    Rotation, shear and the two scales are drawn uniformly. Then the shift is drawn
    uniformly from up to ``shift`` pixels in each direction, as far as all of the digit's
    pixels stay on the canvas; a digit too large for the canvas is put in its middle.

    This is made by affNIST's recipe and **is not affNIST**: the originals, the random
    numbers and the interpolation are others, so an error rate measured on it stands beside
    the papers' figures and not in their place.

    Pose: ``"angle"`` in degrees ``[b]``, ``"shear"`` ``[b]``, ``"scale"`` (vertical,
    horizontal) ``[b, 2]`` and ``"shift"`` (dy, dx) in pixels, float ``[b, 2]``; their signs
    and order are those of :func:`~capsedu.data.geometry.affine_matrix`.

    Source: affNIST, https://www.cs.toronto.edu/~tijmen/affNIST/.
    """

    size: int = 40
    degrees: float = 20.0
    shear: float = 0.2
    scale: tuple[float, float] = (0.8, 1.2)
    shift: float = 8.0

    def __post_init__(self) -> None:
        require_count("size", self.size)
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must be (lowest, highest), both above 0, got {self.scale}")

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        b, device = len(images), images.device
        angle = _uniform(-self.degrees, self.degrees, (b,), generator).to(device)
        shear = _uniform(-self.shear, self.shear, (b,), generator).to(device)
        scale = _uniform(*self.scale, (b, 2), generator).to(device)
        part = _uniform(-0.5, 0.5, (b, 2), generator).to(device)
        unshifted = affine_matrix(angle, shear, scale, torch.zeros_like(scale))
        lowest, highest = ink_extent(images, unshifted)
        edge = (self.size - 1) / 2  # the centre of the canvas's outermost pixel
        least = (-edge - lowest).clamp(min=-self.shift)
        most = (edge - highest).clamp(max=self.shift)
        shift = (least + most) / 2 + part * (most - least).clamp(min=0)
        return {"angle": angle, "shear": shear, "scale": scale, "shift": shift}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return affine_images(images, affine_matrix(**pose), self.size).clamp(0, 1)


@dataclass(frozen=True)
class OverlappingPairs(Transform):
    """Two digits of different classes on top of each other: MultiMNIST.

    Each image is laid over another one of its batch, chosen at random among those of
    another class. Both are shifted by up to ``shift`` pixels in each direction on a canvas
    of ``size`` by ``size``, added, and clipped at 1. Two 20x20 boxes moved so share 73 % of
    their area on average; the paper, which moves them in this way, speaks of 80 %.

    Pose: ``"shift"``, (dy, dx) of each of the two, int64 ``[b, 2, 2]``, and ``"partner"``,
    the row of the second digit in the batch, int64 ``[b]``. Targets become multi-hot
    ``[b, classes]``, and the batch holds ``layers`` and ``layer_targets``.

    Raises (when called):
        ValueError: if the canvas is too small, or the batch holds only one class.

    Source: Sabour, Frosst & Hinton 2017, section 6.1.
    """

    size: int = 36
    shift: int = 4
    classes: int = 10

    def __post_init__(self) -> None:
        require_count("size", self.size)
        require_count("shift", self.shift, least=0)
        require_count("classes", self.classes, least=2)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        needed = max(images.shape[2:]) + 2 * self.shift
        if self.size < needed:
            raise ValueError(
                f"size must be at least {needed} for these images and a shift of "
                f"{self.shift}, got {self.size}"
            )
        other = (targets.unsqueeze(1) != targets).to(generator.device)
        if not other.any(dim=1).all():
            raise ValueError(
                "targets must hold at least two classes to pair digits of different classes"
            )
        # Row b of `other` gives weight 1 to every possible partner of image b.
        partner = torch.multinomial(other.float(), 1, generator=generator).squeeze(1)
        shift = _whole(-self.shift, self.shift, (len(images), 2, 2), generator)
        return {"shift": shift.to(images.device), "partner": partner.to(images.device)}

    def layers(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        """The two digits of each pair, shifted but apart, ``[b, 2, c, size, size]``."""
        first, second = pose["shift"].unbind(dim=1)
        return torch.stack(
            [
                shift_images(images, first, self.size),
                shift_images(images[pose["partner"]], second, self.size),
            ],
            dim=1,
        )

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        return _overlay(self.layers(images, pose))

    def __call__(self, images: Tensor, targets: Tensor, generator: Generator) -> Batch:
        require_dims("images", images, "b c h w")
        hot = multi_hot(targets, self.classes).to(images.dtype)
        pose = self.sample(images, targets, generator)
        layers = self.layers(images, pose)
        partner = pose["partner"]
        return Batch(
            images=_overlay(layers),
            targets=hot + hot[partner],
            pose=pose,
            layers=layers,
            layer_targets=torch.stack([targets, targets[partner]], dim=1),
        )


@dataclass(frozen=True)
class RandomCrop(Transform):
    """A random window of ``size`` by ``size`` in random light: smallNORB's training images.

    The image is first averaged down to ``canvas`` by ``canvas`` pixels; one that has this
    size already is left as it is. Then contrast is changed about the image's own mean by a
    factor from ``contrast``, brightness by up to ``brightness`` either way, and the result
    clipped to [0, 1]. All channels of an image, such as a stereo pair, are treated alike.

    The paper gives no amounts. The authors' code draws brightness up to 63/255 and contrast
    from 0.2 to 1.8, does not clip, and standardises each image afterwards, which undoes
    nearly all of it. Here smaller amounts really take place; standardising belongs to the
    network, so that its input stays in [0, 1].

    Pose: ``"corner"`` of the window, (row, column) on the canvas, int64 ``[b, 2]``;
    ``"contrast"`` and ``"brightness"``, float ``[b]``.

    Source: Hinton, Sabour & Frosst 2018, section 4.1.
    """

    size: int = 32
    canvas: int = 48
    brightness: float = 0.125
    contrast: tuple[float, float] = (0.5, 1.5)

    def __post_init__(self) -> None:
        _require_window(self.size, self.canvas)
        if not 0 <= self.contrast[0] <= self.contrast[1]:
            raise ValueError(f"contrast must be (lowest, highest), from 0 on, got {self.contrast}")

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        b, device = len(images), images.device
        return {
            "corner": _whole(0, self.canvas - self.size, (b, 2), generator).to(device),
            "contrast": _uniform(*self.contrast, (b,), generator).to(device),
            "brightness": _uniform(-self.brightness, self.brightness, (b,), generator).to(device),
        }

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        images = _averaged(images, self.canvas)
        contrast, brightness = pose["contrast"].view(-1, 1, 1, 1), pose["brightness"]
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = mean + contrast * (images - mean) + brightness.view(-1, 1, 1, 1)
        # As in shift_images: all windows as a view, then a copy of the one of each image.
        windows = images.clamp(0, 1).unfold(2, self.size, 1).unfold(3, self.size, 1)
        row, column = pose["corner"].unbind(dim=1)
        return windows[torch.arange(len(images), device=images.device), :, row, column]


@dataclass(frozen=True)
class CentreCrop(Transform):
    """The middle ``size`` by ``size`` pixels: smallNORB's test images. Pose: empty.

    The image is first averaged down to ``canvas`` by ``canvas`` pixels; one that has this
    size already is left as it is.

    Source: Hinton, Sabour & Frosst 2018, section 4.1.
    """

    size: int = 32
    canvas: int = 48

    def __post_init__(self) -> None:
        _require_window(self.size, self.canvas)

    def sample(self, images: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
        return {}

    def apply(self, images: Tensor, pose: dict[str, Tensor]) -> Tensor:
        start = (self.canvas - self.size) // 2
        window = slice(start, start + self.size)
        return _averaged(images, self.canvas)[..., window, window]


def _require_window(size: int, canvas: int) -> None:
    require_count("size", size)
    require_count("canvas", canvas)
    if size > canvas:
        raise ValueError(f"size must be at most {canvas}, the canvas, got {size}")


def _averaged(images: Tensor, canvas: int) -> Tensor:
    """The mean over the squares of pixels that fall into each pixel of the canvas."""
    h, w = images.shape[2:]
    if h != w or h % canvas:
        raise ValueError(f"images must have {canvas}x{canvas} pixels or a multiple, got {h}x{w}")
    return images if h == canvas else F.avg_pool2d(images, h // canvas)


def _overlay(layers: Tensor) -> Tensor:
    return layers.sum(dim=1).clamp(max=1)


def _uniform(low: float, high: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def _whole(low: int, high: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Whole numbers from ``low`` to ``high``, both included."""
    return torch.randint(low, high + 1, shape, generator=generator, device=generator.device)
