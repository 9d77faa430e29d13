"""A site with a database for each tenant, which a router chooses by a context variable.

``TENANT_CHOSEN_BY`` is ``middleware``, or ``application``: an ASGI application around toasts' own,
so that Django's own middleware alone decides who a request is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest

current: ContextVar[str] = ContextVar("current", default="default")


class Router:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return current.get()

    db_for_write = db_for_read


def middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    def choose(request: HttpRequest) -> Any:
        token = current.set(request.get_host().partition(".")[0])
        try:
            return get_response(request)
        finally:
            current.reset(token)

    return choose


def application() -> Callable[..., Any]:
    """Return the ASGI application of the site."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.tenants.database_settings")
    from toasts.asgi import get_asgi_application

    inner = get_asgi_application()
    if os.environ["TENANT_CHOSEN_BY"] == "middleware":
        return inner

    async def choosing(scope: Any, receive: Any, send: Any) -> None:
        current.set(dict(scope["headers"])[b"host"].decode().partition(".")[0])
        await inner(scope, receive, send)

    return choosing
