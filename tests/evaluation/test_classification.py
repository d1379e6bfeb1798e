import pytest
import torch

from capsedu.data import Batch
from capsedu.evaluation.classification import is_wrong, measure
from capsedu.learning.objectives import CrossEntropyObjective


def test_one_class_is_right_when_it_scores_highest():
    scores = torch.tensor([[0.1, 0.9, 0.2], [0.5, 0.1, 0.4]])
    assert is_wrong(scores, torch.tensor([1, 2])).tolist() == [False, True]


def test_a_pair_is_right_only_when_both_are():
    scores = torch.tensor([[0.9, 0.1, 0.8], [0.9, 0.8, 0.1], [0.2, 0.8, 0.9]])
    pair = torch.tensor([[1.0, 0.0, 1.0]] * 3)
    assert is_wrong(scores, pair).tolist() == [False, True, True]


def test_measure_weighs_batches_by_their_size_and_keeps_the_mode():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1, 2), torch.nn.Dropout(0.9))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.copy_(torch.tensor([1.0, 0.0]))  # always class 0
    network.train()
    batches = [
        Batch(torch.zeros(3, 1, 1, 1), torch.tensor([0, 0, 0])),
        Batch(torch.zeros(1, 1, 1, 1), torch.tensor([1])),
    ]
    figures = measure(network, CrossEntropyObjective(), batches)
    assert figures["error"] == pytest.approx(0.25)
    assert network.training
