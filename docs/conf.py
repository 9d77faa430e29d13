"""Sphinx builds the pages of this folder into build/docs: `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pygments.lexers.sql import PostgresLexer

ROOT = Path(__file__).resolve().parent.parent

project = "Live Toasts"
version = release = re.findall('__version__ = "(.+?)"', (ROOT / "toasts/__init__.py").read_text())[
    0
]

extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["images"]
highlight_language = "none"
myst_heading_anchors = 4  # as GitHub makes them: pages are read there, too

html_theme = "furo"
html_title = project
html_favicon = "../static/site/logo.svg"
html_copy_source = False
html_show_copyright = False
html_use_index = False


def setup(app: Any) -> None:
    """Add the navigation, and the language of the SQL samples."""
    app.connect("source-read", add_navigation)
    app.add_lexer("sql", PostgresLexer)


def add_navigation(app: Any, docname: str, source: list[str]) -> None:
    """Append to the index what Sphinx needs for its sidebar.

    The lists of the index name every page already. GitHub and the demo site show the index, too,
    and would show Sphinx's directive as text.
    """
    if docname == "index":
        source[0] += "\n".join(["", *toctrees(source[0])])


def toctrees(index: str) -> Iterator[str]:
    """Yield a hidden table of contents for each section of the index: its name and its links."""
    for section in re.split(r"^\*\*", index, flags=re.MULTILINE)[1:]:
        pages = re.findall(r"^- \[.+?\]\((.+?)\.md\)", section, re.MULTILINE)
        lines = [":hidden:", f":caption: {section.partition('**')[0]}", "", *pages]
        yield "\n".join(["```{toctree}", *lines, "```", ""])
