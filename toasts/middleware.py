"""ToastMiddleware adds the browser client to the site's pages. It changes no other byte of them."""

from __future__ import annotations

import codecs
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from .conf import conf
from .html import nonce_of, snippet

logger = logging.getLogger("toasts")

MAX_PAGE = 5 * 1024 * 1024
"""In bytes. Larger pages don't get the client, because inserting copies the page."""
TAIL = 64 * 1024
"""In bytes. The end tag of the body is searched only in this last part of a page."""
WITHOUT_WHOLE_PAGE = (204, 205, 206)
"""Statuses of success without a body, or with a part of one."""
OUTDATED_HEADERS = (
    "ETag",
    "Content-MD5",
    "Digest",
    "Content-Digest",
    "Repr-Digest",
    "Accept-Ranges",
)
"""Headers that describe or promise the bytes that the view wrote."""
NOT_WITH_GEVENT = (
    "Pages lack the toasts client: toasts.middleware.ToastMiddleware needs an event loop, and"
    " gevent's workers can't run one for each request. Put toasts.middleware.WSGIToastMiddleware in"
    " its place in MIDDLEWARE."
)

# For lower-cased bytes. The quantifiers are possessive, so that no page makes it backtrack.
_END_OF_PAGE = re.compile(
    rb"</body[ \t\n\f\r]*+>(?:[ \t\n\f\r]|<!--.*?-->|</html[ \t\n\f\r]*+>)*+\Z", re.DOTALL
)
_CLIENT = re.compile(rb"<script\b[^<>]*\sdata-toasts[\s=>]", re.IGNORECASE)
_POPUP = re.compile(r"(?:^|&)_popup=")
# Stateful encodings: what a byte means depends on earlier bytes, so ASCII may not be ASCII.
_STATEFUL = re.compile(r"hz|utf-7|iso2022")

_View = TypeVar("_View", bound=Callable[..., Any])


class ToastMiddleware:
    """Add the client to every HTML page.

    It is async only: an async site runs it without a thread. Under WSGI, Django starts an event
    loop for it with each page; use `WSGIToastMiddleware` there, as toasts.W017 says.

    Place it below (inside) middleware that writes CSP headers, compresses, caches or sets ETags;
    check toasts.W004 reports a wrong order. It uses neither the session nor the user, and adds no
    Vary (but with ``TOASTS_INJECT = "session"``).
    """

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        if _has_greenlets():
            logger.error(NOT_WITH_GEVENT)
            raise MiddlewareNotUsed(NOT_WITH_GEVENT)
        self.get_response = get_response
        # Without the mark, Django would call it like a plain function.
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return _with_client(request, await self.get_response(request))


class WSGIToastMiddleware(ToastMiddleware):
    """ToastMiddleware for sites that WSGI serves, alone or beside ASGI.

    Under WSGI it is a plain function call, without an event loop. So it works in gevent's workers,
    too. Under ASGI it is what `ToastMiddleware` is.
    """

    sync_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            super().__init__(get_response)
        self.get_response = get_response

    def __call__(  # type: ignore[override]  # what Django expects of middleware for both
        self, request: HttpRequest
    ) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return super().__call__(request)
        return _with_client(request, cast(HttpResponseBase, self.get_response(request)))


def _has_greenlets() -> bool:
    """Return whether gevent has replaced the threads of this process.

    Requests then share one thread, in which only one event loop can run at a time.
    """
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _with_client(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the response, with the client if it is a page that should have it. Never raises."""
    try:
        if should_inject(request, response):
            # Only here, because reading the nonce puts it into the site's CSP header.
            inject(cast(HttpResponse, response), snippet(nonce_of(request)).encode("ascii"))
    except Exception:
        logger.exception("Left %r without the toasts client", request.path)
    return response


def toasts_exempt(view: _View) -> _View:
    """Mark a view whose pages the middleware does not change.

    Args:
        view: a view function or method, sync or async.

    Returns:
        A view of the same kind.
    """
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
    """Return whether `response` is a whole HTML page that lacks the client.

    What sends the request does not matter: a browser, htmx, Turbo or any other script. A cache may
    keep the page for all of them, and a script that fetches a whole page may put it in the place of
    the current one. In a page that has the client, a second one does nothing.

    Error pages (4xx and 5xx) are included: a user who waits for "Your export is ready" may be on
    one, and the client does not need what is broken. For HEAD the same rules apply. So the length
    is that of GET, if the view makes the page for both.
    """
    return (
        conf.inject != "never"
        and not _POPUP.search(request.META.get("QUERY_STRING", ""))
        and isinstance(response, HttpResponse)
        and _is_page(response)
        and _lacks_client(response.content)
        and (conf.inject == "always" or _has_session(request, response))
    )


def _has_session(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether the browser has a session, and note in Vary that the page depends on it."""
    patch_vary_headers(response, ["Cookie"])
    return conf.session_cookie_name in request.COOKIES


def _is_page(response: HttpResponse) -> bool:
    """Return whether this is an HTML page that browsers show, and whose bytes can be edited."""
    return (
        not response.closed
        and getattr(response, "is_rendered", True)
        and not getattr(response, "toasts_exempt", False)
        and _is_shown(response.status_code)
        and _is_plain_html(response.headers)
        and _keeps_ascii(response.charset)
    )


def _is_shown(status: int) -> bool:
    # Browsers don't show the body of a redirect.
    return status >= 400 or (200 <= status < 300 and status not in WITHOUT_WHOLE_PAGE)


def _is_plain_html(headers: Mapping[str, str]) -> bool:
    # Not XHTML: the snippet is HTML, and an XML parser would refuse the page. An unknown
    # disposition means attachment (RFC 6266, section 4.2).
    return (
        _first_word(headers, "Content-Type", "") == "text/html"
        and _first_word(headers, "Content-Disposition", "inline") == "inline"
        and headers.get("Content-Encoding", "identity").strip().lower() == "identity"
        and "Content-Range" not in headers
    )


def _first_word(headers: Mapping[str, str], name: str, default: str) -> str:
    """Return a header's value without its parameters, in lower case."""
    return headers.get(name, default).partition(";")[0].strip().lower()


@lru_cache(maxsize=64)
def _keeps_ascii(charset: str) -> bool:
    """Return whether ASCII bytes mean ASCII characters in this encoding."""
    try:
        name = codecs.lookup(charset).name
        return not _STATEFUL.match(name) and "</body>".encode(name) == b"</body>"
    except (LookupError, ValueError):
        return False


def _lacks_client(content: bytes) -> bool:
    if len(content) > MAX_PAGE or _end_of_body(content) is None:
        return False
    # First the plain search, which is fast: almost no page has these bytes.
    return b"data-toasts" not in content or not _CLIENT.search(content)


def inject(response: HttpResponse, tags: bytes) -> None:
    """Insert `tags` before the </body> at the end of a page. Change nothing if there is none.

    A Content-Length is corrected. Headers that describe the old bytes are removed.
    """
    content = response.content
    position = _end_of_body(content)
    if position is None:
        return
    response.content = content[:position] + tags + content[position:]
    if "Content-Length" in response.headers:
        response.headers["Content-Length"] = str(len(response.content))
    for name in OUTDATED_HEADERS:
        if name in response.headers:
            del response.headers[name]


def _end_of_body(content: bytes) -> int | None:
    """Return the offset of the last </body>, if only </html>, comments and spaces follow it."""
    tail = content[-TAIL:].lower()
    position = tail.rfind(b"</body")
    if position < 0 or not _END_OF_PAGE.match(tail, position):
        return None
    return len(content) - len(tail) + position
