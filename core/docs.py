"""The files of docs/, as pages of this site."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils._os import safe_join
from django.utils.safestring import mark_safe
from markdown_it import MarkdownIt

DOCS = Path(__file__).resolve().parent.parent / "docs"
IMAGES = {".png": "image/png", ".svg": "image/svg+xml"}


def docs(request: HttpRequest, name: str) -> HttpResponse:
    """A file of docs/, at the address that links between the files expect."""
    path = _found(name)
    if path.suffix != ".md":  # an image, or a sample of a server's settings
        kind = IMAGES.get(path.suffix, "text/plain; charset=utf-8")
        return HttpResponse(path.read_bytes(), content_type=kind)
    title, html = _rendered(path, path.stat().st_mtime_ns)
    return render(request, "site/docs.html", {"title": title, "html": mark_safe(html)})


def _found(name: str) -> Path:
    try:
        path = Path(safe_join(DOCS, name))
    except (SuspiciousFileOperation, ValueError):  # above the folder; with a null character
        raise Http404(f"Not in docs: {name!r}.") from None
    if not path.is_file():
        raise Http404(f"Not in docs: {name!r}.")
    return path


@cache
def _rendered(path: Path, changed: int) -> tuple[str, str]:
    """The page's title and its HTML, made anew when the file has changed."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(path.read_text())
    title = path.stem
    for token, inside in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(inside.content))
            title = inside.content if token.tag == "h1" else title
    return title, markdown.renderer.render(tokens, markdown.options, {})


def _anchor(heading: str) -> str:
    """As GitHub makes them: the files are read there, too."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
