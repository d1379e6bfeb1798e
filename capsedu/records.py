"""A finished run, written down: small JSON files that the book's tables read."""

import json
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from capsedu import paths
from capsedu.errors import CapseduError
from capsedu.files import write_atomically


@dataclass(frozen=True)
class Record:
    """What a run found, and everything needed to judge or repeat it.

    Attributes:
        name, profile, seed: which run of which experiment.
        title, source: of the experiment.
        data: names and sizes of the image sets.
        image_shape, classes, parameters: of the network.
        figures: ``{"test_error": share, …}``, measured after the last epoch.
        published: the paper's figures, by the same names.
        history: one entry per epoch.
        wall_seconds: of the training, evaluations included.
        device: in words.
        precision: Lightning's name.
        command: what makes the record again.
        when: ISO time, UTC.
        versions: of the libraries that matter.
        checkpoint: file name, SHA-256 and figures of the committed weights, if any.
        curves: what else was measured, as points: ``{"fgsm_error": [[0.0, 0.1], …], …}``.
    """

    name: str
    profile: str
    seed: int
    title: str
    source: str
    data: Mapping[str, object]
    image_shape: tuple[int, int, int]
    classes: int
    parameters: int
    figures: Mapping[str, float]
    published: Mapping[str, float]
    history: list[Mapping[str, float]]
    wall_seconds: float
    device: str
    precision: str
    command: str
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: Mapping[str, str] = field(default_factory=lambda: library_versions())
    checkpoint: Mapping[str, object] | None = None
    curves: Mapping[str, list[tuple[float, float]]] = field(default_factory=dict)


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that numbers depend on."""
    names = ("capsedu", "torch", "torchvision", "lightning", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def device_in_words() -> str:
    """The machine that computes, as a record states it."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''} ({platform.machine()})"


def record_path(name: str, profile: str, folder: Path | None = None, seed: int = 0) -> Path:
    """Where the record of an experiment's profile is; only a seed other than 0 is in its name."""
    suffix = f"-seed{seed}" if seed else ""
    return (folder or paths.RECORDS) / f"{name}-{profile}{suffix}.json"


def write_record(record: Record, folder: Path | None = None) -> Path:
    """Write a record, atomically, and return where it is."""
    path = record_path(record.name, record.profile, folder, record.seed)
    text = json.dumps(asdict(record), indent=1, sort_keys=True) + "\n"
    write_atomically(path, lambda partial: partial.write_text(text))
    return path


def read_record(
    name: str, profile: str, folder: Path | None = None, seed: int = 0
) -> Record | None:
    """The record of an experiment's profile, or None if it was not run yet.

    Raises:
        CapseduError: if the file is damaged.
    """
    path = record_path(name, profile, folder, seed)
    return _read(path) if path.exists() else None


def read_seeds(name: str, profile: str, folder: Path | None = None) -> list[Record]:
    """The records of every seed that was run, in the order of the seeds.

    Raises:
        CapseduError: if a file is damaged.
    """
    first = record_path(name, profile, folder)
    others = first.parent.glob(f"{first.stem}-seed*.json")
    found = [_read(path) for path in (first, *others) if path.exists()]
    return sorted(found, key=lambda record: record.seed)


def all_records(folder: Path | None = None) -> Iterator[Record]:
    """Every record, in the order of their names."""
    yield from map(_read, sorted((folder or paths.RECORDS).glob("*.json")))


def _read(path: Path) -> Record:
    try:
        return Record(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        name, _, profile = re.sub(r"-seed\d+$", "", path.stem).rpartition("-")
        raise CapseduError(
            f"the record {path} is damaged ({error}); restore it with git, or make it again with: "
            f"capsedu record {name} --profile {profile}"
        ) from error
