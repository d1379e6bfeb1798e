"""What every test may use."""

import pytest
import torch

from capsedu import paths


@pytest.fixture(autouse=True)
def _one_seed():
    torch.manual_seed(0)


@pytest.fixture
def own_project(tmp_path, monkeypatch):
    """Records and checkpoints of the project's own, in an empty folder."""
    monkeypatch.setattr(paths, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "checkpoints")
    return tmp_path
