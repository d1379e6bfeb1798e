"""Time and memory of contenders that live in processes of their own."""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.workload import Step, Workload
from benchmarks.workloads import WORKLOADS
from capsedu.errors import CapseduError

ALLOCATORS = ("default", "large-blocks")


def measure(
    key: str, allocator: str, repeats: int, done: Callable[[], None]
) -> dict[str, dict[str, float | None]]:
    """Seconds per step and peak extra MiB of every contender of a workload.

    Each contender lives in a fresh process of its own. Its first steps tell its memory and
    warm it up; where a compiler is at work, the very first step is timed apart. Then the
    contenders are timed in turn, A B C A B C ..., so that whatever else the machine is doing
    falls on all of them alike. Only one of them runs at a time.

    Args:
        key: of the workload in ``WORKLOADS``.
        allocator: one of ``ALLOCATORS``.
        repeats: rounds of timing; the workload may want fewer.
        done: called as often as :func:`stages` says.

    Returns:
        By contender: ``seconds`` (median), ``extra_mib`` (None where the system does not
        tell) and, where a compiler is at work, ``first_seconds``, the first step's.
    """
    workload = WORKLOADS[key]
    contenders = workload.contenders
    figures: dict[str, dict[str, float | None]] = {name: {} for name in contenders}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    with ExitStack() as stack:
        ask = {c: stack.enter_context(_worker(key, c, allocator)) for c in contenders}
        for name in contenders:
            if workload.compiles:
                figures[name]["first_seconds"] = ask[name]("first")
            figures[name]["extra_mib"] = ask[name]("memory")
            done()
        for _ in range(workload.rounds(repeats)):
            for name in contenders:
                times[name].append(ask[name]("time"))
            done()
    return {c: {"seconds": median(times[c]), **figures[c]} for c in contenders}


def stages(workload: Workload, repeats: int) -> int:
    """Into how many stages of work :func:`measure` divides a workload."""
    return len(workload.contenders) + workload.rounds(repeats)


@contextmanager
def _worker(key: str, contender: str, allocator: str) -> Iterator[Callable[[str], float | None]]:
    """A process that holds one contender and answers ``"first"``, ``"memory"``, ``"time"``."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(there, key, contender, allocator), daemon=True)
    process.start()
    there.close()

    def ask(question: str) -> float | None:
        try:
            here.send(question)
            return here.recv()
        except (EOFError, OSError) as error:
            process.join()
            raise CapseduError(
                f"the process that ran {contender!r} in {key!r} ended with exit code "
                f"{process.exitcode}; too little memory is the usual reason"
            ) from error

    try:
        yield ask
    finally:
        here.close()
        process.join()


def _serve(connection: Connection, key: str, contender: str, allocator: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who closes the pipe
    if allocator == "large-blocks":
        keep_large_blocks()
    with TemporaryDirectory() as compiled:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = compiled  # nothing is there from last time
        step = WORKLOADS[key].prepare(contender)
        answers = {
            "first": lambda: _first_seconds(step),
            "memory": lambda: _peak_extra_mib(step),
            "time": lambda: _seconds(step),
        }
        while True:
            try:
                question = connection.recv()
            except EOFError:  # the measuring is over
                return
            connection.send(answers[question]())


def keep_large_blocks() -> None:
    """Tell glibc to keep freed memory instead of giving every large tensor's pages back.

    Does nothing where there is no glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        m_trim_threshold, m_mmap_threshold = -1, -3
        mallopt(m_mmap_threshold, 2**30)
        mallopt(m_trim_threshold, 2**31 - 1)


def _first_seconds(step: Step) -> float:
    """Time of a step; what it leaves behind unused goes back to the system."""
    seconds = _seconds(step)
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
    return seconds


def _seconds(step: Step) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def _peak_extra_mib(step: Step) -> float | None:
    """Highest resident memory during two steps, above the level before them.

    For the first steps it counts everything that a training needs beside the weights:
    activations, gradients, the optimiser's state, the libraries' own buffers. After a step
    that is timed apart, the optimiser's state is there already. None where the system does
    not tell.
    """
    peak = Path("/proc/self/clear_refs")
    gc.collect()
    if peak.exists():
        peak.write_text("5")  # the peak starts again from the present level
        before = _status_mib("VmRSS")
    for _ in range(2):
        step()
    return _status_mib("VmHWM") - before if peak.exists() else None


def _status_mib(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise CapseduError(f"/proc/self/status does not tell {field}")
