"""A Sphinx extension: ``{explorer} name`` puts an explorer into a page of prose."""

from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from capsedu.explore import explorers


class Explorer(SphinxDirective):
    """The explorer of that name in its start state."""

    required_arguments = 1
    option_spec: ClassVar[dict] = {}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in explorers.__all__:
            raise self.error(f"no explorer {name!r}; there are: {', '.join(explorers.__all__)}")
        return [nodes.raw("", getattr(explorers, name)().html, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("explorer", Explorer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
