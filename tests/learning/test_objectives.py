import pytest
import torch

from capsedu.data import Batch
from capsedu.functional import capsule_length, margin_loss, reconstruction_loss
from capsedu.learning.objectives import (
    ACTIVATION_CROSS_ENTROPY,
    ACTIVATION_MARGIN,
    SPREAD,
    CrossEntropyObjective,
    MarginObjective,
)
from capsedu.models import CapsNet


def small_capsnet(**options):
    return CapsNet((1, 20, 20), 10, conv_channels=4, primary_types=2, **options)


def a_batch(n=4):
    return Batch(torch.rand(n, 1, 20, 20), torch.tensor([3, 1, 4, 1])[:n])


def test_margin_objective_is_margin_plus_weighted_reconstruction():
    network, batch = small_capsnet(), a_batch()
    outcome = MarginObjective(0.0005)(network, batch)
    poses = network(batch.images)
    margin = margin_loss(capsule_length(poses), batch.targets)
    drawn = reconstruction_loss(network.decoder(poses, batch.targets), batch.images)
    torch.testing.assert_close(outcome.loss, margin + 0.0005 * drawn)
    torch.testing.assert_close(outcome.scores, capsule_length(poses))


def test_reconstruction_is_masked_by_target_in_training_and_by_prediction_otherwise():
    network, batch = small_capsnet().train(), a_batch()
    with torch.no_grad():
        network.class_capsules.weight.mul_(1e4)  # so that it matters which capsule is drawn
    predicted = capsule_length(network(batch.images)).argmax(1)
    wrong = batch._replace(targets=(predicted + 1) % 10)
    objective = MarginObjective()

    def drawn(targets):
        drawing = network.decoder(network(wrong.images), targets)
        return reconstruction_loss(drawing, wrong.images)

    training = objective(network, wrong).parts["reconstruction"]
    torch.testing.assert_close(training, drawn(wrong.targets))
    evaluation = objective(network.eval(), wrong).parts["reconstruction"]
    torch.testing.assert_close(evaluation, drawn(predicted))
    assert not torch.equal(training, evaluation)


def test_a_pair_is_reconstructed_one_digit_at_a_time():
    network = small_capsnet().train()
    layers = torch.rand(2, 2, 1, 20, 20)
    classes = torch.tensor([[7, 2], [0, 9]])
    targets = torch.zeros(2, 10).scatter(1, classes, 1.0)
    batch = Batch(layers.sum(1).clamp(max=1), targets, {}, layers, classes)
    got = MarginObjective()(network, batch).parts["reconstruction"]
    poses = network(batch.images)
    expected = sum(
        reconstruction_loss(network.decoder(poses, classes[:, k]), layers[:, k]) for k in (0, 1)
    )
    torch.testing.assert_close(got, expected)


def test_without_a_decoder_only_the_margin_counts():
    outcome = MarginObjective()(small_capsnet(decoder=False), a_batch())
    assert set(outcome.parts) == {"margin"}
    assert outcome.loss is outcome.parts["margin"]


def test_cross_entropy_takes_one_class_or_several():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(400, 10))
    batch = a_batch()
    one = CrossEntropyObjective()(network, batch)
    several = CrossEntropyObjective()(network, batch._replace(targets=torch.eye(10)[:4]))
    scores = network(batch.images)
    torch.testing.assert_close(
        one.loss, -scores.log_softmax(1)[torch.arange(4), batch.targets].mean()
    )
    per_class = torch.where(torch.eye(10)[:4] == 1, scores, -scores)
    torch.testing.assert_close(several.loss, -torch.nn.functional.logsigmoid(per_class).mean())


ACTIVATIONS = torch.tensor([[0.9, 0.5, 0.2], [0.3, 0.6, 0.1]])
TARGETS = torch.tensor([0, 1])


def with_activations(images):
    """A network whose class capsules are as active as ACTIVATIONS says."""
    return torch.zeros(2, 3, 16), ACTIVATIONS


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0.0, 0.0),  # every lead is more than the first margin, 0.2
        (0.5, ((0.55 - 0.4) ** 2 + (0.55 - 0.3) ** 2 + (0.55 - 0.5) ** 2) / 2),
        (1.0, (0.5**2 + 0.2**2 + 0.6**2 + 0.4**2) / 2),
    ],
)
def test_the_spread_grows_from_02_to_09_over_the_training(progress, expected):
    outcome = SPREAD(with_activations, Batch(torch.zeros(2), TARGETS), progress)
    torch.testing.assert_close(outcome.loss, torch.tensor(expected))
    assert outcome.scores is ACTIVATIONS and list(outcome.parts) == ["spread"]


def test_activations_take_the_place_of_lengths_in_the_margin_loss():
    outcome = ACTIVATION_MARGIN(with_activations, Batch(torch.zeros(2), TARGETS))
    torch.testing.assert_close(outcome.loss, margin_loss(ACTIVATIONS, TARGETS))


def test_cross_entropy_can_be_certain_of_a_class():
    def certain(images):
        return torch.zeros(1, 5, 16), torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0]])

    right = ACTIVATION_CROSS_ENTROPY(certain, Batch(torch.zeros(1), torch.tensor([0])))
    wrong = ACTIVATION_CROSS_ENTROPY(certain, Batch(torch.zeros(1), torch.tensor([1])))
    assert right.loss < 1e-6 and 25 < wrong.loss < 30  # finite
