"""Checks of the site's MIDDLEWARE: W004, W006."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.module_loading import import_string

from ..html import POLL, STREAM

OURS = "toasts.middleware.ToastMiddleware"
OUTSIDE_OURS = {
    "django.middleware.csp.ContentSecurityPolicyMiddleware": (
        "it writes the CSP header before the nonce of the client is in it"
    ),
    "csp.middleware.CSPMiddleware": (
        "it writes the CSP header before the nonce of the client is in it"
    ),
    "django.middleware.gzip.GZipMiddleware": "pages arrive compressed, and stay without the client",
    "django.middleware.http.ConditionalGetMiddleware": (
        "the ETag is of the page without the client"
    ),
    "django.middleware.cache.UpdateCacheMiddleware": "it keeps the pages without the client",
}
LOGIN = "django.contrib.auth.middleware.LoginRequiredMiddleware"


@register("toasts")
def check_order(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W004: ToastMiddleware above what must see its pages whole."""
    ours = next((entry for entry in settings.MIDDLEWARE if OURS in _lineage(entry)), None)
    if ours is None:
        return []
    inside = settings.MIDDLEWARE[settings.MIDDLEWARE.index(ours) + 1 :]
    reasons = [(entry, _reason(entry)) for entry in inside]
    return [
        Warning(
            f"{ours} stands above {entry} in MIDDLEWARE: {reason}.",
            hint=f"Move {ours} below it, best to the end of MIDDLEWARE.",
            id="toasts.W004",
        )
        for entry, reason in reasons
        if reason
    ]


def _reason(entry: str) -> str:
    """Why this middleware must stand above ours; "" if it need not."""
    return next((OUTSIDE_OURS[name] for name in _lineage(entry) if name in OUTSIDE_OURS), "")


def is_installed(name: str) -> bool:
    """Whether this middleware, or a subclass of it, is in MIDDLEWARE."""
    return any(name in _lineage(entry) for entry in settings.MIDDLEWARE)


def _lineage(entry: str) -> list[str]:
    """The dotted names of a middleware's class and its bases; its own name if it is no class."""
    try:
        found = import_string(entry)
    except Exception:  # Django tells of it when it loads the middleware
        return [entry]
    bases = [f"{base.__module__}.{base.__qualname__}" for base in getattr(found, "__mro__", ())]
    return [entry, *bases]


@register("toasts")
def check_login_required(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W006: middleware that sends the signed-out visitor's client to a login page.

    Django's own is told by the views whom to let through, so only views that lost their mark are
    reported. Of any other, nothing can be known but its name.
    """
    messages: list[CheckMessage] = []
    for entry in settings.MIDDLEWARE:
        names = _lineage(entry)
        if LOGIN in names:
            messages += [_redirected(entry, name) for name in (STREAM, POLL) if _unmarked(name)]
        elif any(_sounds_like_login(name) for name in names):
            messages.append(_unknown(entry))
    return messages


def _sounds_like_login(name: str) -> bool:
    return "loginrequired" in name.rpartition(".")[2].lower().replace("_", "")


def _redirected(entry: str, name: str) -> CheckMessage:
    return Warning(
        f"{entry} sends the signed-out visitor's client from {name} to the login page: the view"
        " there has lost its mark.",
        hint="Wrap the view in django.contrib.auth.decorators.login_not_required, outermost.",
        id="toasts.W006",
    )


def _unknown(entry: str) -> CheckMessage:
    return Warning(
        f"{entry} may send the signed-out visitor's client to a login page; toasts cannot tell.",
        hint=(
            f"Let the addresses of {STREAM} and {POLL} through it: they answer 204 to signed-out"
            " visitors. Then silence toasts.W006."
        ),
        id="toasts.W006",
    )


def _unmarked(name: str) -> bool:
    try:
        path = reverse(name).removeprefix(get_script_prefix())
        view = resolve(f"/{path}").func
    except (NoReverseMatch, Resolver404):  # E001 tells of it
        return False
    return getattr(view, "login_required", True)
