"""A check of the site's Content-Security-Policy: W010."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from .middleware import is_installed

# Django's sentinel (django.utils.csp.CSP.NONCE) and the repr of django-csp's.
NONCES = ("<CSP_NONCE_SENTINEL>", "csp.constants.NONCE")
ANYWHERE = ("*", "https:", "http:")
# What the client does, and which directives govern it: the first one given (CSP 3, section 6.8).
NEEDS = {
    "connect-src": ("connect-src", "default-src"),
    "script-src": ("script-src-elem", "script-src", "default-src"),
    "style-src": ("style-src-elem", "style-src", "default-src"),
}


@register("toasts", "security")
def check_policy(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W010: a policy under which the browser refuses the client its script, style or stream."""
    return [
        Warning(
            f"{setting} keeps the client from working: its {governing} has no {missing}.",
            hint=f"Add {missing} to its {need}.",
            id="toasts.W010",
        )
        for setting, policy in _policies()
        for need, chain in NEEDS.items()
        for governing in [name for name in chain if name in policy][:1]
        for missing in [_missing(need, policy[governing])]
        if missing
    ]


def _policies() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """The policies that are enforced, directive by directive; reports alone block nothing."""
    if is_installed("django.middleware.csp.ContentSecurityPolicyMiddleware"):
        yield "SECURE_CSP", _texts(getattr(settings, "SECURE_CSP", None))
    if is_installed("csp.middleware.CSPMiddleware"):
        policy = getattr(settings, "CONTENT_SECURITY_POLICY", None) or {}
        yield "CONTENT_SECURITY_POLICY", _texts(policy.get("DIRECTIVES"))


def _texts(policy: Mapping[str, Any] | None) -> dict[str, list[str]]:
    directives: dict[str, list[str]] = {}
    for name, values in (policy or {}).items():
        if values not in (None, False):  # both leave the directive out
            several = isinstance(values, list | tuple | set | frozenset)
            directives[name] = [str(value) for value in (values if several else [values])]
    return directives


def _missing(need: str, sources: list[str]) -> str:
    """The source that these lack for the client; "" if they let it."""
    if need == "connect-src":
        return "" if _lets(sources, "") else "'self'"
    if any(nonce in sources for nonce in NONCES):
        return ""
    # With it the browser passes over 'self' and hosts, and goes by nonces and hashes alone.
    if need == "script-src" and "'strict-dynamic'" in sources:
        return "nonce (CSP.NONCE)"
    host = urlsplit(settings.STATIC_URL or "").netloc
    return "" if _lets(sources, host) else host or "'self'"


def _lets(sources: list[str], host: str) -> bool:
    """Whether these allow the site itself or, if it is not empty, another host."""
    if any(source in ANYWHERE for source in sources):
        return True
    if not host:
        return "'self'" in sources
    hosts = [urlsplit(source if "//" in source else f"//{source}").netloc for source in sources]
    return any(fnmatch(host, allowed) for allowed in hosts)
