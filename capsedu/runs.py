"""Running an experiment: train, resume, evaluate."""

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, RichProgressBar
from rich.progress import track
from torch import nn

from capsedu.data import BatchStream
from capsedu.errors import CapseduError, CapseduWarning, require_known
from capsedu.experiments import Experiment
from capsedu.files import load_tensors, require_writable, save_tensors, write_atomically
from capsedu.history import history_path, read_history
from capsedu.profiles import Profile

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "64-true")


@dataclass(frozen=True)
class Run:
    """A finished training and where its files are."""

    experiment: Experiment
    profile: str
    seed: int
    folder: Path
    network: nn.Module
    precision: str

    @property
    def history(self) -> list[dict]:
        """One entry per epoch, or per few batches: step, seconds, figures."""
        return read_history(self.folder)


def run_folder(root: Path, experiment: Experiment, profile: str, seed: int) -> Path:
    """Where a run keeps its checkpoint, log and weights."""
    return Path(root) / f"{experiment.name}-{profile}-seed{seed}"


def train(
    experiment: Experiment,
    profile: str,
    seed: int = 0,
    root: Path = Path("runs"),
    resume: bool = False,
    devices: int = 1,
    precision: str | None = None,
    progress: bool = True,
) -> Run:
    """Train an experiment, from the start or from where a killed run stood.

    Args:
        experiment: one of :data:`capsedu.experiments.EXPERIMENTS`.
        profile: the name of one of its profiles.
        seed: of the initial weights, the order of the images and their transforms.
        root: the folder that holds the runs' folders.
        resume: continue from the run's last checkpoint, if it has one.
        devices: how many GPUs (or CPU processes) share each batch.
        precision: Lightning's name, in place of the profile's.
        progress: whether to show a progress bar.

    Returns:
        The finished run. Its weights are also in ``network.safetensors`` in its folder.

    Raises:
        CapseduError: if the profile or precision is unknown, the data cannot be had, the folder
            cannot be written to, the checkpoint is damaged, or the loss stops being a number.
    """
    size = experiment.profile(profile)
    precision = precision or size.precision
    require_known("precision", precision, PRECISIONS)
    _require_devices(devices)
    folder = run_folder(root, experiment, profile, seed)
    require_writable(folder)
    batches = experiment.train_batches(size, seed)

    torch.manual_seed(seed)
    network = experiment.build(size, *_signature(batches))
    steps = size.steps or size.epochs * len(batches)
    learner = experiment.learner(network, steps, seed=seed, folder=folder)
    if size.compiled:
        network.compile_routing()
    checkpoint, weights = folder / "last.ckpt", folder / "network.safetensors"
    if not resume:
        if checkpoint.exists() and not weights.exists():
            raise CapseduError(
                f"{folder} holds an unfinished run; go on with it by --resume, or delete the "
                "folder to start again"
            )
        for old in (*folder.glob("*.safetensors"), checkpoint, history_path(folder)):
            old.unlink(missing_ok=True)
    done = _batches_done(checkpoint)
    batches.start_at(done)
    if done < steps:
        history = experiment.kind.history(folder, experiment.meter(size), size.milestones)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about workers and resumable loaders: see BatchStream
            warnings.simplefilter("always", CapseduWarning)
            trainer = _trainer(folder, size, devices, precision, progress, history)
            with _interruptible():
                trainer.fit(
                    learner, batches, ckpt_path=checkpoint if done else None, weights_only=True
                )
        trainer.save_checkpoint(checkpoint)
    else:
        learner.load_state_dict(_read_checkpoint(checkpoint)["state_dict"])
    save_tensors(network.state_dict(), weights)
    return Run(experiment, profile, seed, folder, network, precision)


def finished_run(
    experiment: Experiment, profile: str, seed: int = 0, root: Path = Path("runs")
) -> Run:
    """A run that was trained before, read from its folder.

    Raises:
        CapseduError: if it was not trained, or its weights are damaged or of other shapes.
    """
    size = experiment.profile(profile)
    folder = run_folder(root, experiment, profile, seed)
    weights = folder / "network.safetensors"
    if not weights.exists():
        raise CapseduError(
            f"{weights} does not exist; train it with: capsedu train {experiment.name} "
            f"--profile {profile} --seed {seed}"
        )
    network = experiment.build(size, *_signature(experiment.train_batches(size, seed)))
    load_weights(network, weights)
    return Run(experiment, profile, seed, folder, network, size.precision)


def evaluate(run: Run, progress: bool = False) -> dict[str, float]:
    """The run's figures on every test set of its experiment, such as ``test_error``."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    evaluations = run.experiment.test_batches(run.experiment.profile(run.profile))
    if progress:
        evaluations = {
            name: track(batches, f"evaluating: {name}") for name, batches in evaluations.items()
        }
    meter = run.experiment.kind.meter(run.experiment, evaluations)
    return meter(run.network.to(device))


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill ``network`` with the tensors of a safetensors file.

    Raises:
        CapseduError: if the file cannot be read, or its tensors are not the network's.
    """
    tensors = load_tensors(path)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CapseduError(f"{path} does not fit this network: {error}") from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C is a KeyboardInterrupt again: Lightning makes it sys.exit(1), and ignores the next."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from stop


def _require_devices(devices: int) -> None:
    there = torch.cuda.device_count()
    if there and devices > there:
        raise CapseduError(f"devices must be at most {there}, the GPUs found here, got {devices}")


def _signature(batches: BatchStream) -> tuple[tuple[int, int, int], int]:
    """Shape of the images after the transform, and number of classes."""
    return tuple(batches.batch(0).images.shape[1:]), len(batches.image_set.classes)


def _read_checkpoint(path: Path) -> dict:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CapseduError(
            f"the checkpoint {path} is damaged ({type(error).__name__}); delete it to start the "
            "run again, or put a good copy in its place"
        ) from error


def _batches_done(checkpoint: Path) -> int:
    if not checkpoint.exists():
        return 0
    saved = _read_checkpoint(checkpoint)
    # Two optimisers make two of Lightning's steps out of one batch.
    return saved.get("batches_done", saved["global_step"])


class _AtomicCheckpointIO(TorchCheckpointIO):
    """A process that is killed while saving leaves the last checkpoint as it was."""

    def save_checkpoint(self, checkpoint, path, storage_options=None) -> None:
        write_atomically(Path(path), lambda partial: torch.save(checkpoint, partial))


class _Saver(Callback):
    """Writes the checkpoint every so many batches."""

    def __init__(self, path: Path, every: int) -> None:
        self.path = path
        self.every = every

    def on_train_batch_end(self, trainer: L.Trainer, *_) -> None:
        batches_done = trainer.fit_loop.epoch_loop.total_batch_idx + 1
        if batches_done % self.every == 0:
            trainer.save_checkpoint(self.path)


def _trainer(
    folder: Path, size: Profile, devices: int, precision: str, progress: bool, history: Callback
) -> L.Trainer:
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # The history first: a checkpoint never stands behind a row that was not written.
    callbacks = [history, _Saver(folder / "last.ckpt", size.checkpoint_every)]
    return L.Trainer(
        accelerator="cuda" if torch.cuda.is_available() else "cpu",
        devices=devices,
        # Each step of a GAN leaves one of the two networks out.
        strategy="ddp_find_unused_parameters_true" if devices > 1 else "auto",
        precision=precision,
        max_epochs=-1 if size.steps else size.epochs,
        enable_checkpointing=False,
        callbacks=callbacks + ([RichProgressBar(leave=True)] if progress else []),
        plugins=[_AtomicCheckpointIO()],
        logger=False,
        enable_model_summary=False,
        enable_progress_bar=progress,
        default_root_dir=folder,
        inference_mode=False,
    )
