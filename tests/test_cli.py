import subprocess
import sys

import pytest

from capsedu import cli


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command line in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAPSEDU_PROFILE", "smoke")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["capsedu", *arguments])
        monkeypatch.setattr(cli, "console", cli.Console(width=200))
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run


def test_list_names_every_experiment(command):
    from capsedu.experiments import EXPERIMENTS

    code, out, _ = command("list")
    assert code == 0
    assert all(name in out for name in EXPERIMENTS)


def test_env_says_what_is_there(command):
    code, out, _ = command("env")
    assert code == 0
    assert "torch" in out and "digits: there" in out and "auto means: smoke" in out


def test_train_then_evaluate(command, tmp_path):
    code, out, _ = command("train", "capsnet-digits")
    assert code == 0 and "test_error" in out
    assert (tmp_path / "runs/capsnet-digits-smoke-seed0/network.safetensors").exists()
    code, out, _ = command("evaluate", "capsnet-digits")
    assert code == 0 and "test_error" in out


def test_record_writes_record_and_picture(command, tmp_path):
    code, _, err = command("record", "capsnet-digits", "--out", str(tmp_path / "records"))
    assert code == 0, err
    assert (tmp_path / "records/capsnet-digits-smoke.json").exists()
    assert (tmp_path / "records/capsnet-digits-smoke.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "capsnet-mnst"], "did you mean 'capsnet-mnist'?"),
        (["train", "capsnet-digits", "--profile", "huge"], "unknown profile 'huge'"),
        (["train", "capsnet-digits", "--precision", "8"], "unknown precision '8'"),
        (["train", "cnn-mnist-paper"], "unknown profile of cnn-mnist-paper 'smoke'"),
        (["train", "capsnet-digits", "--data", "npz:gone.npz"], "there is no file gone.npz"),
        (["train", "capsnet-digits", "--data", "emnist"], "unknown data set 'emnist'"),
        (["train", "capsnet-digits", "--runs", "blocked/runs"], "cannot write"),
        (["record", "capsnet-digits", "--out", "blocked/out"], "cannot write"),
        (["evaluate", "capsnet-digits"], "train it with: capsedu train capsnet-digits"),
        (["evaluate", "capsnet-digits", "--committed"], "no weights of capsnet-digits"),
    ],
)
def test_a_mistake_is_one_sentence_and_a_non_zero_exit(command, tmp_path, arguments, sentence):
    (tmp_path / "blocked").write_text("a file, not a folder")
    code, out, err = command(*arguments)
    assert code == 1
    assert sentence in " ".join(err.split())
    assert "Traceback" not in out + err


def test_without_a_network_mnist_is_one_sentence(command, tmp_path, monkeypatch):
    monkeypatch.setenv("CAPSEDU_DATA", str(tmp_path))
    monkeypatch.setenv("CAPSEDU_OFFLINE", "1")
    code, out, err = command("train", "capsnet-mnist")
    assert code == 1
    assert "mnist" in err.lower() and "Traceback" not in out + err


def test_ctrl_c_says_how_to_go_on_and_keeps_the_checkpoint(command, tmp_path, monkeypatch):
    from capsedu.learning.classification import ClassificationLearner

    step = ClassificationLearner.training_step

    def interrupted(self, batch, index):
        if self.global_step == 4:
            raise KeyboardInterrupt
        return step(self, batch, index)

    monkeypatch.setattr(ClassificationLearner, "training_step", interrupted)
    code, out, err = command("train", "capsnet-digits")
    assert code == 130
    assert "--resume" in err and "Traceback" not in out + err
    assert (tmp_path / "runs/capsnet-digits-smoke-seed0/last.ckpt").exists()
    monkeypatch.setattr(ClassificationLearner, "training_step", step)
    code, out, _ = command("train", "capsnet-digits", "--resume")
    assert code == 0 and "test_error" in out


def test_importing_the_package_and_its_help_load_nothing_heavy():
    code = (
        "import sys, capsedu, capsedu.cli;"
        "heavy = {'torch', 'lightning', 'matplotlib', 'sklearn'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
