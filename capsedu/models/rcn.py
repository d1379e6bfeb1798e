"""The Recurrent Capsule Network: Sastry, *Recurrent Capsule Network for Image Generation*."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from capsedu.errors import require_count
from capsedu.functional import conv_size
from capsedu.layers import DenseCapsules, PrimaryCapsules
from capsedu.layers.attention import AttentiveWrite, NoRead
from capsedu.models.draw import Draw

Maker = Callable[[Sequence[int], int], nn.Module]  # from an image's shape and a state's length

KERNEL, PRIMARY_KERNEL = 5, 9
SMALLEST = 2 * (KERNEL - 1) + PRIMARY_KERNEL  # one place of the grid is left


class ImageCapsules(nn.Sequential):
    """The encoder's capsule network: two convolutions, primary capsules, class capsules.

    4,955,008 parameters. It is CapsNet with one more convolution and without a decoder. 28x28
    pixels become a grid of 20x20 features, as large as CapsNet's own.

    Args:
        image_shape: ``(c, size, size)``, at least 17 pixels wide.
        classes: how many class capsules.
        conv_channels: of the first convolution; the second has half of them.
        primary_types: types of primary capsule.
        primary_dim: components of a primary capsule.
        class_dim: components of a class capsule.
        iterations: of dynamic routing.

    Shapes:
        input ``[b, c, size, size]``; output ``[b, classes, class_dim]``.

    Source: Sastry, sections 5 and 7.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        conv_channels: int = 256,
        primary_types: int = 32,
        primary_dim: int = 8,
        class_dim: int = 16,
        iterations: int = 3,
    ) -> None:
        if len(image_shape) != 3 or image_shape[1] != image_shape[2] or image_shape[1] < SMALLEST:
            raise ValueError(
                f"image_shape must be (channels, size, size) with a size of at least {SMALLEST} "
                f"(two {KERNEL}x{KERNEL} convolutions and a {PRIMARY_KERNEL}x{PRIMARY_KERNEL} one "
                f"must fit), got {tuple(image_shape)}"
            )
        require_count("classes", classes)
        require_count("conv_channels", conv_channels, least=2)
        half = conv_channels // 2
        grid = conv_size(image_shape[1] - 2 * (KERNEL - 1), PRIMARY_KERNEL, stride=2)
        super().__init__(
            nn.Conv2d(image_shape[0], conv_channels, KERNEL),
            nn.ReLU(),
            nn.Conv2d(conv_channels, half, KERNEL),
            nn.ReLU(),
            PrimaryCapsules(half, primary_types, primary_dim, PRIMARY_KERNEL, stride=2),
            DenseCapsules(primary_types * grid * grid, primary_dim, classes, class_dim, iterations),
        )


class LatentCapsules(nn.Sequential):
    """The decoder's capsule network: two transposed convolutions, primary capsules, capsules.

    3,146,880 parameters. The latents are the channels of a 1x1 grid, which becomes 5x5 and then
    9x9; windows of 5x5, two apart, make 3x3 places of it.

    Args:
        latent: numbers of a step.
        conv_channels: of the second transposed convolution; the first has half of them.
        primary_types: types of primary capsule.
        primary_dim: components of a primary capsule.
        parts: how many capsules in the end.
        part_dim: components of each.
        iterations: of dynamic routing.
        weight_std: of the initial weights between the two layers of capsules. Capsules that
            start too short squash what the latents say to nothing.

    Shapes:
        input ``[b, latent]``; output ``[b, parts, part_dim]``.

    Source: Sastry, sections 5 and 7.
    """

    def __init__(
        self,
        latent: int = 100,
        conv_channels: int = 256,
        primary_types: int = 32,
        primary_dim: int = 8,
        parts: int = 10,
        part_dim: int = 16,
        iterations: int = 3,
        weight_std: float = 0.3,
    ) -> None:
        require_count("parts", parts)
        half = conv_channels // 2
        first = nn.ConvTranspose2d(latent, half, KERNEL)
        second = nn.ConvTranspose2d(half, conv_channels, KERNEL)
        # torch would draw much smaller weights, for as many inputs as there are outputs. A
        # cell of 5x5 hears the one of 1x1; a cell of 9x9 hears 625/81 of those 5x5 on average.
        nn.init.normal_(first.weight, 0.0, (2 / latent) ** 0.5)
        nn.init.normal_(second.weight, 0.0, (2 / (half * 625 / 81)) ** 0.5)
        super().__init__(
            nn.Unflatten(1, (latent, 1, 1)),
            first,
            nn.ReLU(),
            second,
            nn.ReLU(),
            PrimaryCapsules(conv_channels, primary_types, primary_dim, KERNEL, stride=2),
            DenseCapsules(
                primary_types * 3 * 3, primary_dim, parts, part_dim, iterations, weight_std
            ),
        )


class Rcn(Draw):
    """DRAW with capsules: the encoder is told the image's, the decoder those of the latents.

    9,278,966 parameters for 1x28x28 images and 10 classes. Its class capsules classify; their
    lengths (:func:`capsedu.functional.capsule_length`) are probabilities.

    The paper leaves most of it open. Each decision is an argument:

    ==================================  =========================  =================================
    what the paper leaves open          here                       because
    ==================================  =========================  =================================
    size of the image's capsules        ``primary_types`` 32,      those of CapsNet, which the paper
                                        ``primary_dim`` 8,         builds on; their grid has the
                                        ``class_dim`` 16           same size too
    iterations of routing               ``iterations`` 3           likewise
    where the error image goes          ``read``: nowhere          the encoder "will receive 3
                                                                   inputs", and no such is among
                                                                   them; so the image's capsules
                                                                   are the same at every step, and
                                                                   are computed once
    length of the states                ``hidden`` 256             DRAW's
    numbers of a latent                 ``latent`` 100             DRAW's
    steps                               ``steps`` 10               DRAW's 64 cost six times as much
    how latents become a grid           their own channels         nothing else is needed
    classes of the second network       ``parts`` 10: none         no label belongs to a step;
                                                                   margin loss is the encoder's
    size of its capsules                ``part_dim`` 16            as in the encoder
    how it begins to learn              ``weight_std`` 0.3         at CapsNet's 0.01 the latents are
                                                                   squashed to nothing
    how a state becomes paint           ``write``: 5x5 filters     the "red rectangle" of figure 2;
                                                                   DRAW's size
    how capsules are told               times the square root      as squash leaves them, recurrent
                                        of their components        networks hardly hear them
    what recurs                         ``cell`` ``"lstm"``        the paper's; ``"gru"`` is its
                                                                   further work
    margin loss beside the bound        ``margin_weight`` of       the paper's total leaves it out
                                        :class:`~capsedu.learning
                                        .variational.Bound`
    ==================================  =========================  =================================

    Args:
        image_shape: ``(c, size, size)``, at least 17 pixels wide.
        classes: number of classes.
        conv_channels: of the widest convolution on either side (256 in the paper); the other
            has half of them.
        primary_types, primary_dim, class_dim, iterations: of :class:`ImageCapsules`; but for
            ``class_dim``, of :class:`LatentCapsules` too.
        parts, part_dim, weight_std: of :class:`LatentCapsules`.
        read: what else the encoder sees, made from ``(image_shape, hidden)``; for example
            :class:`~capsedu.layers.attention.AttentiveRead`, whose glimpses hold the error image.
        write: what the decoder's state adds to the canvas, made alike.
        hidden, latent, steps, cell: of :class:`~capsedu.models.draw.Draw`.

    Raises:
        ValueError, TypeError: if the image shape or a number does not fit.

    Source: Sastry, section 5.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 28, 28),
        classes: int = 10,
        conv_channels: int = 256,
        primary_types: int = 32,
        primary_dim: int = 8,
        class_dim: int = 16,
        parts: int = 10,
        part_dim: int = 16,
        iterations: int = 3,
        weight_std: float = 0.3,
        read: Maker | None = None,
        write: Maker = AttentiveWrite,
        hidden: int = 256,
        latent: int = 100,
        steps: int = 10,
        cell: str = "lstm",
    ) -> None:
        image_capsules = ImageCapsules(
            image_shape, classes, conv_channels, primary_types, primary_dim, class_dim, iterations
        )
        super().__init__(
            image_shape,
            NoRead() if read is None else read(image_shape, hidden),
            write(image_shape, hidden),
            hidden,
            latent,
            steps,
            cell,
            seen=classes * class_dim,
            described=parts * part_dim,
        )
        self.image_capsules = image_capsules
        self.latent_capsules = LatentCapsules(
            latent,
            conv_channels,
            primary_types,
            primary_dim,
            parts,
            part_dim,
            iterations,
            weight_std,
        )

    def see(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The class capsules, flat and enlarged ``[b, classes * class_dim]``, and as they are."""
        capsules = self.image_capsules(images)
        return _enlarged(capsules), capsules

    def describe(self, latents: Tensor) -> Tensor:
        """The capsules of latents ``[b, z]``, flat and enlarged ``[b, parts * part_dim]``."""
        return _enlarged(self.latent_capsules(latents))


def _enlarged(capsules: Tensor) -> Tensor:
    """Capsules ``[b, j, d]`` in a row, those of length 1 with components of about 1.

    Recurrent networks expect such inputs; as squash leaves them they would hardly be heard.
    """
    return capsules.flatten(1) * capsules.shape[2] ** 0.5
