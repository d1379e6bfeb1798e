"""What a submission has started, how much it takes, and its end."""

import os
import signal
import time
from collections.abc import Callable

import psutil


def family() -> list[psutil.Process]:
    """Every process that came from this one; orphans come back to it."""
    try:
        return psutil.Process().children(recursive=True)
    except psutil.Error:
        return []


def hold_more(processes: list[psutil.Process], limit: float) -> bool:
    """Whether they hold more than this many bytes of memory; what they share counts once."""
    if sum(_asked(lambda p=p: p.memory_info().rss) for p in processes) <= limit:
        return False
    return sum(_asked(lambda p=p: _own_share(p)) for p in processes) > limit


def _own_share(process: psutil.Process) -> int:
    """Linux's "proportional set size": a page that four processes share counts a quarter."""
    try:
        with open(f"/proc/{process.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return process.memory_info().rss


def processor_seconds(processes: list[psutil.Process]) -> float:
    """Processor time that they and their children have used."""
    return sum(_asked(lambda p=p: sum(p.cpu_times()[:4])) for p in processes)


def _asked(question: Callable[[], float]) -> float:
    try:
        return question()
    except psutil.Error:
        return 0


def kill_family() -> None:
    """Stop them all first, so that none makes another one meanwhile."""
    for _ in range(50):
        living = [p for p in family() if _asked(lambda p=p: p.status() != psutil.STATUS_ZOMBIE)]
        if not living:
            break
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for process in living:
                try:
                    process.send_signal(sign)
                except psutil.Error:
                    continue
        time.sleep(0.02)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
