"""What an experiment is: data x network x learner, in several sizes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lightning import LightningModule
from torch import nn

from capsedu.data import BatchStream, Identity, ImageSet, Shift, load
from capsedu.errors import require_known
from capsedu.experiments.classification import CLASSIFICATION
from capsedu.experiments.kind import Kind
from capsedu.profiles import FULL, QUICK, SMALL, SMOKE, Profile

NetworkBuilder = Callable[[Profile, tuple[int, int, int], int], nn.Module]


@dataclass(frozen=True)
class Experiment:
    """Data x network x learner, in several sizes.

    Attributes:
        name: what to type.
        title: what to print.
        source: where in which paper.
        data: a name for :func:`capsedu.data.load`.
        published_data: the images of the paper's figures, where they are others.
        network: builds the network from a profile, an image shape and a class count.
        objective: what is minimised.
        train_transform: what happens to training images.
        test_transforms: one evaluation per entry; ``"test"`` is the main one.
        select: which images to take, by ``"train"`` and the names of the evaluations; all of
            them where nothing is said.
        published: the paper's figures, errors as shares and bounds in nats, by the name of ours.
        learning_rate: of the first step.
        kind: how such a network is trained, measured and shown.
        options: further arguments of the kind's learner.
        curves: what else to measure of the trained network, such as its errors under attack:
            called with the network, the experiment and the profile, returns a record's curves.
        profiles: the sizes in which it can be run.
    """

    name: str
    title: str
    source: str
    data: str
    network: NetworkBuilder
    objective: Callable
    train_transform: Callable = Shift(2)  # noqa: RUF009 (frozen)
    test_transforms: Mapping[str, Callable] = field(default_factory=lambda: {"test": Identity()})
    select: Mapping[str, Callable[[ImageSet], ImageSet]] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)
    published_data: str = ""
    learning_rate: float = 1e-3
    kind: Kind = CLASSIFICATION
    options: Mapping[str, Any] = field(default_factory=dict)
    curves: Callable[..., Mapping[str, list[tuple[float, float]]]] | None = None
    profiles: Mapping[str, Profile] = field(
        default_factory=lambda: {"smoke": SMOKE, "quick": QUICK, "small": SMALL, "full": FULL}
    )

    def profile(self, name: str) -> Profile:
        """The named profile; :class:`CapseduError` names the known ones otherwise."""
        require_known(f"profile of {self.name}", name, self.profiles)
        return self.profiles[name]

    def images(self, profile: Profile, purpose: str) -> ImageSet:
        """The images for ``"train"`` or for one of the evaluations, as many as the profile says."""
        train = purpose == "train"
        images = load(profile.data or self.data, train=train)
        if purpose in self.select:
            images = self.select[purpose](images)
        wanted = profile.train_images if train else profile.test_images
        return images if wanted is None or wanted >= len(images) else images.subset(wanted)

    def train_batches(self, profile: Profile, seed: int) -> BatchStream:
        """The training's batches; batch n depends on ``seed`` and n alone."""
        images = self.images(profile, "train")
        return BatchStream(
            images, profile.batch_size, self.train_transform, seed, shuffle=True, drop_last=True
        )

    def test_batches(self, profile: Profile) -> dict[str, BatchStream]:
        """For each evaluation, its batches; they are the same in every run."""
        size = profile.test_batch_size or profile.batch_size
        return {
            name: BatchStream(self.images(profile, name), size, transform, seed=0, shuffle=False)
            for name, transform in self.test_transforms.items()
        }

    def learner(self, network: nn.Module, steps: int, **options: Any) -> LightningModule:
        """What trains the network: :attr:`kind`'s learner, with :attr:`options`."""
        return self.kind.learner(
            network,
            self.objective,
            steps,
            learning_rate=self.learning_rate,
            **self.options,
            **options,
        )

    def meter(self, profile: Profile) -> Callable[[nn.Module], dict[str, float]]:
        """What measures a network on the test sets; made once, used after every epoch."""
        return self.kind.meter(self, self.test_batches(profile))

    def build(self, profile: Profile, image_shape: tuple[int, int, int], classes: int):
        """The network, freshly initialised."""
        return self.network(profile, image_shape, classes)
