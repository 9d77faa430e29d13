"""Checks of the site's MIDDLEWARE: W004, W006, W017."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.module_loading import import_string

from ..html import POLL, STREAM
from .site import names_asgi

TOASTS = "toasts.middleware.ToastMiddleware"
WSGI = "toasts.middleware.WSGIToastMiddleware"
LOGIN = "django.contrib.auth.middleware.LoginRequiredMiddleware"
CSP_TOO_EARLY = "it writes the CSP header before the client's nonce is in it"
MUST_BE_ABOVE = {
    "django.middleware.csp.ContentSecurityPolicyMiddleware": CSP_TOO_EARLY,
    "csp.middleware.CSPMiddleware": CSP_TOO_EARLY,
    "django.middleware.gzip.GZipMiddleware": (
        "pages are compressed before the client can be added, so they don't get it"
    ),
    "django.middleware.http.ConditionalGetMiddleware": (
        "it makes the ETag of the page without the client"
    ),
    "django.middleware.cache.UpdateCacheMiddleware": "it caches pages without the client",
}
"""Middleware that has to stand above ToastMiddleware, and what happens if it does not."""


@register("toasts")
def check_order(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W004: ToastMiddleware is above middleware that needs the final page."""
    toasts = next((entry for entry in settings.MIDDLEWARE if TOASTS in _class_names(entry)), None)
    if toasts is None:
        return []
    below = settings.MIDDLEWARE[settings.MIDDLEWARE.index(toasts) + 1 :]
    return [
        Warning(
            f"{toasts} stands above {entry} in MIDDLEWARE: {reason}.",
            hint=f"Move {toasts} below it, best to the end of MIDDLEWARE.",
            id="toasts.W004",
        )
        for entry in below
        if (reason := _reason_to_be_above(entry))
    ]


def _reason_to_be_above(entry: str) -> str:
    """Return why this middleware has to stand above ToastMiddleware; "" if it does not."""
    names = [name for name in _class_names(entry) if name in MUST_BE_ABOVE]
    return MUST_BE_ABOVE[names[0]] if names else ""


def is_installed(name: str) -> bool:
    """Return whether this middleware, or a subclass of it, is in MIDDLEWARE."""
    return any(name in _class_names(entry) for entry in settings.MIDDLEWARE)


def _class_names(entry: str) -> list[str]:
    """Return the dotted names of a middleware and of the classes that it derives from."""
    try:
        middleware = import_string(entry)
    except Exception:  # Django reports it when it loads the middleware
        return [entry]
    bases = getattr(middleware, "__mro__", ())  # a function has none
    return [entry, *(f"{base.__module__}.{base.__qualname__}" for base in bases)]


@register("toasts")
def check_wsgi(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W017: WSGI serves the site, and the middleware is async only."""
    if names_asgi():
        return []
    return [
        Warning(
            f"{entry} is async only, and the settings name no ASGI application. Under WSGI, Django"
            " starts an event loop for it with each page, which takes milliseconds, and gevent's"
            " workers (gunicorn -k gevent) can't run one: there, pages lack the client.",
            hint=f"Write {WSGI} in its place. It works under WSGI and under ASGI.",
            id="toasts.W017",
        )
        for entry in settings.MIDDLEWARE
        if TOASTS in _class_names(entry) and not import_string(entry).sync_capable
    ]


@register("toasts")
def check_login_required(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W006: middleware redirects the client of a signed-out visitor to a login page.

    Django's own middleware lets views through that are marked with ``login_not_required``. So the
    check reports only views that lost the mark. Any other middleware is recognised by its name.
    """
    messages: list[CheckMessage] = []
    for entry in settings.MIDDLEWARE:
        names = _class_names(entry)
        if LOGIN in names:
            messages += [_redirected(entry, name) for name in (STREAM, POLL) if _lacks_mark(name)]
        elif any(_is_named_login_required(name) for name in names):
            messages.append(_possibly_redirected(entry))
    return messages


def _is_named_login_required(name: str) -> bool:
    return "loginrequired" in name.rpartition(".")[2].lower().replace("_", "")


def _redirected(entry: str, name: str) -> CheckMessage:
    return Warning(
        f"{entry} redirects the client of a signed-out visitor from {name} to the login page: the"
        " view is not marked with login_not_required.",
        hint="Make django.contrib.auth.decorators.login_not_required its outermost decorator.",
        id="toasts.W006",
    )


def _possibly_redirected(entry: str) -> CheckMessage:
    return Warning(
        f"{entry} may redirect the client of a signed-out visitor to a login page.",
        hint=(
            f"Exempt the URLs {STREAM} and {POLL} from it: they answer 204 to signed-out visitors."
            " Then silence toasts.W006."
        ),
        id="toasts.W006",
    )


def _lacks_mark(name: str) -> bool:
    try:
        path = reverse(name).removeprefix(get_script_prefix())
        view = resolve(f"/{path}").func
    except (NoReverseMatch, Resolver404):  # E001 reports it
        return False
    return getattr(view, "login_required", True)
