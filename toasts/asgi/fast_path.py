"""The fast path: plain requests for the stream that need no middleware to be answered.

Where nothing but Django's own session and authentication says who a request is, its session can be
looked up together with others (`toasts.auth.batch`). This module decides which sites and which
requests qualify. Every other request passes through Django.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from io import BytesIO
from typing import Any, NamedTuple

from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

from ..conf import conf
from ..realtime.sse import is_event_id
from ..tenants import tenant_of_scope

DATABASE_ENGINE = "django.contrib.sessions.backends.db"
CACHED_ENGINE = "django.contrib.sessions.backends.cached_db"
DECIDING = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
"""The middleware that names the user, in its order."""
TRANSPARENT = (
    *DECIDING,
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "toasts.middleware.ToastMiddleware",
    "toasts.middleware.WSGIToastMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
)
"""Middleware that neither names the user of a stream nor refuses one that the others let in.

Some of it can refuse a request after all: for a host that isn't allowed, or by a redirect to HTTPS
or to another address. `parse_fast_path` checks that itself. A site adds its own middleware in
TOASTS_HARMLESS_MIDDLEWARE.
"""
_QUERY = re.compile(rb"(?:last_event_id=([A-Za-z0-9._\-]*))?")
_SESSION_KEY = re.compile(r"[A-Za-z0-9]{8,64}")


class FastPathRequest(NamedTuple):
    """What a plain request for the stream holds."""

    session_key: str
    last_event_id: str | None
    """The id of the last event that the client has seen."""
    secure: bool = False
    """Whether it came by TLS."""
    tenant: str = ""
    """The tenant whose session it is; empty: the site has none."""


def uses_default_auth() -> bool:
    """Return whether only Django's own session and authentication decide who a request is."""
    chain = conf.middleware
    transparent = {*TRANSPARENT, *conf.transparent_middleware}
    # In another order, or without one of them, Django says what is wrong.
    in_order = [name for name in chain if name in DECIDING] == [*DECIDING]
    return in_order and transparent.issuperset(chain) and _sessions_can_be_read_together()


def _sessions_can_be_read_together() -> bool:
    if conf.session_engine == CACHED_ENGINE:
        return conf.server_internals  # where the cache has a session is not a public API
    return conf.session_engine == DATABASE_ENGINE


def parse_fast_path(scope: MutableMapping[str, Any]) -> FastPathRequest | None:
    """Return what a plain request for the stream holds.

    Plain is a GET from the site itself, to an allowed host, by the allowed scheme, with nothing to
    check but the cookie of the session.

    Args:
        scope: of an HTTP request (ASGI specification, "HTTP Connection Scope").

    Returns:
        None for any other request. Django answers it.
    """
    query = _QUERY.fullmatch(scope.get("query_string", b""))
    if scope["method"] != "GET" or query is None:
        return None
    request = ASGIRequest(scope, BytesIO())
    key = request.COOKIES.get(conf.session_cookie_name, "")
    last_event_id = request.META.get("HTTP_LAST_EVENT_ID") or (query[1] or b"").decode()
    if not _SESSION_KEY.fullmatch(key) or (last_event_id and not is_event_id(last_event_id)):
        return None
    if not _is_plain(request.META) or not _reaches_the_view(request):
        return None
    tenant = tenant_of_scope(scope)
    if tenant is None:
        return None
    return FastPathRequest(key, last_event_id or None, request.is_secure(), tenant)


def _is_plain(meta: Mapping[str, Any]) -> bool:
    """Return whether the headers hold no other credentials, and nothing that is refused."""
    same_site = meta.get("HTTP_SEC_FETCH_SITE", "none") in ("same-origin", "none")
    return same_site and "HTTP_AUTHORIZATION" not in meta and not _is_disallowed_agent(meta)


def _is_disallowed_agent(meta: Mapping[str, Any]) -> bool:
    """Return whether CommonMiddleware would refuse the user agent."""
    agent = meta.get("HTTP_USER_AGENT", "")
    return any(pattern.search(agent) for pattern in conf.disallowed_user_agents)


def _reaches_the_view(request: ASGIRequest) -> bool:
    """Return whether the host is allowed, and no middleware redirects the request."""
    try:
        host = request.get_host()
    except DisallowedHost:
        return False
    redirected = conf.prepend_www and not host.startswith("www.")
    return not redirected and (request.is_secure() or not conf.ssl_redirect)
