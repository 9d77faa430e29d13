"""Batches: sessions that come at the same time are looked up together.

After a deploy, thousands of streams reconnect. If only Django's own session and authentication
middleware set the user of a request (`uses_default_auth`), one query reads all their sessions, and
one reads their users.

A batch only confirms sessions; it never refuses one. It confirms only what the middleware would
accept, too. If a session is missing, expired, forged, rotated or unusual, the request passes
through the site's whole middleware like any other.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.utils.crypto import constant_time_compare

from ..conf import conf
from ..db import fresh_connection
from ..realtime.hub import Hub
from ..tenants import activated
from .grants import Grant, user_status
from .sessions import SessionData, read_sessions

logger = logging.getLogger("toasts")

TenantKey = tuple[str, str]
"""A tenant, empty if the site has none, and the key of a session in it."""

BATCH_SIZE = 200
"""How many sessions are looked up together at most."""
GATHER_TIME = 0.008
"""Seconds for which a look-up waits for more sessions, if it follows another one closely."""
BURST_GAP = 0.05
"""Seconds since the last look-up after which a session is looked up at once."""


class SessionBatcher:
    """Looks up sessions on the hub's thread, all that came since the last look-up together.

    Args:
        hub: returns the hub of the running loop.
    """

    def __init__(self, hub: Callable[[], Hub]) -> None:
        self._hub = hub
        self._waiting: dict[TenantKey, list[asyncio.Future[Grant | None]]] = {}
        self._worker: asyncio.Task[None] | None = None
        self._last_lookup = -BURST_GAP
        """The loop's time at the end of the last look-up, in seconds."""

    async def authenticate(self, session_key: str, tenant: str = "") -> Grant | None:
        """Return the grant of the session with this key.

        Args:
            session_key: the key.
            tenant: the tenant whose session it is; empty: the site has none.

        Returns:
            None where the site's middleware has to decide.
        """
        answer: asyncio.Future[Grant | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((tenant, session_key), []).append(answer)
        if self._worker is None:
            # An empty context: the first request must not lend its own to the others.
            self._worker = asyncio.create_task(self._work(), context=contextvars.Context())
        return await answer

    async def _work(self) -> None:
        """Look up what waits, batch by batch, until nothing waits."""
        try:
            while self._waiting:
                await self._gather()
                await self._answer_batch()
        finally:
            self._worker = None
            for key in list(self._waiting):  # whatever failed, no request waits forever
                self._answer(key, None)

    async def _gather(self) -> None:
        in_burst = self._now() - self._last_lookup < BURST_GAP
        if in_burst and len(self._waiting) < BATCH_SIZE:
            await asyncio.sleep(GATHER_TIME)

    async def _answer_batch(self) -> None:
        keys = list(self._waiting)[:BATCH_SIZE]
        wanted = [key for key in keys if not all(one.done() for one in self._waiting[key])]
        found = await self._look_up(wanted) if wanted else {}
        self._last_lookup = self._now()
        for key in keys:
            self._answer(key, found.get(key))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _look_up(self, keys: list[TenantKey]) -> dict[TenantKey, SignedIn]:
        try:
            hub = self._hub()
            hub.start()
            found: dict[TenantKey, SignedIn] = {}
            for tenant, of_tenant in _by_tenant(keys).items():
                job = functools.partial(authenticate_sessions, tenant=tenant)
                each = await hub.run(job, of_tenant)
                found.update(((tenant, key), signed_in) for key, signed_in in each.items())
            return found
        except Exception:  # the middleware will find the same fault, and report it
            logger.warning(
                "toasts could not look up sessions together; the middleware decides", exc_info=True
            )
            return {}

    def _answer(self, key: TenantKey, found: SignedIn | None) -> None:
        # The tabs of one session get a grant each.
        for answer in self._waiting.pop(key):
            if not answer.done():
                answer.set_result(found.grant(key[0]) if found is not None else None)


def _by_tenant(keys: Iterable[TenantKey]) -> dict[str, list[str]]:
    by_tenant: dict[str, list[str]] = {}
    for tenant, session_key in keys:
        by_tenant.setdefault(tenant, []).append(session_key)
    return by_tenant


class SignedIn(NamedTuple):
    """A user, and the session that signs the user in."""

    user: Any
    session: SessionData

    def grant(self, tenant: str = "") -> Grant:
        """Return a new grant, bound to the session."""
        status = user_status(self.user)
        assert status is not None  # a row of the user model has one
        grant = Grant(self.user.pk, status, tenant)
        grant.bind_session(self.session, self.user.pk, status)
        grant.set_decoded(self.session.text)
        return grant


def authenticate_sessions(keys: Sequence[str], tenant: str = "") -> dict[str, SignedIn]:
    """Return who is signed in by which of these sessions, by key. Blocks; two queries.

    Sessions that Django might judge otherwise are left out.

    Raises:
        DatabaseError: the sessions or users can't be read.
    """
    with activated(tenant), fresh_connection():
        return {found.session.session_key: found for found in _find(keys) if _is_valid(found)}


def _find(keys: Sequence[str]) -> list[SignedIn]:
    sessions = [(session, _user_id(session)) for session in read_sessions(keys)]
    user_ids = {user_id for _, user_id in sessions if user_id is not None}
    users = get_user_model()._default_manager.in_bulk(user_ids)
    return [SignedIn(users.get(user_id), session) for session, user_id in sessions]


def _user_id(session: SessionData) -> Any:
    try:
        return get_user_model()._meta.pk.to_python(session.get(SESSION_KEY))
    except (ValidationError, TypeError, ValueError):  # the last two: of a key field of the site's
        return None


def _is_valid(found: SignedIn) -> bool:
    """Return whether `django.contrib.auth.get_user` would accept this session as it is."""
    user, session = found
    path = session.get(BACKEND_SESSION_KEY)
    if user is None or path not in conf.authentication_backends:
        return False
    backend = load_backend(path)
    if not isinstance(backend, ModelBackend) or type(backend).get_user is not ModelBackend.get_user:
        return False
    return _hash_matches(found) and backend.user_can_authenticate(user) and user.is_authenticated


def _hash_matches(found: SignedIn) -> bool:
    stored = found.session.get(HASH_SESSION_KEY)
    if not stored or not hasattr(found.user, "get_session_auth_hash"):
        return False
    return constant_time_compare(stored, found.user.get_session_auth_hash())
