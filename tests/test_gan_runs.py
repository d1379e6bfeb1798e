"""GANs through the same runs and records as classifiers: measured, resumed, said when they fall."""

import itertools
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
from capsedu.checkpoints import pretrained
from capsedu.errors import CapseduError, CapseduWarning
from capsedu.experiments import EXPERIMENTS
from capsedu.experiments.adversarial import BatchHistory
from capsedu.files import load_tensors
from capsedu.models.gan import Gan
from capsedu.recording import record_run
from capsedu.records import read_record

pytestmark = pytest.mark.filterwarnings("ignore:FID needs more")

COMMITTED = {"RECORDS": paths.RECORDS, "CHECKPOINTS": paths.CHECKPOINTS}
GAN = replace(EXPERIMENTS["capsgan-two"], data="digits")  # no download

KILLED_RUN = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import torch
torch.set_num_threads(1)
from capsedu import runs
from capsedu.experiments import EXPERIMENTS
from capsedu.learning.adversarial import AdversarialLearner
step = AdversarialLearner.training_step
def until_killed(self, batch, index):
    if self.batches_done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)
AdversarialLearner.training_step = until_killed
experiment = replace(EXPERIMENTS["capsgan-two"], data="digits")
runs.train(experiment, "smoke", root=Path(sys.argv[1]), progress=False)
"""


def test_a_killed_run_ends_at_the_weights_of_an_undisturbed_one(tmp_path, one_thread):
    whole = runs.train(GAN, "smoke", root=tmp_path / "whole", progress=False)
    killed = subprocess.run([sys.executable, "-c", KILLED_RUN, str(tmp_path / "killed")])
    assert killed.returncode == -signal.SIGKILL
    resumed = runs.train(GAN, "smoke", root=tmp_path / "killed", resume=True, progress=False)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    for a, b in zip(whole.history, resumed.history, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}


@pytest.fixture
def judged_project(own_project):
    """A project of one's own that has the classifier which measures generators."""
    judge = "digit-classifier-digits-small"
    for folder, name in [("RECORDS", f"{judge}.json"), ("CHECKPOINTS", f"{judge}.safetensors")]:
        getattr(paths, folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(COMMITTED[folder] / name, getattr(paths, folder))
    return own_project


def test_a_record_holds_figures_history_and_a_sheet_of_images(judged_project):
    run = runs.train(GAN, "smoke", root=judged_project / "runs", progress=False)
    record_run(run, judged_project / "records", keep_weights=True)
    record = read_record("capsgan-two", "smoke")
    assert record.data["batches"] == 6 and "epochs" not in record.data
    assert record.figures.keys() >= {"fid", "kid", "precision", "recall", "modes"}
    assert 4 * 4 * record.parameters < record.figures["peak_memory"] * 2**20  # as Adam needs
    assert [row["step"] for row in record.history] == [2, 6]
    assert record.history[-1].keys() >= {"discriminator_loss", "generator_loss", "fid", "spread"}
    shares = [share for _, share in record.curves["class_share"]]
    assert len(shares) == 10 and sum(shares) == pytest.approx(1)
    assert (
        record.curves["nearest_to_test"][0][0] == 0 and len(record.curves["nearest_to_made"]) == 11
    )
    sheet = Image.open(judged_project / "records" / "capsgan-two-smoke.png")
    assert sheet.mode == "L" and sheet.size == (16 * 32, 2 * 32)
    generator = pretrained(GAN, "smoke")
    assert generator(torch.randn(2, 128)).shape == (2, 1, 32, 32)
    # Rounded to half precision, and so are the figures'.
    assert generator[1].weight.equal(run.network.generator[1].weight)


def test_images_that_are_no_digits_are_trained_on_and_not_measured(tmp_path):
    other = replace(GAN, data="toys-small")
    assert other.kind.meter(other, {})(Gan(torch.nn.Identity(), torch.nn.Identity())) == {}


def test_codes_and_both_networks_of_a_wasserstein_gan_go_through_a_run(tmp_path):
    for name, figure in [("report-caps-infogan", "code_loss"), ("report-wgan-gp", "spread")]:
        experiment = replace(EXPERIMENTS[name], data="digits")
        run = runs.train(experiment, "smoke", root=tmp_path, progress=False)
        assert run.history[-1].keys() >= {"generator_loss", "fid", figure}


def test_a_missing_judge_is_named(own_project):
    with pytest.raises(CapseduError, match="capsedu record digit-classifier-digits --profile"):
        runs.train(GAN, "smoke", root=own_project / "runs", progress=False)


def test_a_run_says_that_its_generator_collapses(tmp_path, monkeypatch):
    calls = itertools.count()

    def spread(images):  # asked of made and of real images in turn; falls after two batches
        call = next(calls)
        return torch.tensor(1.0 if call < 4 or call % 2 else 0.001)

    monkeypatch.setattr("capsedu.learning.adversarial._spread", spread)
    with pytest.warns(CapseduWarning, match=r"collapsed by batch 6: .*before-collapse"):
        run = runs.train(GAN, "smoke", root=tmp_path, progress=False)
    assert load_tensors(run.folder / "before-collapse.safetensors").keys() == (
        run.network.state_dict().keys()
    )


def test_a_collapse_is_said_once_and_the_weights_before_it_are_kept(tmp_path):
    history = BatchHistory(tmp_path, lambda network: {})
    network = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(network.weight, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history._watch_over(network, 0.02, 10)  # it has not begun: no collapse
        history._watch_over(network, 0.8, 100)
        torch.nn.init.constant_(network.weight, 2.0)
        history._watch_over(network, 0.1, 110)
    with pytest.warns(UserWarning, match=r"collapsed by batch 120: .* by 1\.0% of"):
        history._watch_over(network, 0.01, 120)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history._watch_over(network, 0.01, 130)
    assert load_tensors(tmp_path / "before-collapse.safetensors")["weight"].item() == 1.0
