"""Assignments: one source each, from which everything else is made.

- :mod:`.source` reads a source and refuses a broken one,
- :mod:`.release` makes the student's notebook and the one for nbgrader,
- :mod:`.submission` fits a student's notebook into the source again,
- :mod:`.sandbox` says where student code may run, and what that does not protect from,
- :mod:`.running` runs it there, :mod:`.grading` keeps the table, :mod:`.feedback` the pages,
- :mod:`.rehearsal` tries planted mistakes in seconds, without Jupyter.
"""
