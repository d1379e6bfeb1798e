"""The picture of a finished run that lies beside its record."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from capsedu.files import write_atomically
from capsedu.functional import capsule_length


def draw_classifier(run, path: Path) -> None:
    """Error by epoch; where the network has a decoder, reconstructions beside it.

    Args:
        run: a finished :class:`capsedu.runs.Run`.
        path: of the PNG file.
    """
    import matplotlib.pyplot as plt  # which the command line need not wait for

    decoder = getattr(run.network, "decoder", None)
    figure, axes = plt.subplots(1, 2 if decoder else 1, figsize=(9, 3), layout="constrained")
    curve = axes[0] if decoder else axes
    epochs = [row["epoch"] for row in run.history]
    for name in (k for k in run.history[-1] if k.endswith("_error")):
        curve.plot(epochs, [100 * row[name] for row in run.history], marker="o", label=name)
    curve.set(xlabel="epoch", ylabel="error, %", title=run.experiment.title, yscale="log")
    curve.legend()
    if decoder:
        axes[1].imshow(_reconstructions(run), cmap="gray", vmin=0, vmax=1)
        axes[1].set(title="test images above, reconstructions below", xticks=[], yticks=[])
    write_atomically(path, lambda partial: figure.savefig(partial, format="png", dpi=90))
    plt.close(figure)


@torch.no_grad()
def _reconstructions(run, columns: int = 8) -> np.ndarray:
    """A sheet ``[rows * h, columns * w]`` of test images and what the decoder makes of them."""
    size = run.experiment.profile(run.profile)
    batch = next(iter(run.experiment.test_batches(size).values())).batch(0)
    network = run.network
    images = batch.images[:columns].to(next(network.parameters()).device)
    poses = network(images)
    found = capsule_length(poses).topk(1 if batch.layers is None else 2, dim=1).indices
    rows = [images, *(network.decoder(poses, shown) for shown in found.unbind(1))]
    return torch.cat([torch.cat(list(row[:, 0]), dim=1) for row in rows]).cpu().numpy()


def draw_samples(samples: Mapping[str, Tensor], path: Path) -> None:
    """A plain sheet: one row per milestone, from the first to the last, without margins.

    Args:
        samples: images uint8 ``[n, c, h, w]`` by the number of batches after which they were
            made.
        path: of the PNG file.
    """
    rows = [samples[step] for step in sorted(samples, key=int)]
    sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    # A single channel is greyscale to Pillow only without its dimension.
    picture = Image.fromarray(sheet.permute(1, 2, 0).squeeze(2).numpy())
    write_atomically(path, lambda partial: picture.save(partial, format="PNG"))
