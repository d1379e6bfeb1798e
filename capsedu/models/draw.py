"""DRAW: Gregor, Danihelka, Graves, Rezende & Wierstra (2015), arXiv:1502.04623."""

from collections.abc import Iterator, Sequence

import torch
from torch import Generator, Tensor, nn

from capsedu.errors import require_count, require_dims
from capsedu.layers.attention import AttentiveRead, AttentiveWrite, WholeRead, WholeWrite
from capsedu.layers.recurrent import recurrent_cell
from capsedu.models.checks import require_images
from capsedu.models.drawing import Drawing, Stroke, finished, require_noise


class Draw(nn.Module):
    """Two recurrent networks that draw an image in many small steps.

    At each step the encoder is told what is read of the image and of what the canvas lacks, and
    what the decoder did last; it gives a normal distribution of latents. The decoder turns a
    draw from it into what is added to the canvas. Without an image, the latents come from
    the standard normal distribution, and the decoder draws alone.

    Parameters for 1x28x28 images, with ten steps or any other number: see
    :func:`attentive_draw` and :func:`plain_draw`.

    :func:`~capsedu.compiling.compile_where_possible` makes one piece of all steps: a minute or
    two of compiling for ten of them, then the same numbers sooner.

    Args:
        image_shape: ``(c, h, w)``.
        read: what the encoder sees of the image at each step: one of
            :mod:`capsedu.layers.attention`.
        write: what the decoder's state adds to the canvas: likewise.
        hidden: length of both networks' states (256 in the paper).
        latent: numbers drawn at each step (100 in the paper).
        steps: how many (64 in the paper, for MNIST).
        cell: ``"lstm"``, as in the paper, or ``"gru"``.
        seen: numbers of :meth:`see`.
        described: numbers of :meth:`describe`, if they are not the latents.

    Raises:
        ValueError, TypeError: if a number or the cell does not fit.

    Source: Gregor et al., section 2; that first states and canvas are learnt: section 2.1.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        read: nn.Module,
        write: nn.Module,
        hidden: int = 256,
        latent: int = 100,
        steps: int = 10,
        cell: str = "lstm",
        seen: int = 0,
        described: int | None = None,
    ) -> None:
        super().__init__()
        require_count("steps", steps)
        require_count("latent", latent)
        self.image_shape = tuple(image_shape)
        self.step_count = steps
        self.latent = latent
        self.read = read
        self.write = write
        self.encoder = recurrent_cell(cell, seen + read.features + hidden, hidden)
        self.posterior = nn.Linear(hidden, 2 * latent)
        self.decoder = recurrent_cell(cell, described or latent, hidden)
        self.canvas = nn.Parameter(torch.zeros(self.image_shape))

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Drawing:
        """The whole drawing; arguments as for :meth:`steps`."""
        return finished(self.steps(images, noise))

    def steps(self, images: Tensor, noise: Tensor | None = None) -> Iterator[Stroke]:
        """Draw given images, step by step.

        Args:
            images: ``[b, c, h, w]`` in [0, 1].
            noise: from the standard normal distribution, ``[b, t, z]``; drawn if None. With
                ``n * b`` rows each image is drawn n times, in neighbouring rows.

        Raises:
            ValueError, TypeError: if a shape does not fit.

        Source: Gregor et al., equations 3 to 8.
        """
        require_images(images, self.image_shape)
        noise = self.noise(len(images)).to(images) if noise is None else noise
        require_noise(noise, images, self.step_count, self.latent)
        seen, capsules = self.see(images)
        if len(noise) > len(images):
            images, seen = (
                x.repeat_interleave(len(noise) // len(images), 0) for x in (images, seen)
            )
        encoder, decoder = (c.first_state(len(images)) for c in (self.encoder, self.decoder))
        canvas = self.canvas.expand_as(images)
        for drawn in noise.unbind(dim=1):
            glimpse, reading = self.read(images, canvas, decoder[0])
            encoder = self.encoder([seen, glimpse, decoder[0]], encoder)
            mean, log_deviation = self.posterior(encoder[0]).chunk(2, dim=1)
            latents = mean + log_deviation.exp() * drawn
            decoder = self.decoder([self.describe(latents)], decoder)
            change, writing = self.write(decoder[0])
            canvas = canvas + change
            yield Stroke(canvas, writing, reading, mean, log_deviation, latents, capsules)

    def paint(self, latents: Tensor) -> Iterator[Stroke]:
        """Draw what given latents say, ``[b, t, z]``, step by step.

        All latents are known, so that what describes them is computed for all steps at once.

        Source: Gregor et al., equations 13 to 16.
        """
        require_dims("latents", latents, "b t z")
        described = self.describe(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])
        decoder = self.decoder.first_state(len(latents))
        canvas = self.canvas.expand(len(latents), *self.image_shape)
        for told in described.unbind(dim=1):
            decoder = self.decoder([told], decoder)
            change, writing = self.write(decoder[0])
            canvas = canvas + change
            yield Stroke(canvas, writing)

    def sample(self, n: int, rng: Generator | None = None) -> Iterator[Stroke]:
        """Draw ``n`` images that nobody asked for, step by step.

        Args:
            n: how many.
            rng: the source of the latents, on the CPU; torch's own if None.
        """
        require_count("n", n)
        yield from self.paint(self.noise(n, rng).to(self.canvas))

    def noise(self, n: int, rng: Generator | None = None) -> Tensor:
        """Standard normal numbers for ``n`` drawings, ``[n, t, z]`` on the CPU."""
        return torch.randn(n, self.step_count, self.latent, generator=rng)

    def see(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the encoder is told of the images at every step, computed once.

        Returns:
            ``[b, seen]``, here nothing, and class capsules ``[b, j, d]``, of which there are none.
        """
        return images.new_empty(len(images), 0), None

    def describe(self, latents: Tensor) -> Tensor:
        """What the decoder is told of latents ``[b, z]``: ``[b, described]``."""
        return latents


def attentive_draw(
    image_shape: Sequence[int] = (1, 28, 28),
    read_cells: int = 5,
    write_cells: int = 5,
    hidden: int = 256,
    latent: int = 100,
    steps: int = 10,
    cell: str = "lstm",
) -> Draw:
    """DRAW with a window to read through and one to write through.

    1,004,283 parameters for 1x28x28 images. Published for 64 steps: a bound of 80.97 nats.

    The paper reads through 2x2 filters. In a fresh network these stand on the image's corners,
    where there is no ink, so that the encoder begins almost blind; of 5x5 filters the inner ones
    see the digit from the beginning.

    Args:
        image_shape: ``(c, size, size)``.
        read_cells: filters along each side of the reading window (2 in the paper).
        write_cells: filters along each side of the writing window (5 in the paper).
        hidden, latent, steps, cell: of :class:`Draw`.

    Raises:
        ValueError, TypeError: if a window is larger than the image, or a number does not fit.

    Source: Gregor et al., section 3.2; sizes from table 3, "MNIST model".
    """
    read = AttentiveRead(image_shape, hidden, read_cells)
    write = AttentiveWrite(image_shape, hidden, write_cells)
    return Draw(image_shape, read, write, hidden, latent, steps, cell)


def plain_draw(
    image_shape: Sequence[int] = (1, 28, 28),
    hidden: int = 256,
    latent: int = 100,
    steps: int = 10,
    cell: str = "lstm",
) -> Draw:
    """DRAW without attention: it reads and writes whole images.

    2,751,208 parameters for 1x28x28 images. Published: a bound of 87.40 nats.

    Args:
        image_shape: ``(c, h, w)``.
        hidden, latent, steps, cell: of :class:`Draw`.

    Raises:
        ValueError, TypeError: if a number does not fit.

    Source: Gregor et al., section 3.1 and table 2.
    """
    write = WholeWrite(image_shape, hidden)
    return Draw(image_shape, WholeRead(image_shape), write, hidden, latent, steps, cell)
