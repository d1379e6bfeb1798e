"""Several devices share each batch, and train the network that one device would."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from capsedu import runs
from capsedu.experiments import EXPERIMENTS
from capsedu.files import load_tensors

# A file, because Lightning starts the second process with the first one's command line.
TRAINING = """
import os
from pathlib import Path
import torch
torch.set_num_threads(1)
from capsedu import runs
from capsedu.experiments import EXPERIMENTS
from capsedu.learning.classification import ClassificationLearner
step, shares = ClassificationLearner.training_step, set()
def counted(self, batch, index):
    shares.add(len(batch.images))
    return step(self, batch, index)
ClassificationLearner.training_step = counted
runs.train(EXPERIMENTS["capsnet-digits"], "smoke", root=Path("two"), devices=2, progress=False)
Path(f"rank-{os.environ['LOCAL_RANK']}").write_text(f"{shares} images per step")
"""

GAN_TRAINING = """
import os
from dataclasses import replace
from pathlib import Path
import torch
torch.set_num_threads(1)
from capsedu import runs
from capsedu.experiments import EXPERIMENTS
from capsedu.models.capsgan import CapsGanGenerator
paint, noises = CapsGanGenerator.forward, []
def noted(self, noise):
    noises.append(noise[0, 0].item())
    return paint(self, noise)
CapsGanGenerator.forward = noted
gan = replace(EXPERIMENTS["capsgan"], data="digits")
run = runs.train(gan, "smoke", root=Path("two"), devices=2, progress=False)
weights = sum(p.double().sum().item() for p in run.network.parameters())
Path(f"rank-{os.environ['LOCAL_RANK']}").write_text(f"{weights} {noises[0]}")
"""


def two_processes(script: str, folder: Path) -> None:
    """Run ``script`` in a process that starts a second one, both in ``folder``."""
    path = folder / "training.py"
    path.write_text(script)
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    trained = subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "GLOO_SOCKET_IFNAME": loopback},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,  # should the two not find each other
    )
    assert trained.returncode == 0, trained.stderr


def test_two_processes_train_one_gan_on_noise_of_their_own(tmp_path):
    two_processes(GAN_TRAINING, tmp_path)
    first, second = ((tmp_path / f"rank-{n}").read_text().split() for n in (0, 1))
    assert first[0] == second[0]  # the same weights
    assert first[1] != second[1]


def test_two_processes_end_where_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    one = runs.train(EXPERIMENTS["capsnet-digits"], "smoke", root=tmp_path / "one", progress=False)

    two_processes(TRAINING, tmp_path)
    shares = {path.name: path.read_text() for path in tmp_path.glob("rank-*")}
    assert shares == {"rank-0": "{8} images per step", "rank-1": "{8} images per step"}

    folder = tmp_path / "two" / one.folder.name
    weights, expected = load_tensors(folder / "network.safetensors"), one.network.state_dict()
    assert weights.keys() == expected.keys()
    for name in expected:
        assert_close(weights[name], expected[name], rtol=1e-4, atol=1e-5, msg=name)
    for found, wanted in zip(runs.read_history(folder), one.history, strict=True):
        for figure in ("test_margin", "test_reconstruction", "test_error"):
            assert found[figure] == pytest.approx(wanted[figure], rel=1e-4)
