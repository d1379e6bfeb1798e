"""The variational auto-encoder: Kingma & Welling (2014), arXiv:1312.6114."""

from collections.abc import Iterator, Sequence

import torch
from torch import Generator, Tensor, nn

from capsedu.errors import require_count, require_dims
from capsedu.models.checks import require_images
from capsedu.models.drawing import Drawing, Stroke, finished, require_noise


class Vae(nn.Module):
    """Fully connected layers to latents, and fully connected layers back to an image.

    It draws in one step what DRAW draws in many, and has about as many parameters: 1,009,684 for
    1x28x28 images.

    Args:
        image_shape: ``(c, h, w)``.
        hidden: width of the two hidden layers on either side.
        latent: numbers that an image is made from.

    Raises:
        ValueError, TypeError: if a number does not fit.

    Source: Kingma & Welling, section 3 and appendix C; two hidden layers as in Burda, Grosse &
    Salakhutdinov (2016).
    """

    step_count = 1

    def __init__(
        self, image_shape: Sequence[int] = (1, 28, 28), hidden: int = 400, latent: int = 50
    ) -> None:
        super().__init__()
        require_count("hidden", hidden)
        require_count("latent", latent)
        self.image_shape = tuple(image_shape)
        self.latent = latent
        pixels = torch.Size(image_shape).numel()
        self.encoder = nn.Sequential(nn.Flatten(), *_layers(pixels, hidden, 2 * latent))
        self.decoder = nn.Sequential(
            *_layers(latent, hidden, pixels), nn.Unflatten(1, self.image_shape)
        )

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Drawing:
        """The drawing of given images; arguments as for :meth:`steps`."""
        return finished(self.steps(images, noise))

    def steps(self, images: Tensor, noise: Tensor | None = None) -> Iterator[Stroke]:
        """Draw given images, in one step.

        Args:
            images: ``[b, c, h, w]`` in [0, 1].
            noise: from the standard normal distribution, ``[b, 1, z]``; drawn if None. With
                ``n * b`` rows each image is drawn n times, in neighbouring rows.

        Raises:
            ValueError, TypeError: if a shape does not fit.
        """
        require_images(images, self.image_shape)
        noise = self.noise(len(images)).to(images) if noise is None else noise
        require_noise(noise, images, self.step_count, self.latent)
        found = self.encoder(images).repeat_interleave(len(noise) // len(images), 0)
        mean, log_deviation = found.chunk(2, dim=1)
        latents = mean + log_deviation.exp() * noise[:, 0]
        yield Stroke(self.decoder(latents), mean=mean, log_deviation=log_deviation, latents=latents)

    def paint(self, latents: Tensor) -> Iterator[Stroke]:
        """Draw what given latents say, ``[b, 1, z]``, in one step."""
        require_dims("latents", latents, "b t z")
        yield Stroke(self.decoder(latents[:, 0]))

    def sample(self, n: int, rng: Generator | None = None) -> Iterator[Stroke]:
        """Draw ``n`` images that nobody asked for, in one step."""
        require_count("n", n)
        yield from self.paint(self.noise(n, rng).to(self.decoder[0].weight))

    def noise(self, n: int, rng: Generator | None = None) -> Tensor:
        """Standard normal numbers for ``n`` drawings, ``[n, 1, z]`` on the CPU."""
        return torch.randn(n, 1, self.latent, generator=rng)


def _layers(inputs: int, hidden: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs),
    ]
