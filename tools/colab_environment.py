"""Environments that stand for Colab, in the folder .colab: made once, then kept.

`complete` has every version of tools/colab.txt, and the package installed with the command of the
notebooks' setup cells; it needs Python 3.13. `overlay` is .venv with Colab's old IPython,
ipykernel, ipywidgets and traitlets laid over it.
"""

import json
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
COLAB = ROOT / ".colab"
PINS = ROOT / "tools" / "colab.txt"
PYTHON = "3.13"
OVERLAID = ["ipykernel", "ipython", "ipywidgets", "traitlets"]
# What these need and .venv does not have.
BESIDES = """\
backcall==0.2.0
decorator==5.3.1
ipython_genutils==0.2.0
nest_asyncio==1.6.0
pickleshare==0.7.5
"""
FIND = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{PYTHON}')"


def pins() -> dict[str, str]:
    """Colab's versions, by package."""
    lines = [line for line in PINS.read_text().splitlines() if "==" in line]
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def report(command: list[str | Path]) -> dict[str, str]:
    """What a dry run of pip would install, as name to version; the program ends if it cannot."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        flags = ["--dry-run", "--quiet", "--disable-pip-version-check", "--report", path]
        done = subprocess.run([*command, *flags], capture_output=True, text=True)
        if done.returncode:
            said = "\n".join(line for line in done.stderr.splitlines() if "WARNING" not in line)
            sys.exit(f"capsedu: the package cannot be installed beside Colab's versions.\n{said}")
        found = [item["metadata"] for item in json.loads(path.read_text())["install"]]
        return {item["name"].lower(): item["version"] for item in found}


def resolve() -> None:
    """Looks for one set of versions that has Colab's and all that the package needs."""
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for_colab = ["--python-version", PYTHON, "--only-binary=:all:", "--ignore-installed"]
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", *for_colab, "--target", folder]
        found = report([*command, "-r", PINS, *needs])
    print(f"  {len(found)} packages, {', '.join(f'{n} {found[n]}' for n in pins())}")


def find_python() -> Path | None:
    """A Python of Colab's version, if this machine has one."""
    names = [sys.executable, f"python{PYTHON}", "python3", "python"]
    candidates = [found for name in names if (found := shutil.which(name))]
    if uv := shutil.which("uv"):
        answer = subprocess.run([uv, "python", "find", PYTHON], capture_output=True, text=True)
        candidates.append(answer.stdout.strip())
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", FIND], capture_output=True).returncode == 0:
            return Path(candidate)
    return None


def copied_source() -> Path:
    """What would be installed from the repository, where a build leaves no traces in it."""
    target = COLAB / "source"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(
        ROOT / "capsedu", target / "capsedu", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("records", "checkpoints"):  # what is installed of data/
        shutil.copytree(ROOT / "data" / name, target / "data" / name)
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, target)
    return target


def complete(python: Path, setup: str) -> dict:
    """The kernel of an environment with all of Colab's versions and the package.

    Args:
        python: of Colab's version.
        setup: what stands behind ``%pip install`` in the setup cells. It is carried out with this
            checkout in place of the repository's address, after a look at what it would replace.
    """
    folder = COLAB / "complete"
    own = folder / "bin" / "python"
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_text() != PINS.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", folder], check=True)
        subprocess.run([own, "-m", "pip", "install", "--quiet", "-r", PINS], check=True)
        installed.write_text(PINS.read_text())
    source = str(copied_source())
    words = [source if word.startswith("git+") else word for word in shlex.split(setup)]
    command = [own, "-m", "pip", "install", *words]
    replaced = {name: new for name, new in report(command).items() if name in pins()}
    if replaced:
        said = ", ".join(f"{name} {pins()[name]} by {new}" for name, new in replaced.items())
        sys.exit(f"capsedu: on Colab, `%pip install {setup}` would replace {said}.")
    subprocess.run(command, check=True)
    return kernel(own, {})


def overlay() -> dict:
    """The kernel of .venv with Colab's old packages for notebooks, which it finds first."""
    folder = COLAB / "overlay"
    wanted = "".join(f"{name}=={pins()[name]}\n" for name in OVERLAID) + BESIDES
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        # --no-deps: everything else is taken from .venv. --target: nothing there is replaced.
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--target", folder, *wanted.split()], check=True)
        installed.write_text(wanted)
    return kernel(Path(sys.executable), {"PYTHONPATH": str(folder)})


def kernel(python: Path, variables: dict[str, str]) -> dict:
    """What Jupyter must know to start this Python as a kernel."""
    command = [str(python), "-Xfrozen_modules=off", "-m", "ipykernel_launcher"]
    return {
        "argv": [*command, "-f", "{connection_file}"],
        "display_name": "Colab",
        "language": "python",
        "env": variables,
    }
