"""A Sphinx extension: entries of the bibliography are items of a list to a screen reader.

Docutils gives each entry the role `doc-biblioentry`. That role is deprecated, and a list with
such children counts as a list without items.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def visit_citation(translator: HTML5Translator, node: nodes.citation) -> None:
    HTML5Translator.visit_citation(translator, node)
    translator.body[-1] = translator.body[-1].replace("doc-biblioentry", "listitem")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    visitors = (visit_citation, HTML5Translator.depart_citation)
    app.add_node(nodes.citation, override=True, html=visitors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
