"""Networks that draw, through the same runs and records as all others."""

import re
import shutil
import signal
import subprocess
import sys
import warnings
from dataclasses import replace

import pytest
import torch
from PIL import Image

from capsedu import paths, runs
from capsedu.data import BatchStream, ImageSet
from capsedu.errors import CapseduError, CapseduWarning
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments.drawing import DrawingHistory, samples_of, trouble_with
from capsedu.experiments.variational import drawing, rcn
from capsedu.models.draw import attentive_draw
from capsedu.models.vae import Vae
from capsedu.recording import record_run
from capsedu.records import read_record

pytestmark = [
    pytest.mark.filterwarnings("ignore:FID needs more"),
    pytest.mark.usefixtures("one_thread"),
]

COMMITTED = {"RECORDS": paths.RECORDS, "CHECKPOINTS": paths.CHECKPOINTS}
# Digits, because they need no download; few small steps, because they show all that many do.
SMALL = {"hidden": 16, "latent": 4, "steps": 3}
RCN = replace(EXPERIMENTS["rcn-mnist"], data="digits", network=rcn(**SMALL))
DRAW = replace(EXPERIMENTS["draw-mnist"], data="digits", network=drawing(attentive_draw, **SMALL))
VAE = replace(EXPERIMENTS["vae-mnist"], data="digits")

KILLED_RUN = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import torch
torch.set_num_threads(1)
from capsedu import runs
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments.variational import rcn
from capsedu.learning.variational import VariationalLearner
step = VariationalLearner.training_step
def until_killed(self, batch, index):
    if self.batches_done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)
VariationalLearner.training_step = until_killed
network = rcn(hidden=16, latent=4, steps=3)
experiment = replace(EXPERIMENTS["rcn-mnist"], data="digits", network=network)
runs.train(experiment, "smoke", root=Path(sys.argv[1]), progress=False)
"""


@pytest.fixture
def judged_project(own_project):
    """A project of one's own that has the classifier which measures samples."""
    judge = "digit-classifier-digits-small"
    for folder, name in [("RECORDS", f"{judge}.json"), ("CHECKPOINTS", f"{judge}.safetensors")]:
        getattr(paths, folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(COMMITTED[folder] / name, getattr(paths, folder))
    return own_project


def test_a_killed_run_ends_at_the_weights_of_an_undisturbed_one(tmp_path):
    whole = runs.train(RCN, "smoke", root=tmp_path / "whole", progress=False)
    killed = subprocess.run([sys.executable, "-c", KILLED_RUN, str(tmp_path / "killed")])
    assert killed.returncode == -signal.SIGKILL
    resumed = runs.train(RCN, "smoke", root=tmp_path / "killed", resume=True, progress=False)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    for a, b in zip(whole.history, resumed.history, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}


@pytest.mark.parametrize("experiment", [VAE, DRAW, RCN], ids=lambda e: e.name)
def test_a_record_holds_bounds_likelihoods_and_a_sheet(judged_project, experiment):
    name = experiment.name
    run = runs.train(experiment, "smoke", root=judged_project / "runs", progress=False)
    record_run(run, judged_project / "records")
    record = read_record(name, "smoke")
    figures = record.figures
    assert figures.keys() >= {"test_bound", "test_reconstruction", "test_kl", "fid", "kid"}
    assert ("test_error" in figures) == ("test_margin" in figures) == (name == "rcn-mnist")
    parts = figures["test_reconstruction"] + figures["test_kl"]
    assert figures["test_bound"] == pytest.approx(parts, rel=1e-5)
    assert [row["step"] for row in record.history] == [2, 6]
    assert record.history[-1].keys() >= {"bound", "kl", "test_bound"}
    assert record.history[-1]["test_bound"] == pytest.approx(figures["test_bound"])
    by_draws = dict(map(tuple, record.curves["negative_log_likelihood"]))
    assert by_draws.keys() == {1, 10, 100}
    assert all(nats == pytest.approx(by_draws[1], rel=0.05) for nats in by_draws.values())
    steps = run.network.step_count
    assert len(record.curves["kl_by_step"]) == steps
    assert sum(share for _, share in record.curves["class_share"]) == pytest.approx(1)
    assert len(record.curves["nearest_to_made"]) == 11
    sheet = Image.open(judged_project / "records" / f"{name}-smoke.png")
    assert sheet.size == (16 * 28, (2 + steps) * 28)


def test_pairs_and_colours_are_drawn_and_not_judged(tmp_path):
    pairs = replace(EXPERIMENTS["rcn-multimnist"], data="digits", network=rcn(**SMALL))
    run = runs.train(pairs, "smoke", root=tmp_path, progress=False)
    assert "fid" not in run.history[-1] and "test_error" in run.history[-1]
    colours = EXPERIMENTS["rcn-cifar-10-subset"]
    network = colours.build(colours.profile("smoke"), (3, 32, 32), 10)
    noise = ImageSet(
        "noise",
        torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8),
        torch.zeros(4).long(),
        ("a",) * 10,
    )
    found = colours.kind.meter(colours, {"test": BatchStream(noise, 2, shuffle=False)})(network)
    assert found.keys() == {
        "test_error",
        "test_bound",
        "test_reconstruction",
        "test_kl",
        "test_margin",
    }


def test_measuring_twice_gives_the_same_and_leaves_the_random_numbers_alone(judged_project):
    size = RCN.profile("smoke")
    network, meter = RCN.build(size, (1, 28, 28), 10), RCN.meter(size)
    torch.manual_seed(4)
    first = meter(network)
    after = torch.rand(1)
    assert first == meter(network)
    torch.manual_seed(4)
    assert torch.equal(after, torch.rand(1))


def test_samples_are_always_of_the_same_draw():
    network = Vae((1, 6, 6), 8, 2)
    found = samples_of(network, 7, at_a_time=3)
    assert found.shape == (7, 1, 6, 6) and 0 <= found.min() <= found.max() <= 1
    torch.testing.assert_close(found, samples_of(network, 7, at_a_time=7))


@pytest.mark.parametrize(
    ("kl", "done", "words"),
    [
        (0.01, 499, ""),  # it has only begun
        (0.01, 500, r"have collapsed.*warm_up"),
        (25.0, 300, ""),
        (600.0, 20, r"has exploded: it is above 543 nats.*learning rate"),
    ],
)
def test_latents_that_say_nothing_or_too_much_are_told(kl, done, words):
    found = trouble_with(kl, 784, done)
    assert (found == "") == (words == "")
    assert re.search(words, found)


def test_trouble_is_said_once_until_it_is_over(tmp_path):
    class Learner:
        network = Vae((1, 28, 28), 4, 2)

    history = DrawingHistory(tmp_path, lambda network: {})
    with pytest.warns(CapseduWarning, match="by batch 510 the latents have collapsed"):
        history.watch(Learner, {"kl": 0.001}, 510)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history.watch(Learner, {"kl": 0.001}, 520)
        history.watch(Learner, {"kl": 20.0}, 530)
    with pytest.warns(CapseduWarning, match="by batch 540 the latents have collapsed"):
        history.watch(Learner, {"kl": 0.001}, 540)


def test_a_missing_judge_is_named(own_project):
    with pytest.raises(CapseduError, match="capsedu record digit-classifier-digits --profile"):
        runs.train(RCN, "smoke", root=own_project / "runs", progress=False)
