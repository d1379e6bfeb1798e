"""What runs in other processes, started by its path: nothing here imports the package.

``worker.py`` is the grader's side; ``confine.py``, ``kernel.py`` and ``guard.py`` are there
when the student's code runs. See :mod:`capsedu.classroom.assignments.sandbox`.
"""
