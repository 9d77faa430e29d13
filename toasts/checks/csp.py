"""A check of the site's Content-Security-Policy: W010."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from .middleware import is_installed

Policy = dict[str, list[str]]
"""The sources of each directive."""

NONCES = ("<CSP_NONCE_SENTINEL>", "csp.constants.NONCE")
"""Django's sentinel (django.utils.csp.CSP.NONCE), and the repr of django-csp's."""
ANYWHERE = ("*", "https:", "http:")
CONNECT, SCRIPT, STYLE = "connect-src", "script-src", "style-src"
FALLBACKS = {
    CONNECT: (CONNECT, "default-src"),
    SCRIPT: ("script-src-elem", SCRIPT, "default-src"),
    STYLE: ("style-src-elem", STYLE, "default-src"),
}
"""The directives that the client needs, and which of a policy's directives governs each: the first
that is given (CSP Level 3, section 6.8.3)."""


@register("toasts", "security")
def check_policy(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W010: under the policy, the browser blocks the client's script, style or stream."""
    messages: list[CheckMessage] = []
    for setting, policy in _enforced_policies():
        for directive in FALLBACKS:
            messages += _check_directive(setting, policy, directive)
    return messages


def _check_directive(setting: str, policy: Policy, directive: str) -> list[CheckMessage]:
    governing = next((name for name in FALLBACKS[directive] if name in policy), None)
    missing = _missing_source(directive, policy[governing]) if governing else ""
    if not missing:
        return []
    return [
        Warning(
            f"{setting} blocks the client: its {governing} has no {missing}.",
            hint=f"Add {missing} to its {directive}.",
            id="toasts.W010",
        )
    ]


def _enforced_policies() -> Iterator[tuple[str, Policy]]:
    """Yield the policies that are enforced, with their settings. Report-only ones block nothing."""
    if is_installed("django.middleware.csp.ContentSecurityPolicyMiddleware"):
        yield "SECURE_CSP", _parse(getattr(settings, "SECURE_CSP", None))
    if is_installed("csp.middleware.CSPMiddleware"):
        policy = getattr(settings, "CONTENT_SECURITY_POLICY", None) or {}
        yield "CONTENT_SECURITY_POLICY", _parse(policy.get("DIRECTIVES"))


def _parse(directives: Mapping[str, Any] | None) -> Policy:
    policy: Policy = {}
    for name, value in (directives or {}).items():
        if value is None or value is False:
            continue  # Django and django-csp then leave the directive out
        sources = value if isinstance(value, list | tuple | set | frozenset) else [value]
        policy[name] = [str(source) for source in sources]
    return policy


def _missing_source(directive: str, sources: list[str]) -> str:
    """Return the source that has to be added for the client; "" if none has to be."""
    if directive == CONNECT:
        return "" if _allow_site(sources) else "'self'"
    if any(nonce in sources for nonce in NONCES):
        return ""
    if directive == SCRIPT and "'strict-dynamic'" in sources:
        # With it browsers ignore 'self' and hosts. Only nonces and hashes count.
        return "nonce (CSP.NONCE)"
    host = urlsplit(settings.STATIC_URL or "").netloc
    if not host:
        return "" if _allow_site(sources) else "'self'"
    return "" if _allow_host(sources, host) else host


def _allow_site(sources: list[str]) -> bool:
    return "'self'" in sources or any(source in ANYWHERE for source in sources)


def _allow_host(sources: list[str], host: str) -> bool:
    if any(source in ANYWHERE for source in sources):
        return True
    hosts = [urlsplit(source if "//" in source else f"//{source}").netloc for source in sources]
    return any(fnmatch(host, allowed) for allowed in hosts)
