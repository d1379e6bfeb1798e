"""The small trained networks that ship with the book.

Each is a safetensors file of half-precision weights in ``data/checkpoints``; the record of
the run that made it holds its SHA-256 and the error measured *after* rounding.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from capsedu import paths
from capsedu.errors import CapseduError
from capsedu.files import load_tensors, save_tensors, sha256
from capsedu.records import read_record

if TYPE_CHECKING:  # experiments measure with committed networks
    from capsedu.experiments.experiment import Experiment


def checkpoint_path(experiment: "Experiment", profile: str) -> Path:
    """Where the committed weights of an experiment's profile are, if there are any."""
    return paths.CHECKPOINTS / f"{experiment.name}-{profile}.safetensors"


def save_half(network: nn.Module, path: Path) -> None:
    """Write the network's weights in half precision, and round those in memory alike."""
    tensors = {name: value.half() for name, value in network.state_dict().items()}
    save_tensors(tensors, path)
    network.load_state_dict(tensors)


def pretrained(experiment: "Experiment", profile: str = "small") -> nn.Module | None:
    """The committed network of an experiment, or None where none is committed.

    Returns:
        The network in float32, in evaluation mode; of a GAN, its generator.

    Raises:
        CapseduError: if the file is not the one that the record describes.
    """
    size = experiment.profile(profile)
    path = checkpoint_path(experiment, profile)
    record = read_record(experiment.name, profile)
    if not path.exists() or record is None or record.checkpoint is None:
        return None
    if sha256(path) != record.checkpoint["sha256"]:
        raise CapseduError(
            f"{path} is not the file that its record describes (its SHA-256 differs); restore it "
            "with git, or make both again with: "
            f"capsedu record {experiment.name} --profile {profile} --checkpoint"
        )
    whole = experiment.build(size, tuple(record.image_shape), record.classes)
    network = experiment.kind.shipped(whole)
    try:
        network.load_state_dict(load_tensors(path))
    except RuntimeError as error:
        raise CapseduError(f"{path} does not fit {experiment.title}: {error}") from error
    return network.eval()
