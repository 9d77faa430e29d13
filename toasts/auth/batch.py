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
from collections.abc import Callable, Mapping, MutableMapping, Sequence
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
from django.core.exceptions import DisallowedHost, ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ..conf import conf
from ..db import fresh_connection
from ..realtime.hub import Hub
from ..realtime.sse import known_event_id
from .grants import Grant, status_of

logger = logging.getLogger("toasts")
BATCH = 200
GATHER = 0.008
"""Seconds for which those who come after each other wait for each other,"""
CROWD = 0.05
"""if the last look was no longer ago; who comes alone is looked up at once."""
SESSION_ENGINES = tuple(f"django.contrib.sessions.backends.{name}" for name in ("db", "cached_db"))
DECIDING = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
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
    "whitenoise.middleware.WhiteNoiseMiddleware",
)
"""Middleware that neither names the user of a stream nor refuses one that the others let in.

What can refuse one after all (a host that isn't allowed, a redirect to HTTPS or to another address)
`parse_fast_path` asks for itself. A site adds its own in TOASTS_HARMLESS_MIDDLEWARE.
"""
_QUERY = re.compile(rb"(?:last_event_id=([A-Za-z0-9._\-]*))?")
_KEY = re.compile(r"[A-Za-z0-9]{8,64}")


class _Session(dict[str, Any]):
    """A session's data, read along with many others."""

    session_key: str
    text: str


class SessionBatcher:
    """Looks up, on the hub's thread, all sessions that came since the last look."""

    def __init__(self, hub: Callable[[], Hub]) -> None:
        self._hub = hub
        self._waiting: dict[str, list[asyncio.Future[Grant | None]]] = {}
        self._serving: asyncio.Task[None] | None = None
        self._looked = -CROWD
        """The loop's time at the end of the last look, seconds."""

    async def ask(self, key: str) -> Grant | None:
        """The grant of a session that stands beyond doubt; None: the middleware is to decide."""
        answer: asyncio.Future[Grant | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve(), context=contextvars.Context())
        return await answer

    async def _serve(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < BATCH and self._now() - self._looked < CROWD:
                    await asyncio.sleep(GATHER)
                asked = list(self._waiting)[:BATCH]
                there = [key for key in asked if not all(one.done() for one in self._waiting[key])]
                found = await self._look_up(there) if there else {}
                self._looked = self._now()
                for key in asked:
                    self._answer(found.get(key), self._waiting.pop(key))
        finally:
            self._serving = None
            for key in list(self._waiting):  # whatever went wrong, nobody waits for ever
                self._answer(None, self._waiting.pop(key))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _look_up(self, keys: list[str]) -> dict[str, Signed]:
        try:
            here = self._hub()
            here.start()
            return await here.run(admit, keys)
        except Exception:  # the middleware's own look will say what is wrong
            logger.warning("sessions could not be looked up together", exc_info=True)
            return {}

    @staticmethod
    def _answer(found: Signed | None, answers: list[asyncio.Future[Grant | None]]) -> None:
        for answer in answers:  # one session's tabs: each has a grant of its own
            if not answer.done():
                answer.set_result(found.grant() if found is not None else None)


def uses_default_auth() -> bool:
    """Whether nothing but Django's own session and authentication says who a request is."""
    harmless = {*TRANSPARENT, *conf.transparent_middleware}
    chain = conf.middleware
    in_order = [name for name in chain if name in DECIDING] == [*DECIDING]
    return (
        conf.session_engine in SESSION_ENGINES
        and in_order  # else Django says what is wrong
        and all(name in harmless for name in chain)
    )


class FastPathRequest(NamedTuple):
    """What a plain request for the stream says of itself."""

    session_key: str
    known: str | None
    """The id of the event that the client heard last."""


def parse_fast_path(scope: MutableMapping[str, Any]) -> FastPathRequest | None:
    """What a plain request for the stream says; None: it takes the long way.

    Plain is a GET from the site itself, to an allowed host, by the allowed scheme, with nothing to
    check but the session's cookie.
    """
    asked = _QUERY.fullmatch(scope.get("query_string", b""))
    if scope["method"] != "GET" or asked is None:
        return None
    request = ASGIRequest(scope, BytesIO())
    said = request.META
    if said.get("HTTP_SEC_FETCH_SITE", "none") not in ("same-origin", "none"):
        return None
    key = request.COOKIES.get(conf.session_cookie_name, "")
    if not _KEY.fullmatch(key) or "HTTP_AUTHORIZATION" in said or _is_unwelcome(said):
        return None
    known = said.get("HTTP_LAST_EVENT_ID") or (asked[1] or b"").decode()
    if known and not known_event_id(known):
        return None
    return FastPathRequest(key, known or None) if _reaches_the_view(request) else None


def _is_unwelcome(said: Mapping[str, Any]) -> bool:
    """What CommonMiddleware looks for."""
    agent = said.get("HTTP_USER_AGENT", "")
    return any(pattern.search(agent) for pattern in conf.disallowed_user_agents)


def _reaches_the_view(request: ASGIRequest) -> bool:
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
        standing = status_of(self.user)
        assert standing is not None  # a row of the user model's own has one
        held = Grant(self.user.pk, standing)
        held.bind_session(self.session, self.user.pk, standing)
        held.remember(self.session.text)
        return held


def admit(keys: Sequence[str]) -> dict[str, Signed]:
    """Who of these sessions' bearers is signed in beyond doubt. Blocks; two queries."""
    with fresh_connection():
        return {signed.session.session_key: signed for signed in _found(keys) if _stands(signed)}


def _found(keys: Sequence[str]) -> list[Signed]:
    sessions = [(session, _user_id(session)) for session in _sessions(keys)]
    named = {user_id for _, user_id in sessions if user_id is not None}
    users = get_user_model()._default_manager.in_bulk(named)
    return [Signed(users.get(user_id), session) for session, user_id in sessions]


def _user_id(session: _Session) -> Any:
    try:
        return get_user_model()._meta.pk.to_python(session.get(SESSION_KEY))
    except ValidationError:
        return None


def _sessions(keys: Sequence[str]) -> list[_Session]:
    store = import_module(conf.session_engine).SessionStore
    decoder = store()
    rows = store.get_model_class()._default_manager.filter(
        session_key__in=keys, expire_date__gt=timezone.now()
    )
    cached = _cached(decoder, keys)
    found = []
    for key, text in rows.values_list("session_key", "session_data"):
        session = _Session(decoder.decode(text))
        session.session_key, session.text = key, text
        # The cache has the first word; where a transaction was rolled back it may differ.
        if cached.get(key, session) == session:
            found.append(session)
    return found


def _cached(store: Any, keys: Sequence[str]) -> dict[str, Any]:
    """What the store's cache, if it has one, knows of these sessions."""
    prefix = getattr(store, "cache_key_prefix", None)
    if prefix is None:
        return {}
    known = store._cache.get_many([prefix + key for key in keys])
    return {name.removeprefix(prefix): data for name, data in known.items()}


def _stands(signed: Signed) -> bool:
    """Whether `django.contrib.auth.get_user` would say yes, without a second thought."""
    user, session = signed
    path = session.get(BACKEND_SESSION_KEY)
    if user is None or path not in conf.authentication_backends:
        return False
    backend = load_backend(path)
    if not isinstance(backend, ModelBackend) or type(backend).get_user is not ModelBackend.get_user:
        return False
    return _hash_fits(signed) and backend.user_can_authenticate(user) and user.is_authenticated


def _hash_fits(signed: Signed) -> bool:
    stored = signed.session.get(HASH_SESSION_KEY)
    if not stored or not hasattr(signed.user, "get_session_auth_hash"):
        return False
    return constant_time_compare(stored, signed.user.get_session_auth_hash())
