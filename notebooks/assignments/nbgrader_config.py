"""Settings for instructors who grade with nbgrader: copy this file into the course's folder.

With them nbgrader's release has the same words in place of a solution as ours.
"""

c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("write this part")'}
c.ClearSolutions.text_stub = "*Your answer here.*"
