"""Several devices share each batch, and train the network that one device would."""

import os
import socket
import subprocess
import sys

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


def test_two_processes_end_where_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    one = runs.train(EXPERIMENTS["capsnet-digits"], "smoke", root=tmp_path / "one", progress=False)

    script = tmp_path / "training.py"
    script.write_text(TRAINING)
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    trained = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "GLOO_SOCKET_IFNAME": loopback},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,  # should the two not find each other
    )
    assert trained.returncode == 0, trained.stderr
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
