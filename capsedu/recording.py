"""From a finished run to its record, its picture and its committed weights."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from capsedu import runs
from capsedu.checkpoints import checkpoint_path, save_half
from capsedu.files import sha256, write_atomically
from capsedu.functional import capsule_length
from capsedu.models.cnn_baseline import parameter_count
from capsedu.records import Record, device_in_words, write_record


def record_run(
    run: runs.Run, folder: Path, keep_weights: bool = False
) -> tuple[Path, dict[str, float]]:
    """Measure a run, write its record and picture, and return the path and the figures.

    With ``keep_weights`` the network is first rounded to half precision and committed, so
    that the record's figures are those of the file that ships.
    """
    experiment, size = run.experiment, run.experiment.profile(run.profile)
    train_set = experiment.images(size, "train")
    test_sets = {name: experiment.images(size, name) for name in experiment.test_transforms}
    checkpoint = None
    if keep_weights:
        path = checkpoint_path(experiment, run.profile)
        save_half(run.network, path)
        checkpoint = {"file": path.name, "sha256": sha256(path), "dtype": "float16"}
    figures = runs.evaluate(run)
    curves = experiment.curves(run.network, experiment, size) if experiment.curves else {}
    batch = next(iter(experiment.test_batches(size).values())).batch(0)
    seed = f" --seed {run.seed}" if run.seed else ""
    record = Record(
        name=experiment.name,
        profile=run.profile,
        seed=run.seed,
        title=experiment.title,
        source=experiment.source,
        data={
            "name": train_set.name,
            "train": len(train_set),
            "test": {name: len(images) for name, images in test_sets.items()},
            "train_transform": repr(experiment.train_transform),
            "test_transforms": {k: repr(t) for k, t in experiment.test_transforms.items()},
            "epochs": size.epochs,
            "batch_size": size.batch_size,
        },
        image_shape=tuple(batch.images.shape[1:]),
        classes=len(train_set.classes),
        parameters=parameter_count(run.network),
        figures=figures,
        published=dict(experiment.published),
        history=run.history,
        wall_seconds=run.history[-1]["seconds"],
        device=device_in_words(),
        precision=run.precision,
        command=f"capsedu record {experiment.name} --profile {run.profile}{seed}"
        + (" --checkpoint" if keep_weights else ""),
        checkpoint=checkpoint,
        curves=curves,
    )
    path = write_record(record, folder)
    picture = draw_run(run, batch)
    write_atomically(
        path.with_suffix(".png"), lambda partial: picture.savefig(partial, format="png", dpi=90)
    )
    plt.close(picture)
    return path, figures


def draw_run(run: runs.Run, batch) -> Figure:
    """Error by epoch; where the network has a decoder, reconstructions below it."""
    decoder = getattr(run.network, "decoder", None)
    figure, axes = plt.subplots(1, 2 if decoder else 1, figsize=(9, 3), layout="constrained")
    curve = axes[0] if decoder else axes
    epochs = [row["epoch"] for row in run.history]
    for name in (k for k in run.history[-1] if k.endswith("_error")):
        curve.plot(epochs, [100 * row[name] for row in run.history], marker="o", label=name)
    curve.set(xlabel="epoch", ylabel="error, %", title=run.experiment.title, yscale="log")
    curve.legend()
    if decoder:
        axes[1].imshow(_reconstructions(run.network, batch), cmap="gray", vmin=0, vmax=1)
        axes[1].set(title="test images above, reconstructions below", xticks=[], yticks=[])
    return figure


@torch.no_grad()
def _reconstructions(network, batch, columns: int = 8) -> np.ndarray:
    """A sheet ``[rows * h, columns * w]`` of test images and what the decoder makes of them."""
    images = batch.images[:columns].to(next(network.parameters()).device)
    poses = network(images)
    found = capsule_length(poses).topk(1 if batch.layers is None else 2, dim=1).indices
    rows = [images, *(network.decoder(poses, shown) for shown in found.unbind(1))]
    return torch.cat([torch.cat(list(row[:, 0]), dim=1) for row in rows]).cpu().numpy()
