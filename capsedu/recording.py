"""From a finished run to its record, its picture and its committed weights."""

from pathlib import Path

from capsedu import runs
from capsedu.checkpoints import checkpoint_path, save_half
from capsedu.files import sha256
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
        save_half(experiment.kind.shipped(run.network), path)
        checkpoint = {"file": path.name, "sha256": sha256(path), "dtype": "float16"}
    figures = runs.evaluate(run)
    curves = experiment.curves(run.network, experiment, size) if experiment.curves else {}
    figures |= experiment.kind.cost(run)
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
            **({"batches": size.steps} if size.steps else {"epochs": size.epochs}),
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
    experiment.kind.picture(run, path.with_suffix(".png"))
    return path, figures
