"""The transforming auto-encoders' experiments: trained in smoke, measured and drawn."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from capsedu import runs
from capsedu.checkpoints import pretrained
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments.transforming import LABELS
from capsedu.models.cnn_baseline import parameter_count
from capsedu.recording import record_run
from capsedu.records import read_record

NAMES = ["transforming-shift", "transforming-affine"]


@pytest.fixture(params=NAMES)
def experiment(request):
    return replace(EXPERIMENTS[request.param], data="digits")


def train(experiment, root, **options):
    return runs.train(experiment, "smoke", root=root, progress=False, **options)


def test_a_run_is_trained_recorded_and_its_weights_are_read_again(experiment, own_project):
    run = train(experiment, own_project / "runs")
    assert [row["step"] for row in run.history] == [4, 8]
    path, figures = record_run(run, own_project / "records", keep_weights=True)
    assert {*figures} == {"test_reconstruction", "unseen_reconstruction"}
    assert all(0 < value < 784 for value in figures.values())
    record = read_record(experiment.name, "smoke")
    for name in ("capsules", "untrained", "pixels", "pca"):
        assert [labels for labels, _ in record.curves[f"{name}_error"]] == [25, 50]  # of 64 images
        ends = (record.curves[f"{name}_{end}"] for end in ("low", "error", "high"))
        assert all(
            low <= mean <= high for (_, low), (_, mean), (_, high) in zip(*ends, strict=True)
        )
    assert [labels for labels, _ in record.curves["capsules_clusters_error"]] == [25]
    assert len(record.curves["slope"]) == len(record.curves["presence"]) == 3
    assert Image.open(path.with_suffix(".png")).size == (16 * 28, 3 * 28)
    again = pretrained(experiment, "smoke")
    images = torch.rand(2, 1, 28, 28)
    assert torch.equal(again.look(images).presences, run.network.look(images).presences)


def test_what_each_record_keeps_besides(tmp_path):
    shift, affine = (replace(EXPERIMENTS[name], data="digits") for name in NAMES)
    found = shift.curves(train(shift, tmp_path).network, shift, shift.profile("smoke"))
    assert len(found["right"]) == len(found["left"]) == 64
    assert [x for x, _ in found["right"]] == [x for x, _ in found["left"]]
    assert [pixels for pixels, _ in found["error_by_shift"]] == [*range(9)]
    found = affine.curves(train(affine, tmp_path).network, affine, affine.profile("smoke"))
    assert [degrees for degrees, _ in found["error_by_angle"]] == [*range(0, 91, 10)]


def test_training_draws_better(tmp_path):
    shift = replace(EXPERIMENTS["transforming-shift"], data="digits")
    longer = replace(shift.profile("smoke"), primary_types=8, epochs=60, train_images=256)
    run = train(replace(shift, profiles={"smoke": longer}), tmp_path)
    errors = [row["test_reconstruction"] for row in run.history]
    assert errors[-1] < 0.8 * errors[0]  # 0.66 for this seed


def test_full_is_the_papers_size_and_small_ships_below_a_megabyte():
    parameters = {
        (name, size): parameter_count(
            EXPERIMENTS[name].build(EXPERIMENTS[name].profile(size), (1, 28, 28), 10)
        )
        for name in NAMES
        for size in ("small", "full")
    }
    assert parameters["transforming-shift", "full"] == 709_474
    assert parameters["transforming-affine", "full"] == 1_590_034
    assert all(2 * parameters[name, "small"] < 1_048_576 for name in NAMES)


def test_numbers_of_labels_include_25_in_all_and_25_of_each_class():
    assert {25, 250} <= {*LABELS}
