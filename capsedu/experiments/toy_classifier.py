"""The classifier that generators of toys are measured with."""

from dataclasses import replace

from capsedu.data import LeftEye
from capsedu.experiments.experiment import Experiment
from capsedu.learning.objectives import CrossEntropyObjective
from capsedu.models.digit_classifier import DigitClassifier
from capsedu.profiles import QUICK, SMALL, SMOKE, Profile

SIDE = 48  # as large as the toys are rendered; larger pictures of them hold no more
FEATURES = 32


def toy_classifier(
    profile: Profile, image_shape: tuple[int, int, int], classes: int
) -> DigitClassifier:
    """The digit classifier's layers at one size, whatever the profile: 112,461 parameters."""
    return DigitClassifier(image_shape, classes, FEATURES)


TOY_CLASSIFIER = (
    Experiment(
        name="toy-classifier",
        title="The classifier that measures generators, on toys",
        source="in no paper: it measures generators",
        data="toys",
        network=toy_classifier,
        objective=CrossEntropyObjective(),
        train_transform=LeftEye(SIDE),
        test_transforms={"test": LeftEye(SIDE)},
        learning_rate=3e-3,
        profiles={
            "smoke": replace(SMOKE, data="toys-small"),
            "quick": replace(QUICK, data="toys-small", epochs=20),
            "small": replace(SMALL, epochs=6),
        },
    ),
)
