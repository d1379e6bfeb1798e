"""How large a run is. This is the one place that says what each profile means."""

import os
from dataclasses import dataclass

import torch

from capsedu.errors import require_known

PROFILES = {
    "smoke": "seconds; proves that everything runs",
    "quick": "a laptop's CPU, under two minutes a chapter; shows the idea",
    "small": "a quarter of the paper's width, up to half an hour on a CPU; made the checkpoints",
    "cpu": "the largest network, or the longest training, that two hours of a CPU core allow",
    "night": "the same for twenty epochs: a night on a CPU",
    "full": "the paper's scale, on a GPU",
}


@dataclass(frozen=True)
class Profile:
    """The size of one experiment's run.

    Attributes:
        conv_channels: width of CapsNet's convolution (256 in the paper).
        primary_types: types of primary capsule (32 in the paper); the capsules of a
            transforming auto-encoder.
        epochs: passes over the training images.
        batch_size: images per step.
        train_images: how many training images to use; None for all.
        test_images: how many test images to use; None for all.
        precision: Lightning's name, such as ``"32-true"`` or ``"bf16-mixed"``.
        checkpoint_every: steps between two checkpoints.
        convolutional_types: C and D, the types of matrix capsule in the two convolutional
            layers, where a network has them; A and B are the first two numbers here.
        iterations: of EM routing, in place of the experiment's.
        compiled: whether to compile the network where that is possible: half a minute at the
            start, half the time afterwards.
        data: images to use in place of the experiment's.
        test_batch_size: images per batch in evaluations; as in training if None.
        steps: length of the training in batches, in place of ``epochs``.
        milestones: after which batches a generator is measured and its images are kept.
        generator_width: channels before a generator's last layer (the papers give none).
    """

    conv_channels: int
    primary_types: int
    epochs: int
    batch_size: int = 128
    train_images: int | None = None
    test_images: int | None = None
    precision: str = "bf16-mixed"
    checkpoint_every: int = 100
    convolutional_types: tuple[int, int] = (32, 32)
    iterations: int | None = None
    compiled: bool = False
    data: str = ""
    test_batch_size: int | None = None
    steps: int | None = None
    milestones: tuple[int, ...] = ()
    generator_width: int = 32


SMOKE = Profile(8, 2, 2, 16, 64, 64, precision="32-true", checkpoint_every=3)
QUICK = Profile(64, 8, 2, train_images=12_000, test_images=2_000)
SMALL = Profile(64, 8, epochs=24)
CPU = Profile(256, 32, epochs=6)
NIGHT = Profile(256, 32, epochs=20)
FULL = Profile(256, 32, epochs=100, checkpoint_every=500)


def resolve_profile(name: str = "auto") -> str:
    """The profile that ``name`` stands for.

    ``auto`` is what the environment variable ``CAPSEDU_PROFILE`` says; without it, ``full``
    where CUDA is found and ``quick`` elsewhere.

    Raises:
        CapseduError: if there is no such profile.
    """
    if name == "auto":
        fallback = "full" if torch.cuda.is_available() else "quick"
        name = os.environ.get("CAPSEDU_PROFILE", fallback)
    require_known("profile", name, PROFILES)
    return name
