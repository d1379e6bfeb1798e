"""How classifiers are trained, measured and shown."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from capsedu.data import BatchStream
from capsedu.evaluation.classification import measure
from capsedu.evaluation.pictures import draw_classifier
from capsedu.experiments.kind import Kind, Meter
from capsedu.history import EpochHistory
from capsedu.learning.classification import ClassificationLearner


def errors_on(experiment: Any, evaluations: Mapping[str, BatchStream]) -> Meter:
    """Error rate and losses on each test set, by names such as ``test_error``."""

    def figures(network: nn.Module) -> dict[str, float]:
        return {
            f"{test}_{name}": value
            for test, batches in evaluations.items()
            for name, value in measure(network, experiment.objective, batches).items()
        }

    return figures


CLASSIFICATION = Kind(ClassificationLearner, errors_on, EpochHistory, draw_classifier)
