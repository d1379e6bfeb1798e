"""Runs submissions in worker processes, and gets back what each cell came to."""

import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from capsedu.classroom.assignments import sandbox
from capsedu.classroom.assignments.needs import needed
from capsedu.classroom.assignments.sandbox import Limits
from capsedu.classroom.assignments.submission import ToRun

_START = 120  # seconds on the clock for a worker to start
_MARGIN = 20  # seconds on the clock for a worker to notice that it is to end


class Worker:
    """The process from which the one of each submission is forked.

    It is started when it is needed, and again if something ended it.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 as long as the worker

    def run(self, cells: list[ToRun], modules: list[str], limits: Limits) -> dict[str, dict]:
        """What each cell came to, by its key; cells that were not reached are not in it.

        The key ``""`` has what concerns the whole run: ``{"status": "time"}`` if it was stopped,
        ``{"status": "failed", "evalue": …}`` if the grader itself did not get to the end.
        """
        with sandbox.own_folder() as folder:
            job = {
                "folder": str(folder),
                "command": sandbox.command(folder, limits),
                "env": sandbox.environment(folder, modules),
                "cells": [asdict(cell) for cell in cells],
                "memory": limits.megabytes << 20,
                **{k: v for k, v in asdict(limits).items() if k != "megabytes"},
            }
            try:
                return self._outcomes(job, limits.seconds)
            finally:
                if self.process is not None:
                    end_descendants(self.process.pid)

    def _outcomes(self, job: dict[str, Any], seconds: float) -> dict[str, dict]:
        self._send(job)
        deadline = time.monotonic() + _START
        outcomes: dict[str, dict] = {"": {"status": "ok"}}
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                if outcomes[""]["status"] == "time":  # it does not even end
                    self.close()
                    return outcomes
                outcomes[""] = {"status": "time"}
                end_descendants(self.process.pid)
                deadline = time.monotonic() + _MARGIN
                continue
            told = json.loads(line) if line else {"failed": self._last_words()}
            if "process" in told:
                deadline = time.monotonic() + seconds
            elif "key" in told:
                outcomes[told.pop("key")] = told
            elif "failed" in told:
                outcomes[""] = {"status": "failed", "evalue": told["failed"]}
                if line is None:
                    self.close()
                    return outcomes
            elif "ended" in told:
                if told["ended"] and outcomes[""]["status"] == "ok":
                    outcomes[""] = {"status": "failed", "evalue": "something ended the worker"}
                return outcomes

    def _send(self, job: dict[str, Any]) -> None:
        if self.process is None or self.process.poll() is not None:
            self._start()
        self.process.stdin.write((json.dumps(job) + "\n").encode())
        self.process.stdin.flush()

    def _start(self) -> None:
        for library in ("papermill", "psutil"):
            needed(library)
        self.lines = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, str(sandbox.INSIDE / "worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,
        )
        threading.Thread(target=_read, args=(self.process.stdout, self.lines), daemon=True).start()

    def _last_words(self) -> str:
        self.errors.seek(0)
        return self.errors.read()[-300:].decode(errors="replace") or "the worker ended"

    def close(self) -> None:
        """End the worker and all that came from it."""
        if self.process is not None:
            end_descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process = None


@contextmanager
def worker() -> Iterator[Worker]:
    """A worker for a batch; whatever ends the batch ends it too."""
    made = Worker()
    try:
        yield made
    finally:
        made.close()


def end_descendants(process: int) -> None:
    """Kill all that came from a process, but not the process itself."""
    psutil = needed("psutil")
    for _ in range(50):
        try:
            living = [
                p
                for p in psutil.Process(process).children(recursive=True)
                if p.status() != psutil.STATUS_ZOMBIE
            ]
        except psutil.NoSuchProcess:
            return
        if not living:
            return
        for action in ("suspend", "kill"):
            for each in living:
                try:
                    getattr(each, action)()
                except psutil.Error:
                    continue
        time.sleep(0.02)


def _read(stream, lines: queue.Queue) -> None:
    for line in stream:
        lines.put(line.decode(errors="replace"))
    lines.put(None)
