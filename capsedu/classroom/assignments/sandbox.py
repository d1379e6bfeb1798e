"""Where a student's code runs when it is graded, and what that protects from.

Grading runs code that somebody else wrote. Each submission gets processes of its own:

    capsedu assignment grade → worker → papermill's client → the kernel with the student's code

The worker and the client are ours. Hidden tests reach the kernel one at a time, over a socket, when
their turn comes; they are never in a file that the kernel can open. The kernel is started through
``inside/confine.py``, which gives up rights before any student code is there. It needs no root.

What holds on every Linux:

- a cell that takes too long is interrupted, and killed with its kernel if it goes on; the rest of
  the submission goes on in a new kernel, without the cell that was the trouble. At the end of the
  submission's time everything that it started is killed, also what tried to detach itself;
- memory is limited twice: ``RLIMIT_DATA`` for each process, and the sum of what all of them hold,
  looked at five times a second. Not ``RLIMIT_AS``: torch reserves gigabytes of addresses that it
  never touches, so a limit on addresses fails honest work long before it stops the other;
- the number of processes, the size of a file, open files and printed text are limited;
- the environment has no tokens, proxies or paths of the person who grades; HOME, TMPDIR and the
  working folder are new, and are deleted afterwards;
- results are the kernel's replies to the grader's requests, never text that was printed. Each reply
  must carry the secret number of its request. Before each test, the builtins and the libraries that
  the tests use are put back as they were, and the test runs with names of its own;
- one submission can neither end the batch nor lose the rows before it.

With Landlock (Linux 5.13 and newer, no root needed) the kernel also

- reads only Python, the package, the data sets and its own folder, so that sources with hidden
  tests, other submissions, ``grades.csv`` and the home folder are out of reach by any path,
  including ``/proc``, and writes only its own folder;
- looks into no other process: not at its memory, its files or its environment;
- makes no TCP connection (Linux 6.7), and sends no signal to a process outside (Linux 6.12).

Where users may make namespaces it has no network at all, UDP included.

What stays possible, and is a reason to look at surprising results by hand:

- a test runs in the same Python process as the code that it tests, as with every grader of
  notebooks. Code that is written against this grader can find the test while it runs, in the
  frames of the interpreter, and can copy its text into an error message, which is part of the
  feedback, or can change what the test sees. The guard undoes the simple ways and the table
  remarks on words such as ``_getframe`` and ``get_ipython``; it is no wall;
- objects made to compare equal with everything pass a test that only compares. Tests should look at
  the type first;
- the kernel of the operating system is shared: a hole in it is a hole here;
- without Landlock the code can read whatever the person who grades can read, and with signals it
  can end that person's processes. The grader says once when this is so;
- without namespaces UDP stays open, and without Landlock the whole network;
- root is not counted by the limit on processes; then only the look five times a second is left.
  Do not grade as root;
- many files can fill the disk of the temporary folder, each of them within the limit, and memory
  that is shared between processes or held in anonymous files is found by the second look only;
- on systems other than Linux only time limits and the stripped environment are left.

For work from strangers, put all of it into a container or a virtual machine without network and
with limits of its own.
"""

import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capsedu.errors import CapseduError

INSIDE = Path(__file__).parent / "inside"
MEANWHILE = 1000  # threads that the person who grades may start elsewhere during a run
OWN = ("home", "tmp", "work", "run")  # where student code may write
SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"),
    *("/etc/os-release", "/etc/fonts", "/etc/mime.types"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg"),
    *("/proc/uptime", "/proc/sys", "/proc/filesystems", "/sys/devices/system"),
)


@dataclass(frozen=True)
class Limits:
    """How much a submission may take.

    Attributes:
        seconds: on the clock, for all of it.
        cell_seconds: of the processor, for one cell.
        megabytes: of memory.
        processes: at a time.
        restarts: new kernels after the first.
    """

    seconds: float = 600
    cell_seconds: float = 60
    megabytes: int = 4096
    processes: int = 64
    restarts: int = 4

    def __post_init__(self) -> None:
        for name in ("seconds", "cell_seconds", "megabytes", "processes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0, got {getattr(self, name)}")


@dataclass(frozen=True)
class Walls:
    """What protects here.

    Attributes:
        landlock: its version, 0 for none.
        network: ``"none"``, ``"no TCP"`` or ``"open"``.
        counts_processes: whether the kernel keeps the limit on processes.
    """

    landlock: int
    network: str
    counts_processes: bool

    def holes(self) -> list[str]:
        """A sentence for each protection that is missing on this machine."""
        said = []
        if not self.landlock:
            said.append(
                "this kernel has no Landlock: student code can read the files that you can read"
            )
        elif self.landlock < 6:
            said.append("this kernel is older than 6.12: student code can send signals to yours")
        if self.network != "none":
            said.append(f"student code is not cut off from the network here ({self.network})")
        if not self.counts_processes:
            said.append("you are root, whose processes the kernel does not count")
        return said


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder for one submission, with those of :data:`OWN` and ``lib`` in it.

    ``lib`` has the package and is not for writing: a second kernel must not import what the
    student's code left for it.
    """
    folder = Path(tempfile.mkdtemp(prefix="capsedu-")).resolve()
    try:
        for name in (*OWN, "lib"):
            (folder / name).mkdir()
        (folder / "lib" / "capsedu").symlink_to(_package())
        _share_fonts(folder / "home")
        yield folder
    finally:
        _remove(folder)


def command(folder: Path, limits: Limits) -> list[str]:
    """What starts the confined kernel in ``folder``; jupyter adds the connection file."""
    confined = [sys.executable, str(INSIDE / "confine.py"), json.dumps(policy(folder, limits))]
    return [*confined, sys.executable, str(INSIDE / "kernel.py")]


def policy(folder: Path, limits: Limits) -> dict[str, Any]:
    """What ``inside/confine.py`` leaves to a process."""
    return {
        "read": [*readable(), str(folder / "lib")],
        "write": [*(str(folder / name) for name in OWN), "/dev/null"],
        "memory": limits.megabytes << 20,
        "file_size": 256 << 20,
        "processes": limits.processes + _own_processes() + MEANWHILE,
        "cpu_seconds": int(limits.seconds) + 5,
    }


def readable() -> list[str]:
    """The files and folders that student code may read."""
    from capsedu import paths
    from capsedu.data import data_root

    chosen = [
        sys.prefix,
        sys.base_prefix,
        *site.getsitepackages(),
        *sysconfig.get_paths().values(),
        _package(),
        paths.RECORDS,
        paths.CHECKPOINTS,
    ]
    root = data_root()
    if root.is_dir():
        chosen += [root, *root.iterdir()]
    return [*SYSTEM, *sorted({os.path.realpath(path) for path in chosen} - {"/"})]


def environment(folder: Path, modules: list[str]) -> dict[str, str]:
    """Every variable that student code sees, apart from those Jupyter sets.

    Args:
        folder: from :func:`own_folder`.
        modules: those that the tests import; the guard looks after them.
    """
    from capsedu.data import data_root

    data = data_root()
    return {
        **({"CAPSEDU_DATA": str(data.resolve())} if data.is_dir() else {}),
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "MPLCONFIGDIR": str(folder / "home" / "matplotlib"),
        "PYTHONPATH": str(folder / "lib"),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "CAPSEDU_PROFILE": "smoke",
        "CAPSEDU_GUARDED": ",".join(modules),
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def walls() -> Walls:
    """Try on this machine what the kernel of the operating system can do.

    Raises:
        CapseduError: if a confined process cannot even start.
    """
    with own_folder() as folder:
        tried = subprocess.run(
            [sys.executable, str(INSIDE / "confine.py"), json.dumps(policy(folder, Limits()))],
            capture_output=True,
            text=True,
            env=environment(folder, []),
        )
    if tried.returncode:
        raise CapseduError(f"no confined process starts here: {tried.stderr.strip()[-300:]}")
    return Walls(**json.loads(tried.stdout))


def exposed(source: Path) -> bool:
    """Whether a file lies where student code may read."""
    real = Path(os.path.realpath(source))
    return any(real.is_relative_to(folder) for folder in readable())


def _package() -> Path:
    return Path(__file__).resolve().parents[2]


def _own_processes() -> int:
    """The limit counts all processes of a user, threads too; these are there already."""
    try:
        import psutil

        mine = os.getuid()
        return sum(
            p.info["num_threads"] or 1
            for p in psutil.process_iter(["uids", "num_threads"])
            if p.info["uids"] and p.info["uids"].real == mine
        )
    except ImportError:
        return 4096


def _share_fonts(home: Path) -> None:
    """matplotlib looks for fonts when its folder is new, for seconds; ours knows them already."""
    import matplotlib

    (home / "matplotlib").mkdir()
    for known in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        shutil.copy(known, home / "matplotlib")


def _remove(folder: Path) -> None:
    """Also what a student made very deep or took all rights from; no link is followed."""
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run([*command, str(folder)], stderr=subprocess.DEVNULL)
