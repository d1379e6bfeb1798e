"""The classifiers that generators are measured with."""

from dataclasses import replace

from capsedu.data import RotatedDigits
from capsedu.experiments.experiment import Experiment
from capsedu.learning.objectives import CrossEntropyObjective
from capsedu.models.digit_classifier import DigitClassifier
from capsedu.profiles import QUICK, SMALL, SMOKE, Profile

SIZE, DEGREES = 32, 45.0  # CapsGAN's images, the most rotated ones included


def digit_classifier(
    profile: Profile, image_shape: tuple[int, int, int], classes: int
) -> DigitClassifier:
    """The classifier at its one size, whatever the profile: figures must stay comparable."""
    return DigitClassifier(image_shape, classes)


_MNIST = Experiment(
    name="digit-classifier",
    title="The classifier that measures generators, on MNIST",
    source="in no paper: it measures generators",
    data="mnist",
    network=digit_classifier,
    objective=CrossEntropyObjective(),
    train_transform=RotatedDigits(SIZE, DEGREES),
    test_transforms={"test": RotatedDigits(SIZE, 0.0), "rotated": RotatedDigits(SIZE, DEGREES)},
    learning_rate=3e-3,
    profiles={"smoke": SMOKE, "quick": QUICK, "small": replace(SMALL, epochs=10)},
)

DIGIT_CLASSIFIER = (
    _MNIST,
    replace(
        _MNIST,
        name="digit-classifier-digits",
        title="The classifier that measures generators, on scikit-learn's digits",
        data="digits",
        profiles={
            "smoke": SMOKE,
            "quick": replace(QUICK, epochs=10),
            "small": replace(SMALL, epochs=60),
        },
    ),
)
