"""Puts the browser client into the site's pages, by bytes, touching nothing else."""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from .conf import conf
from .html import nonce_of, snippet

logger = logging.getLogger("toasts")

MAX_PAGE = 5 * 1024 * 1024  # bytes; inserting copies the page
TAIL = 64 * 1024  # bytes at the end of a page in which its </body> is looked for

# For lower-cased bytes; possessive, so that no page makes it backtrack.
_END_OF_PAGE = re.compile(
    rb"</body[ \t\n\f\r]*+>(?:[ \t\n\f\r]|<!--.*?-->|</html[ \t\n\f\r]*+>)*+\Z", re.DOTALL
)
_CLIENT = re.compile(rb"<script\b[^<>]*\sdata-toasts[\s=>]", re.IGNORECASE)
_POPUP = re.compile(r"(?:^|&)_popup=")
# They change meaning with what stands before: ASCII bytes are not always ASCII text in them.
_STATEFUL = re.compile(r"hz|utf-7|iso2022")
# They describe, or promise something about, the bytes that the view wrote.
_OUTDATED = (
    "ETag",
    "Content-MD5",
    "Digest",
    "Content-Digest",
    "Repr-Digest",
    "Accept-Ranges",
)

_View = TypeVar("_View", bound=Callable[..., Any])


class ToastMiddleware:
    """Adds the client to every HTML page that leaves through it.

    Async-only: an async site runs it without a thread; under WSGI Django adapts it. It belongs
    below (inside) middleware that writes CSP headers, compresses, caches or sets ETags; check
    toasts.W004 tells. It reads neither session nor user and adds no Vary.
    """

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        # Without the mark, the middleware outside would take this for a plain function.
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = await self.get_response(request)
        try:
            if should_inject(request, response):
                # The nonce is asked for only here: asking puts it into the site's CSP header.
                inject(cast(HttpResponse, response), snippet(nonce_of(request)).encode("ascii"))
        except Exception:
            logger.exception("Left %r without the toasts client", request.path)
        return response


def toasts_exempt(view: _View) -> _View:
    """Mark a view, sync or async, whose pages the middleware leaves alone."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def async_wrapped(*args: Any, **kwargs: Any) -> Any:
            return _exempt(await view(*args, **kwargs))

        return cast(_View, async_wrapped)

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return _exempt(view(*args, **kwargs))

    return cast(_View, wrapped)


def _exempt(response: Any) -> Any:
    response.toasts_exempt = True
    return response


def should_inject(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether `response` is a whole HTML page that a person will look at, and lacks the client.

    Error pages (4xx, 5xx) count: whoever waits for "your export is ready" and meets a 404 should
    be told there too, and the client needs nothing of what may be broken. The length of a HEAD
    response follows from the same rules: where the view made the page, it is as long as GET's.
    """
    return (
        _site_wants(request)
        and _asks_for_page(request)
        and isinstance(response, HttpResponse)
        and _is_page(response)
        and _has_place(response)
    )


def _site_wants(request: HttpRequest) -> bool:
    if conf.inject == "session":
        return conf.session_cookie_name in request.COOKIES
    return conf.inject != "never"


def _asks_for_page(request: HttpRequest) -> bool:
    """False for what a script fetches, for parts of pages, and for the admin's popups."""
    meta = request.META
    if any(header in meta for header in ("HTTP_TURBO_FRAME", "HTTP_X_PJAX", "HTTP_RANGE")):
        return False
    if _POPUP.search(meta.get("QUERY_STRING", "")):
        return False
    if _navigates_by_script(meta):
        return True
    # Android's WebView sends the app's dotted package name with every page it opens.
    if "." not in meta.get("HTTP_X_REQUESTED_WITH", "."):
        return False
    return "HTTP_HX_REQUEST" not in meta and _destination_is_page(meta)


def _navigates_by_script(meta: dict[str, Any]) -> bool:
    """Whether htmx or Turbo fetches a whole page, which then takes the place of this one.

    The browser calls these fetches (Sec-Fetch-Dest: empty). The client must come with them: the
    page before may have had none, and the new one is another user's after a login.
    """
    return (
        meta.get("HTTP_HX_BOOSTED") == "true"
        or meta.get("HTTP_HX_HISTORY_RESTORE_REQUEST") == "true"
        or "HTTP_X_TURBO_REQUEST_ID" in meta
    )


def _destination_is_page(meta: dict[str, Any]) -> bool:
    # Absent in old browsers and on plain HTTP.
    destination = meta.get("HTTP_SEC_FETCH_DEST", "document")
    return destination in ("document", "iframe", "frame")


def _is_page(response: HttpResponse) -> bool:
    """False for what is no HTML page, what is not shown, and what cannot be edited by bytes."""
    headers = response.headers
    return not (
        response.closed
        or not getattr(response, "is_rendered", True)
        or getattr(response, "toasts_exempt", False)
        or not _is_shown(response.status_code)
        # Not XHTML: the snippet is HTML, and an XML parser refuses the whole page for it.
        or headers.get("Content-Type", "").partition(";")[0].strip().lower() != "text/html"
        or headers.get("Content-Encoding", "identity").strip().lower() != "identity"
        or "Content-Range" in headers
        # A disposition that is not known counts as attachment (RFC 6266, section 4.2).
        or headers.get("Content-Disposition", "inline").partition(";")[0].strip().lower()
        != "inline"
        or not _keeps_ascii(response.charset)
    )


def _is_shown(status: int) -> bool:
    # 204 and 205 have no body, 206 has a part of one, browsers do not show a redirect's.
    return status >= 400 or (200 <= status < 300 and status not in (204, 205, 206))


@lru_cache(maxsize=64)
def _keeps_ascii(charset: str) -> bool:
    try:
        name = codecs.lookup(charset).name
        return not _STATEFUL.match(name) and "</body>".encode(name) == b"</body>"
    except (LookupError, ValueError):
        return False


def _has_place(response: HttpResponse) -> bool:
    content = response.content
    return (
        len(content) <= MAX_PAGE
        and _place(content) is not None
        # The plain search first: it is what almost every page is done with.
        and not (b"data-toasts" in content and _CLIENT.search(content))
    )


def inject(response: HttpResponse, tags: bytes) -> None:
    """Insert `tags` before the </body> that ends the page; without one, change nothing.

    Content-Length is corrected where there is one; headers that speak of the old bytes go.
    """
    content = response.content
    place = _place(content)
    if place is None:
        return
    response.content = content[:place] + tags + content[place:]
    if "Content-Length" in response.headers:
        response.headers["Content-Length"] = str(len(response.content))
    for name in _OUTDATED:
        if name in response.headers:
            del response.headers[name]


def _place(content: bytes) -> int | None:
    """The offset of the last </body>, if nothing but ``</html>``, comments and space follow it."""
    tail = content[-TAIL:].lower()
    place = tail.rfind(b"</body")
    if place < 0 or not _END_OF_PAGE.match(tail, place):
        return None
    return len(content) - len(tail) + place
