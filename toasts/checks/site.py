"""Checks of how a site includes and serves toasts: E001, W005, W013, W015."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieStore
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.handlers.asgi import ASGIHandler
from django.db import DEFAULT_DB_ALIAS
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from ..conf import conf
from ..html import API, POLL, STREAM
from ..tenants import home_database


@register("toasts", "urls")
def check_urls(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E001: the URLs that the client connects to are missing."""
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
    """W005: the settings do not show that the site is served by ASGI."""
    if names_asgi():
        return []
    return [
        Warning(
            "The settings name no ASGI application and no ASGI server. Under WSGI, plain"
            " `runserver` included, toasts are polled and arrive seconds late.",
            hint=(
                'Set ASGI_APPLICATION, and put "daphne" first in INSTALLED_APPS for `runserver`.'
                " If ASGI serves the site already, silence toasts.W005."
            ),
            id="toasts.W005",
        )
    ]


def names_asgi() -> bool:
    """Return whether the settings mention ASGI. Nothing else in them shows how it is served."""
    return bool(getattr(settings, "ASGI_APPLICATION", None)) or apps.is_installed("daphne")


@register("toasts")
def check_handler(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W015: Django's own handler serves the streams. It keeps the request of each one."""
    name = getattr(settings, "ASGI_APPLICATION", None)
    application = _imported(name) if name else None
    # Channels' ProtocolTypeRouter has a mapping, with the application for HTTP in it.
    application = getattr(application, "application_mapping", {}).get("http", application)
    if type(application) is not ASGIHandler:
        return []
    return [
        Warning(
            f"{name} is Django's own handler. With it each open stream takes several times the"
            " memory, and under daphne the buffer of a client that does not read has no limit.",
            hint="In that module: from toasts.asgi import get_asgi_application.",
            id="toasts.W015",
        )
    ]


def _imported(name: str) -> Any:
    try:
        return import_string(name)
    except Exception:  # a module may raise anything while it is imported; the server reports it
        return None


@register("toasts", "security")
def check_sessions(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W013: the server can't end sessions."""
    if not issubclass(import_module(conf.session_engine).SessionStore, CookieStore):
        return []
    return [
        Warning(
            "Sessions are stored in signed cookies, which the server cannot revoke. Anyone with a"
            " copy of one can read its user's toasts after the logout, until the cookie expires.",
            hint="Set SESSION_ENGINE to one that stores sessions, or shorten SESSION_COOKIE_AGE.",
            id="toasts.W013",
        )
    ]


def database_alias() -> str:
    """Return the alias of the database to check: of the toasts, or of what tenants share."""
    try:
        return home_database()
    except Exception:  # E020 reports what TOASTS_TENANT raises
        return DEFAULT_DB_ALIAS
