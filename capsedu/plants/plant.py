"""What a planted mistake is."""

import ast
import difflib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, fields

from capsedu.plants.em import EM


@dataclass(frozen=True)
class Plant:
    """One mistake, beside what it should have been.

    Attributes:
        name: as in the experiment ``wrong-capsules-NAME``.
        title: what is wrong, in a few words.
        seen: in what kind of code, and how it comes about.
        role: which piece of :class:`capsedu.plants.networks.Parts`,
            :class:`~capsedu.plants.em.EM` or a GAN's step it replaces.
        right: the piece as it should be.
        wrong: the piece with the mistake.
        test: a property in one line: whether it holds for a piece; of EM routing, for the
            whole that has this piece in it.
    """

    name: str
    title: str
    seen: str
    role: str
    right: Callable
    wrong: Callable
    test: Callable[[Callable], bool]

    def holds(self, piece: Callable) -> bool:
        """Whether :attr:`test` says that ``piece`` is right."""
        in_em = self.role in {field.name for field in fields(EM)}
        return self.test(EM(**{self.role: piece}) if in_em else piece)

    @property
    def is_em(self) -> bool:
        """Whether it belongs to matrix capsules."""
        return self.name.startswith("em-")

    @property
    def claim(self) -> str:
        """The test's name, in words."""
        return self.test.__name__.replace("_", " ")

    @property
    def experiment(self) -> str | None:
        """The experiment that trains with it; a GAN's is only shown in a few steps."""
        return None if self.role == "judge" else f"wrong-capsules-{self.name}"


def changed_lines(plant: Plant) -> str:
    """The lines that differ, ``-`` as it should be and ``+`` as it was planted."""
    right, wrong = (_body(piece) for piece in (plant.right, plant.wrong))
    lines = difflib.ndiff(right, wrong)
    return "\n".join(line for line in lines if line[0] in "-+")


def _body(piece: Callable) -> list[str]:
    """The lines of a function behind its head and its docstring."""
    source = textwrap.dedent(inspect.getsource(piece))
    (function,) = ast.parse(source).body
    docstring = function.body[0]
    lines = source.splitlines()[docstring.end_lineno :]
    return [line.strip() for line in lines if line.strip()]
