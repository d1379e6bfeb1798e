"""The kernel that student code runs in: ipykernel, and a way to run a test beside it.

A test arrives as a message when its turn comes. It is not a cell: it leaves no trace in the
history, no transformer of IPython sees it, and its result is the kernel's reply, not text.
"""

import json
import os
import sys

from guard import Guard

sys.path.pop(0)  # the folder of this file, which only the line above needs

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

MARK = "#%% test of the assignment\n"


def kernel_class(guard: Guard) -> type[IPythonKernel]:
    """A kernel that answers tests with ``guard``."""

    class GradingKernel(IPythonKernel):
        async def do_execute(self, code, *arguments, **options):
            if not code.startswith(MARK):
                return await super().do_execute(code, *arguments, **options)
            told = json.loads(code.removeprefix(MARK))
            problem = guard.run(told["code"], told["name"], self.shell.user_ns)
            reply = {"execution_count": 0, "user_expressions": {}, "payload": []}
            reply["capsedu"] = told["token"]
            if problem is None:
                return {**reply, "status": "ok"}
            return {**reply, **problem, "status": "error", "traceback": []}

    return GradingKernel


if __name__ == "__main__":
    modules = [name for name in os.environ.pop("CAPSEDU_GUARDED", "").split(",") if name]
    IPKernelApp.launch_instance(kernel_class=kernel_class(Guard(modules)))
