"""Files are whole or absent, and reading one never runs what is in it."""

import hashlib
import os
import pickle
import signal
import subprocess
import sys

import pytest
import torch

from capsedu.errors import CapseduError
from capsedu.files import load_tensors, require_writable, save_tensors, sha256, write_atomically

TENSORS = {"weight": torch.arange(6.0).view(2, 3), "half": torch.ones(3, dtype=torch.float16)}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# write_atomically


def test_a_file_is_written_and_its_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "figures.json"
    write_atomically(path, lambda partial: partial.write_text("{}"))
    assert path.read_text() == "{}"
    assert names(path.parent) == ["figures.json"]


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "figures.json"
    path.write_text("old")

    def fails_halfway(partial):
        partial.write_text("ne")
        raise KeyError("no such figure")

    with pytest.raises(KeyError, match="no such figure"):
        write_atomically(path, fails_halfway)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["figures.json"]


def test_ctrl_c_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "figures.json"
    path.write_text("old")

    def interrupted(partial):
        partial.write_text("ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupted)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["figures.json"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "figures.json"
    path.write_text("old")
    program = (
        "import os, signal, sys\n"
        "from capsedu.files import write_atomically\n"
        "def write(partial):\n"
        "    partial.write_text('ne')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomically(sys.argv[1], write)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    path = tmp_path / "file" / "figures.json"
    with pytest.raises(CapseduError, match=r"cannot write .*figures.json: ") as caught:
        write_atomically(path, lambda partial: partial.write_text("{}"))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_without_permission_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CapseduError, match=r"cannot write .*Permission denied"):
        write_atomically(tmp_path / "x", lambda partial: partial.write_text("{}"))


def test_require_writable_leaves_no_trace(tmp_path):
    require_writable(tmp_path / "runs")
    assert names(tmp_path / "runs") == []
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CapseduError, match="cannot write"):
        require_writable(tmp_path / "file" / "runs")


# tensors


def test_tensors_come_back_as_they_were(tmp_path):
    path = tmp_path / "network.safetensors"
    save_tensors({**TENSORS, "view": TENSORS["weight"].T}, path)
    loaded = load_tensors(path)
    assert loaded.keys() == {*TENSORS, "view"}
    for name, tensor in TENSORS.items():
        assert loaded[name].dtype == tensor.dtype and torch.equal(loaded[name], tensor)
    assert torch.equal(loaded["view"], TENSORS["weight"].T)


def assert_unreadable(path):
    with pytest.raises(CapseduError, match=r"cannot read .* as safetensors") as caught:
        load_tensors(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path):
    assert_unreadable(tmp_path / "network.safetensors")


def test_a_folder_is_no_file_of_tensors(tmp_path):
    assert_unreadable(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_one_sentence(tmp_path, share):
    path = tmp_path / "network.safetensors"
    save_tensors(TENSORS, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert_unreadable(path)


def test_garbage_is_one_sentence(tmp_path):
    path = tmp_path / "network.safetensors"
    path.write_bytes(bytes(range(256)) * 8)
    assert_unreadable(path)


class RunsWhenLoaded:
    """What an attacker would put into a pickle."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


def test_code_in_a_file_is_not_run(tmp_path):
    path, trace = tmp_path / "network.safetensors", tmp_path / "trace"
    path.write_bytes(pickle.dumps(RunsWhenLoaded(trace)))
    assert_unreadable(path)
    assert not trace.exists()


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"capsules")
    assert sha256(path) == hashlib.sha256(b"capsules").hexdigest()
    path.write_bytes(b"capsulez")
    assert sha256(path) != hashlib.sha256(b"capsules").hexdigest()
