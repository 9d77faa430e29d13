"""The documentation as pages of this site: built by `make docs`, or else rendered from Markdown."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils._os import safe_join
from django.utils.safestring import mark_safe
from markdown_it import MarkdownIt

SOURCE = Path(__file__).resolve().parent.parent / "docs"
# Not mimetypes: what that answers depends on the machine, and browsers are told not to guess.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".inv": "application/octet-stream",
    ".js": "text/javascript; charset=utf-8",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
PLAIN = "text/plain; charset=utf-8"


def docs(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with a page or a file of the documentation.

    A page has two addresses: the name of its Markdown file, to which the links between those files
    and the site's own pages lead, and that of the built page.
    """
    path = _find(name)
    if path.suffix == ".md":
        title, html = _rendered(path, path.stat().st_mtime_ns)
        return render(request, "site/docs.html", {"title": title, "html": mark_safe(html)})
    content_type = CONTENT_TYPES.get(path.suffix, PLAIN)
    return HttpResponse(path.read_bytes(), content_type=content_type)


def _find(name: str) -> Path:
    """Return the file for an address: the built one, if there is one.

    Raises:
        Http404: neither folder has it.
    """
    built = re.sub(r"\.md$", ".html", name)
    page = re.sub(r"\.html$", ".md", name)
    found = _file(settings.DOCS_ROOT, built) or _file(SOURCE, name) or _file(SOURCE, page)
    if found is None:
        raise Http404(f"Not in docs: {name!r}.")
    return found


def _file(folder: Path, name: str) -> Path | None:
    """Return the file of this name in the folder; None for one that is missing or outside of it."""
    try:
        path = Path(safe_join(folder, name))
    except (SuspiciousFileOperation, ValueError):  # above the folder; with a null character
        return None
    return path if path.is_file() else None


@cache
def _rendered(path: Path, changed: int) -> tuple[str, str]:
    """Return the title and the HTML of a Markdown file, rendered anew when the file has changed."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(path.read_text())
    title = path.stem
    for token, inside in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(inside.content))
            title = inside.content if token.tag == "h1" else title
    return title, markdown.renderer.render(tokens, markdown.options, {})


def _anchor(heading: str) -> str:
    """Return a heading's anchor as GitHub makes it: the files are read there, too."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
