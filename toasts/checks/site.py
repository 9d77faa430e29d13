"""Checks of how the site includes and serves toasts: E001, W005, W013, W015."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieStore
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.handlers.asgi import ASGIHandler
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from ..conf import conf
from ..html import API, POLL, STREAM


@register("toasts", "urls")
def check_urls(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E001: the client would have nothing to connect to."""
    missing = [name for name in (STREAM, POLL, API) if not _resolves(name)]
    if not missing:
        return []
    return [
        Error(
            f"The URLs of toasts are not in ROOT_URLCONF: {', '.join(missing)} cannot be resolved.",
            hint='Add to its urlpatterns: path("toasts/", include("toasts.urls")).',
            id="toasts.E001",
        )
    ]


def _resolves(name: str) -> bool:
    try:
        reverse(name)
    except NoReverseMatch:
        return False
    return True


@register("toasts")
def check_asgi(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W005: nothing in the settings says that the site is served by ASGI."""
    if names_asgi():
        return []
    return [
        Warning(
            "The settings name no ASGI application and no ASGI server. Under WSGI, plain"
            " `runserver` included, toasts arrive by polling only, seconds late.",
            hint=(
                'Set ASGI_APPLICATION, and put "daphne" first in INSTALLED_APPS for `runserver`.'
                " A site that is served by ASGI already may silence toasts.W005."
            ),
            id="toasts.W005",
        )
    ]


def names_asgi() -> bool:
    """Whether the settings speak of ASGI: the only trace that a way of serving leaves in them."""
    return bool(getattr(settings, "ASGI_APPLICATION", None)) or apps.is_installed("daphne")


@register("toasts")
def check_handler(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W015: streams served by Django's handler, which keeps each one's request for its whole life.

    What ASGI_APPLICATION names is imported, as a server would; what fails to be is no matter here.
    """
    name = getattr(settings, "ASGI_APPLICATION", None)
    try:
        application = import_string(name) if name else None
    except Exception:  # a module may raise anything while it is imported; the server will tell
        return []
    # channels' router by protocol has the application that serves HTTP inside.
    served = getattr(application, "application_mapping", {}).get("http", application)
    if type(served) is not ASGIHandler:
        return []
    return [
        Warning(
            f"{name} is Django's own handler: every open stream costs several times the memory,"
            " and on daphne a client that does not read is not bounded.",
            hint="In that module: from toasts.asgi import get_asgi_application.",
            id="toasts.W015",
        )
    ]


@register("toasts", "security")
def check_sessions(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W013: sessions that the server cannot end."""
    if not issubclass(import_module(conf.session_engine).SessionStore, CookieStore):
        return []
    return [
        Warning(
            "Sessions are kept in signed cookies, which the server cannot revoke: whoever has a"
            " copy of one can read its user's toasts after the logout, until it expires.",
            hint="Set SESSION_ENGINE to one that stores sessions, or shorten SESSION_COOKIE_AGE.",
            id="toasts.W013",
        )
    ]
