"""The checks, one file per chapter, with the chapter's name: ``03_dynamic_routing.py``.

A check is a function decorated with :func:`capsedu.classroom.attempt.exercise`. It gets the
student's attempt and a random generator, asks for a few answers and ends with an
``expect_*``. Look for the usual mistakes first, by their properties, and name them: "the
couplings of a child sum to 1.7" teaches more than "entry [0, 2] is wrong".
"""
