"""CelebA: aligned faces of celebrities, reduced to 64x64 once and then mapped from the disk.

Source: Liu, Luo, Wang & Tang 2015, "Deep learning face attributes in the wild";
https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (for non-commercial research).
"""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from rich.progress import track

from capsedu.data.images import ImageSet
from capsedu.data.keeping import keep
from capsedu.data.own import decoded
from capsedu.errors import CapseduError

FOLDER = "celeba/img_align_celeba"  # below the data root, as torchvision unpacks it
KEPT = "celeba-64"
SIDE = 64

# The official division, which list_eval_partition.txt tells picture by picture, is by number:
# 1 to 162,770 for training, 182,638 to 202,599 for testing. Those between are for validation,
# which nothing here needs.
NUMBERS = {True: range(1, 162_771), False: range(182_638, 202_600)}


def celeba_is_present(root: Path, kept: Path) -> bool:
    """Whether both halves can be loaded: reduced before, or by their first and last picture."""
    return all(
        _kept_path(kept, train).is_file()
        or all((root / FOLDER / _file(n)).is_file() for n in (numbers[0], numbers[-1]))
        for train, numbers in NUMBERS.items()
    )


def load_celeba(root: Path, kept: Path, train: bool) -> ImageSet:
    """One half of CelebA.

    It is not downloaded, since Google Drive limits how often it gives the file. The first time,
    every picture (178x218) is cut to the square in its middle and reduced to 64x64, which takes
    minutes; the result, 2.0 GB for the training half and 245 MB for the test half, is kept and
    from then on mapped from the disk, so that it need not fit into memory.

    Args:
        root: the data root, with the folder ``celeba/img_align_celeba``.
        kept: the folder below which the reduced pictures are kept.
        train: the official training half (162,770) or test half (19,962).

    Returns:
        Images uint8 ``[n, 3, 64, 64]``, all of the one class ``"face"``.

    Raises:
        CapseduError: if pictures are missing or broken, or the reduced ones cannot be kept.
    """
    path, numbers = _kept_path(kept, train), NUMBERS[train]
    shape = (len(numbers), 3, SIDE, SIDE)
    images = _mapped(path, shape)
    if images is None:
        pictures = _found(root / FOLDER, numbers)
        keep(path, lambda part: _reduce_into(part, shape, pictures))
        images = _mapped(path, shape)
    targets = torch.zeros(len(numbers), dtype=torch.int64)
    return ImageSet("celeba", torch.from_numpy(images), targets, ("face",))


def _file(number: int) -> str:
    return f"{number:06}.jpg"


def _kept_path(kept: Path, train: bool) -> Path:
    return kept / KEPT / f"{'training' if train else 'testing'}.npy"


def _found(folder: Path, numbers: range) -> list[Path]:
    there = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
    missing = [file for file in map(_file, numbers) if file not in there]
    if missing:
        raise CapseduError(
            f"celeba is not whole in {folder}: {len(missing):,} of {len(numbers):,} pictures of "
            f"this half are missing, the first of them {missing[0]}; unpack img_align_celeba.zip "
            "from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html there (it is not downloaded, "
            "since Google Drive limits how often it gives the file), or set CAPSEDU_DATA to the "
            "folder that holds celeba; any folder of images can be loaded as folder:PATH"
        )
    return [folder / _file(number) for number in numbers]


def _reduce_into(part: Path, shape: tuple[int, ...], pictures: list[Path]) -> None:
    # Opened first: minutes of work should not end in a folder that cannot be written to.
    with part.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        for path in track(pictures, "reducing faces, once", transient=True):
            whole = Image.fromarray(decoded(str(path), "RGB"))
            small = ImageOps.fit(whole, (SIDE, SIDE), Image.Resampling.BILINEAR)
            file.write(np.asarray(small).transpose(2, 0, 1).tobytes())


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The reduced pictures, as a private map; none if they are missing or of another shape."""
    try:
        images = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return np.asarray(images) if images.shape == shape and images.dtype == np.uint8 else None
