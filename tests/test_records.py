import json
from dataclasses import replace

import pytest
import torch

from capsedu import runs
from capsedu.checkpoints import checkpoint_path, pretrained
from capsedu.data import Identity
from capsedu.errors import CapseduError
from capsedu.evaluation.classification import measure
from capsedu.experiments import EXPERIMENTS
from capsedu.recording import record_run
from capsedu.records import all_records, read_record, read_seeds, write_record

CAPSNET = EXPERIMENTS["capsnet-digits"]


@pytest.fixture
def recorded(own_project):
    run = runs.train(CAPSNET, "smoke", root=own_project / "runs", progress=False)
    record_run(run, own_project / "records", keep_weights=True)
    return run


def test_a_record_says_where_when_and_with_what(recorded):
    record = read_record("capsnet-digits", "smoke")
    assert record.seed == 0
    assert record.data["name"] == "digits" and record.data["train"] == 64
    assert record.parameters == sum(p.numel() for p in recorded.network.parameters())
    assert record.command == "capsedu record capsnet-digits --profile smoke --checkpoint"
    assert [row["epoch"] for row in record.history] == [1, 2]
    assert list(all_records()) == [record]


def test_the_figures_are_those_of_the_committed_weights(recorded):
    record = read_record("capsnet-digits", "smoke")
    network = pretrained(CAPSNET, "smoke")
    batches = CAPSNET.test_batches(CAPSNET.profile("smoke"))["test"]
    figures = measure(network, CAPSNET.objective, batches)
    assert figures["error"] == record.figures["test_error"]
    assert figures["margin"] == pytest.approx(record.figures["test_margin"], rel=1e-5)


def test_the_picture_is_a_png(recorded, own_project):
    picture = own_project / "records" / "capsnet-digits-smoke.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_tampered_checkpoint_is_refused(recorded):
    path = checkpoint_path(CAPSNET, "smoke")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CapseduError, match="SHA-256 differs"):
        pretrained(CAPSNET, "smoke")


def test_nothing_committed_is_none(own_project):
    assert pretrained(CAPSNET, "smoke") is None
    assert read_record("capsnet-digits", "smoke") is None


def test_a_damaged_record_is_named(recorded, own_project):
    path = own_project / "records" / "capsnet-digits-smoke.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(CapseduError, match=r"capsnet-digits-smoke\.json is damaged"):
        read_record("capsnet-digits", "smoke")
    path.write_text(json.dumps({"name": "x"}))
    with pytest.raises(CapseduError, match="damaged"):
        read_record("capsnet-digits", "smoke")


def test_every_committed_record_and_checkpoint_is_whole():
    for record in all_records():
        experiment = EXPERIMENTS[record.name]
        assert record.profile in experiment.profiles
        assert record.published == dict(experiment.published)
        if record.checkpoint:
            assert pretrained(experiment, record.profile) is not None


def test_half_precision_rounds_what_is_in_memory_too(recorded):
    for name, value in recorded.network.state_dict().items():
        assert torch.equal(value, value.half().float()), name


def test_errors_under_attack_are_recorded(own_project):
    chosen = EXPERIMENTS["matrix-capsnet"]
    size = replace(chosen.profile("smoke"), data="", epochs=1, test_images=8)
    chosen = replace(
        chosen,
        data="digits",
        train_transform=Identity(),
        test_transforms={"test": Identity()},
        profiles={"smoke": size},
    )
    run = runs.train(chosen, "smoke", root=own_project / "runs", progress=False)
    record_run(run, own_project / "records")
    record = read_record("matrix-capsnet", "smoke")
    assert set(record.curves) == {"fgsm_error", "fgsm_success", "bim_error", "bim_success"}
    for points in record.curves.values():
        assert [epsilon for epsilon, _ in points] == [0.0, 0.02, 0.05, 0.1, 0.2]
        assert all(0 <= share <= 1 for _, share in points)
    (_, untouched), *_ = record.curves["fgsm_error"]
    assert untouched == record.figures["test_error"]  # all 8 images, not attacked


def test_each_seed_has_a_record_of_its_own(recorded):
    first = read_record("capsnet-digits", "smoke")
    write_record(replace(first, seed=2))
    write_record(replace(first, seed=1))
    assert read_record("capsnet-digits", "smoke") == first
    assert read_record("capsnet-digits", "smoke", seed=2).seed == 2
    assert [record.seed for record in read_seeds("capsnet-digits", "smoke")] == [0, 1, 2]
    assert len(list(all_records())) == 3
