"""Letting in the streams that come at once by the thousand, after a deploy say.

Where Django's own session and authentication middleware decide who a request is, and nothing else
has a say, the streams that connect in the same few milliseconds are looked up together: one query
for their sessions, one for their users. This path only ever says yes, and only where the middleware
would: for whatever is missing, expired, forged, rotated or odd it has no answer, and the request
takes the site's whole middleware like any other.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
from collections.abc import MutableMapping, Sequence
from importlib import import_module
from io import BytesIO
from typing import Any, NamedTuple

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http.cookie import parse_cookie
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from .conf import conf
from .realtime.hub import Hub
from .sessions import Grant, standing_of

logger = logging.getLogger("toasts")
BATCH = 200
SESSION_ENGINES = tuple(f"django.contrib.sessions.backends.{name}" for name in ("db", "cached_db"))
DECIDING = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
HARMLESS = (
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
    "whitenoise.middleware.WhiteNoiseMiddleware",
)
"""Middleware that neither names the user of a stream nor refuses one that the others let in.

What can refuse one after all (a host that isn't allowed, a redirect to HTTPS or to another address)
`session_key` asks for itself. A site adds its own in TOASTS_HARMLESS_MIDDLEWARE.
"""
_KEY = re.compile(r"[A-Za-z0-9]{8,64}")


class _Session(dict[str, Any]):
    """A session's data, read along with many others."""

    session_key: str
    text: str


class Doorkeeper:
    """Looks up, on the hub's thread, all sessions that came since the last look."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._waiting: dict[str, list[asyncio.Future[Grant | None]]] = {}
        self._serving: asyncio.Task[None] | None = None

    async def ask(self, key: str) -> Grant | None:
        """The grant of a session that stands beyond doubt; None: the middleware is to decide."""
        answer: asyncio.Future[Grant | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._serving is None:
            self._hub.start()
            self._serving = asyncio.create_task(self._serve(), context=contextvars.Context())
        return await answer

    async def _serve(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:BATCH]
            asked = {key: self._waiting.pop(key) for key in keys}
            try:
                users = await self._hub.run(admit, keys)
            except Exception:  # the middleware's own look will say what is wrong
                logger.warning("sessions could not be looked up together", exc_info=True)
                users = {}
            for key, answers in asked.items():
                self._answer(users.get(key), answers)
        self._serving = None

    @staticmethod
    def _answer(found: Signed | None, answers: list[asyncio.Future[Grant | None]]) -> None:
        for answer in answers:  # one session's tabs: each has a grant of its own
            if not answer.done():
                answer.set_result(found.grant() if found is not None else None)


def stock_site() -> bool:
    """Whether nothing but Django's own session and authentication says who a request is."""
    harmless = {*HARMLESS, *conf.harmless_middleware}
    chain = conf.middleware
    return (
        conf.session_engine in SESSION_ENGINES
        and all(name in chain for name in DECIDING)
        and all(name in harmless for name in chain)
    )


def session_key(scope: MutableMapping[str, Any]) -> str | None:
    """The session that a plain request for the stream names; None: it takes the long way.

    Plain is a GET from the site itself, to an allowed host, by the allowed scheme, with nothing to
    check but the session's cookie.
    """
    if scope["method"] != "GET" or scope["query_string"]:
        return None
    headers = dict(scope["headers"])
    if len(headers) != len(scope["headers"]) or not _UNUSUAL.isdisjoint(headers):
        return None
    if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
        return None
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    key = cookies.get(conf.session_cookie_name, "")
    return key if _KEY.fullmatch(key) and _reaches_the_view(scope) else None


_UNUSUAL = {b"authorization", b"last-event-id", b"x-requested-with"}


def _reaches_the_view(scope: MutableMapping[str, Any]) -> bool:
    request = ASGIRequest(scope, BytesIO())
    try:
        host = request.get_host()
    except DisallowedHost:
        return False
    moved = conf.prepend_www and not host.startswith("www.")
    return not moved and (request.is_secure() or not conf.ssl_redirect)


class Signed(NamedTuple):
    """A user whom a stored session names, rightly."""

    user: Any
    session: _Session

    def grant(self) -> Grant:
        standing = standing_of(self.user)
        assert standing is not None  # a row of the user model's own has one
        held = Grant(self.user.pk, standing)
        held.lean_on(self.session, self.user.pk, standing)
        held.remember(self.session.text)
        return held


def admit(keys: Sequence[str]) -> dict[str, Signed]:
    """Who of these sessions' bearers is signed in beyond doubt. Blocks; two queries."""
    sessions = _sessions(keys)
    users = get_user_model()._default_manager.in_bulk(
        {session[SESSION_KEY] for session in sessions if SESSION_KEY in session}
    )
    by_name = {str(pk): user for pk, user in users.items()}
    found = (Signed(by_name.get(session.get(SESSION_KEY, "")), session) for session in sessions)
    return {signed.session.session_key: signed for signed in found if _stands(signed)}


def _sessions(keys: Sequence[str]) -> list[_Session]:
    store = import_module(conf.session_engine).SessionStore
    decoder = store()
    rows = store.get_model_class()._default_manager.filter(
        session_key__in=keys, expire_date__gt=timezone.now()
    )
    found = []
    for key, text in rows.values_list("session_key", "session_data"):
        session = _Session(decoder.decode(text))
        session.session_key, session.text = key, text
        found.append(session)
    return found


def _stands(signed: Signed) -> bool:
    """Whether `django.contrib.auth.get_user` would say yes, without a second thought."""
    user, session = signed
    path = session.get(BACKEND_SESSION_KEY)
    if user is None or path not in conf.authentication_backends:
        return False
    backend = load_backend(path)
    if not isinstance(backend, ModelBackend) or type(backend).get_user is not ModelBackend.get_user:
        return False
    fits = constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return bool(fits and backend.user_can_authenticate(user))
