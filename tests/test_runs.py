import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from capsedu import runs
from capsedu.errors import CapseduError
from capsedu.experiments import EXPERIMENTS
from capsedu.files import load_tensors
from capsedu.learning.classification import ClassificationLearner

# Digits, because they need no download; the CNN too, because it has dropout.
pytestmark = pytest.mark.usefixtures("one_thread")

CAPSNET = EXPERIMENTS["capsnet-digits"]
CNN = replace(EXPERIMENTS["cnn-mnist"], data="digits")

KILLED_RUN = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import torch
torch.set_num_threads(1)
from capsedu import runs
from capsedu.experiments import EXPERIMENTS
from capsedu.learning.classification import ClassificationLearner
step = ClassificationLearner.training_step
def until_killed(self, batch, index):
    if self.global_step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)
ClassificationLearner.training_step = until_killed
experiment = replace(EXPERIMENTS["cnn-mnist"], data="digits")
runs.train(experiment, "smoke", root=Path(sys.argv[1]), progress=False)
"""


def same_weights(a, b):
    a, b = a.network.state_dict(), b.network.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def train(experiment, root, **options):
    return runs.train(experiment, "smoke", root=root, progress=False, **options)


# Smoke saves every 3 steps and has 4 steps per epoch: one kill goes on from step 3, over the
# boundary; the other from step 6, in the middle of the second epoch.
@pytest.mark.parametrize("step", [5, 7])
def test_a_killed_run_resumes_and_ends_at_the_same_weights(tmp_path, step):
    whole = train(CNN, tmp_path / "whole")
    arguments = [sys.executable, "-c", KILLED_RUN, str(tmp_path / "killed"), str(step)]
    killed = subprocess.run(arguments, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    resumed = train(CNN, tmp_path / "killed", resume=True)
    assert same_weights(whole, resumed)
    assert [row["step"] for row in resumed.history] == [4, 8]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    first = train(CAPSNET, tmp_path / "a")
    assert same_weights(first, train(CAPSNET, tmp_path / "b"))
    assert not same_weights(first, train(CAPSNET, tmp_path / "c", seed=1))


def test_training_lowers_the_margin_loss(tmp_path):
    profile = replace(CAPSNET.profiles["smoke"], epochs=25, checkpoint_every=1000)
    run = train(replace(CAPSNET, profiles={"smoke": profile}), tmp_path)
    margins = [row["test_margin"] for row in run.history]
    # The ratio of this seed is 0.647, of 40 seeds 0.61 to 0.69; noise of 1e-6 moves it by 1e-6.
    assert margins[-1] < 0.75 * margins[0]
    assert run.history[-1]["test_error"] < 0.8  # 0.734 of 64 images, noise or not; chance is 0.9


def test_resuming_a_finished_run_trains_no_further(tmp_path):
    run = train(CAPSNET, tmp_path)
    again = train(CAPSNET, tmp_path, resume=True)
    assert same_weights(run, again)
    assert again.history == run.history


def test_a_finished_run_is_read_back_and_evaluates_alike(tmp_path):
    run = train(CAPSNET, tmp_path)
    read = runs.finished_run(CAPSNET, "smoke", root=tmp_path)
    assert same_weights(run, read)
    assert runs.evaluate(read)["test_error"] == pytest.approx(run.history[-1]["test_error"])


def test_an_unfinished_run_is_not_overwritten(tmp_path):
    run = train(CAPSNET, tmp_path)
    (run.folder / "network.safetensors").unlink()
    with pytest.raises(CapseduError, match="unfinished run; go on with it by --resume"):
        train(CAPSNET, tmp_path)
    assert (run.folder / "last.ckpt").exists()


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    run = train(CAPSNET, tmp_path)
    checkpoint = run.folder / "last.ckpt"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    with pytest.raises(CapseduError, match=r"last\.ckpt is damaged"):
        train(CAPSNET, tmp_path, resume=True)


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    run = train(CAPSNET, tmp_path)
    torch.save({"global_step": Payload()}, run.folder / "last.ckpt")
    with pytest.raises(CapseduError, match="damaged"):
        train(CAPSNET, tmp_path, resume=True)
    assert not (tmp_path / "ran").exists()


def test_damaged_or_foreign_weights_are_named(tmp_path):
    run = train(CAPSNET, tmp_path)
    weights = run.folder / "network.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CapseduError, match=r"cannot read .*network\.safetensors"):
        runs.finished_run(CAPSNET, "smoke", root=tmp_path)
    other = train(CNN, tmp_path / "cnn")
    (other.folder / "network.safetensors").rename(weights)
    with pytest.raises(CapseduError, match="does not fit this network"):
        runs.finished_run(CAPSNET, "smoke", root=tmp_path)


def test_an_untrained_run_says_how_to_train_it(tmp_path):
    with pytest.raises(CapseduError, match="capsedu train capsnet-digits --profile smoke"):
        runs.finished_run(CAPSNET, "smoke", root=tmp_path)


def test_a_loss_that_is_not_a_number_stops_with_the_batch_saved(tmp_path, monkeypatch):
    step = ClassificationLearner.training_step

    def poisoned(self, batch, index):
        if self.global_step == 4:
            with torch.no_grad():
                next(self.network.parameters()).fill_(float("nan"))
        return step(self, batch, index)

    monkeypatch.setattr(ClassificationLearner, "training_step", poisoned)
    with pytest.raises(CapseduError, match="not a finite number at step 4"):
        train(CAPSNET, tmp_path)
    folder = runs.run_folder(tmp_path, CAPSNET, "smoke", 0)
    saved = load_tensors(folder / "not-a-number-at-step-4.safetensors")
    assert saved["images"].shape == (16, 1, 28, 28)
    assert saved["targets"].shape == (16,)
    monkeypatch.undo()
    assert len(train(CAPSNET, tmp_path, resume=True).history) == 2


def test_unknown_precision_and_unwritable_folder_are_refused_before_training(tmp_path):
    with pytest.raises(CapseduError, match="unknown precision 'bf16'"):
        train(CAPSNET, tmp_path, precision="bf16")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(CapseduError, match="cannot write"):
        train(CAPSNET, file / "runs")


def test_images_of_ones_own_train_by_name(tmp_path):
    import numpy as np

    rng = np.random.default_rng(0)
    path = tmp_path / "own.npz"
    np.savez(
        path,
        images=rng.integers(0, 256, (100, 20, 20, 3), dtype=np.uint8),
        labels=np.arange(100) % 4,
    )
    run = train(replace(CAPSNET, data=f"npz:{path}"), tmp_path)
    assert run.network.image_shape == (3, 20, 20)
    assert run.network.class_capsules.weight.shape[0] == 4
