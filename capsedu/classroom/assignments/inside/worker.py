"""Runs submissions with papermill, each in a process forked from this one.

    python worker.py        jobs come as lines of JSON on standard input, outcomes go out the same

This is the grader's side: no student code runs here. The cells arrive here with the hidden tests
in them, go on to the kernel one at a time, and nothing of them is written to a file. An outcome is
told after each cell, so that what was earned is known even if all of this is killed.
"""

import asyncio
import ctypes
import json
import os
import secrets
import sys
import time
import warnings
from typing import Any

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbclient.util import run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from processes import family, hold_more, kill_family, processor_seconds

MARK = "#%% test of the assignment\n"  # as in kernel.py
PAUSE = 0.2  # seconds between two looks at the kernel
SLEEP = 30.0  # seconds on the clock beyond three times those of the processor
GRACE = 2.0  # seconds for an interrupted cell to end
PRINTED = 10 << 20  # characters that a cell may print
MESSAGE = 4 << 20  # bytes; a larger message is dropped, with its connection
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36


class Manager(AsyncKernelManager):
    """Starts the kernel inside its walls, and talks with it through files of its own folder."""

    def __init__(self, job: dict[str, Any]) -> None:
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, MESSAGE)
        context.setsockopt(zmq.RCVHWM, 50)
        super().__init__(
            transport="ipc",
            connection_file=f"{job['folder']}/run/{secrets.token_hex(4)}.json",
            context=context,
            shutdown_wait_time=0.5,
        )
        self._kernel_spec = KernelSpec(
            argv=[*job["command"], "-f", "{connection_file}", "--HistoryManager.enabled=False"],
            language="python",
            display_name="confined",
        )


class Client(PapermillNotebookClient):
    """Runs every cell, whatever the cells before it did."""

    def __init__(self, nb_man: Any, job: dict[str, Any], tell: Any) -> None:
        super().__init__(nb_man, allow_errors=True, raise_on_iopub_timeout=False, timeout=None)
        self.job, self.tell = job, tell
        self.startup_timeout = int(job["seconds"])
        self.banned: set[int] = set()  # cells not to run again
        self.reply: dict[str, Any] = {}
        self.printed, self.why, self.starts = 0, "", 0
        self.on_cell_executed = self._keep_reply

    def _keep_reply(self, execute_reply: Any, **_: Any) -> None:
        self.reply = execute_reply["content"] if execute_reply else {}

    def execute(self, **_: Any) -> Any:
        self.reset_execution_trackers()
        try:
            self.papermill_execute_cells()
        finally:
            self._stop()
        return self.nb

    def papermill_execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            self.nb_man.cell_start(cell, index)
            self.tell({"key": cell.metadata.capsedu.key, **self._outcome(index)})
            self.nb_man.cell_complete(cell, cell_index=index)

    def _outcome(self, index: int) -> dict[str, Any]:
        start = time.monotonic()
        try:
            if not self._alive():
                self._start_again(index)
            status = self._run(index)
        except (DeadKernelError, RuntimeError) as error:
            self.banned.add(index)
            status = {"status": self.why or "died", "evalue": str(error)[:200]}
            self._stop()
        except Exception as error:  # whatever a message that is none leads Jupyter's client to
            self.banned.add(index)
            status = {"status": "garbled", "evalue": str(error)[:200]}
            self._stop()
        return {**status, "seconds": round(time.monotonic() - start, 2)}

    def _start_again(self, index: int) -> None:
        """A new kernel, in which earlier cells have run: all but tests and culprits."""
        self.why = "skipped"
        if self.starts > self.job["restarts"]:
            raise DeadKernelError("no new start is left")
        self.starts, self.why = self.starts + 1, "died"
        self.km = Manager(self.job)
        self.start_new_kernel(
            cwd=f"{self.job['folder']}/work",
            env=dict(self.job["env"]),
            stdout=ignored(),
            stderr=ignored(),
        )
        self.start_new_kernel_client()
        for earlier, cell in enumerate(self.nb.cells[:index]):
            if earlier not in self.banned and cell.metadata.capsedu.role != "test":
                self._run(earlier)

    def _run(self, index: int) -> dict[str, Any]:
        cell = self.nb.cells[index]
        told, token = cell.source, secrets.token_hex(16)
        if cell.metadata.capsedu.role == "test":
            request = {"code": told, "name": cell.metadata.capsedu.name, "token": token}
            cell.source = MARK + json.dumps(request)
        self.reply, self.why, self.printed = {}, "", 0
        try:
            self.execute_cell(cell, index)
        finally:
            cell.source, cell.outputs = told, []
        return self._told(cell, token)

    def _told(self, cell: Any, token: str) -> dict[str, Any]:
        reply = self.reply
        if cell.metadata.capsedu.role == "test" and reply.get("capsedu") != token and not self.why:
            return {"status": "forged"}
        if reply.get("status") == "ok" and not self.why:
            return {"status": "ok"}
        words = {k: str(reply.get(k, ""))[:600] for k in ("ename", "evalue", "name", "line")}
        return {"status": self.why or "error", **words}

    async def async_execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        watch = asyncio.ensure_future(self._watch())
        try:
            return await super().async_execute_cell(cell, cell_index, **options)
        finally:
            watch.cancel()

    execute_cell = run_sync(async_execute_cell)

    async def _watch(self) -> None:
        """Interrupts a cell that takes too much time or prints too much; then kills the kernel.

        Processor time counts, so that a busy machine fails nobody; on the clock, a cell that
        sleeps may take longer.
        """
        begun, first = time.monotonic(), processor_seconds(family())
        limit, interrupted = self.job["cell_seconds"], None
        while True:
            await asyncio.sleep(PAUSE)
            processes = family()
            spent, passed = processor_seconds(processes) - first, time.monotonic() - begun
            if len(processes) > self.job["processes"]:
                self.why = "processes"
            elif hold_more(processes, 1.25 * self.job["memory"]):
                self.why = "memory"
            elif interrupted:
                before, at = interrupted
                if spent < before + GRACE and passed < at + 5 * GRACE:
                    continue
            else:
                slow = spent > limit or passed > 3 * limit + SLEEP
                self.why = "time" if slow else "printed" if self.printed > PRINTED else ""
                if self.why:
                    interrupted = spent, passed
                    await self.km.interrupt_kernel()
                continue
            kill_family()
            return

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "error"):
            self.printed += len(str(msg["content"])) + 200
            return None
        if msg["msg_type"].startswith("comm"):
            return None
        return super().process_message(msg, cell, cell_index)

    def _alive(self) -> bool:
        return self.km is not None and run_sync(self.km.is_alive)()

    def _stop(self) -> None:
        kill_family()
        if self.kc is not None:
            self.kc.stop_channels()
        if self.km is not None:
            run_sync(self.km.cleanup_resources)()
        self.km = self.kc = None


class GradingEngine(Engine):
    """papermill's way to bring in another executor."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        Client(nb_man, options["job"], options["tell"]).execute()


def ignored() -> int:
    """A file that swallows what is written to it."""
    return os.open(os.devnull, os.O_RDWR)


def run(job: dict[str, Any], tell: Any) -> None:
    """Run one submission's cells."""
    cells = []
    for told in job["cells"]:
        cell = nbformat.v4.new_code_cell(told["source"])
        cell.metadata["capsedu"] = {k: told[k] for k in ("key", "role", "name")}
        cells.append(cell)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"papermill": {}})
    papermill_engines.register("capsedu", GradingEngine)
    papermill_engines.execute_notebook_with_engine(
        "capsedu", notebook, "python3", progress_bar=False, job=job, tell=tell
    )


def main() -> None:
    """Take jobs until standard input ends."""
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(ignored(), 1)
    libc = ctypes.CDLL(None)
    if sys.platform == "linux":
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # nobody may read this process's memory

    def tell(outcome: dict[str, Any]) -> None:
        out.write(json.dumps(outcome) + "\n")

    while line := sys.stdin.buffer.readline():
        child = os.fork()
        if not child:
            os.setsid()
            os.dup2(ignored(), 0)
            if sys.platform == "linux":
                libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            code = 1
            try:
                tell({"process": os.getpid()})
                run(json.loads(line), tell)
                code = 0
            except BaseException as error:
                tell({"failed": f"{type(error).__name__}: {error}"[:300]})
            finally:
                kill_family()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        tell({"ended": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    main()
