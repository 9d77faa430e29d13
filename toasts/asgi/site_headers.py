"""The headers that the site's middleware adds to every response, for streams that don't pass it.

The middleware itself is asked for them, so settings, subclasses and new versions of Django count.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.utils.module_loading import import_string

from ..conf import conf
from ..realtime.sse import HEADERS

ADDING = frozenset(
    {
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    }
)
"""Middleware that adds headers which depend only on the settings, and on whether TLS is used."""

Headers = tuple[tuple[bytes, bytes], ...]


def stream_headers(secure: bool) -> Headers:
    """Return the headers of a stream's response, as they would come back through the middleware.

    Args:
        secure: whether the request came by TLS.
    """
    response: Any = HttpResponse(headers=HEADERS)
    request = ASGIRequest(_scope("https" if secure else "http"), BytesIO())
    for path in reversed(conf.middleware):
        if path in ADDING:
            response = import_string(path)(_unused).process_response(request, response)
    return tuple((name.lower().encode(), value.encode()) for name, value in response.items())


def _unused(request: Any) -> HttpResponse:
    raise NotImplementedError  # only the middleware's part after the view runs


def _scope(scheme: str) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "scheme": scheme, "path": "/", "headers": []}
