"""On what right a stream is open, and whether that right still stands.

A stream outlives its request by minutes, so whoever opened it may have logged out, been
deactivated, changed the password or lost the session. One or two queries tell for all streams.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import models, router
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from ..conf import conf
from ..db import PARAMETERS_MAX, chunked


class UserStatus(NamedTuple):
    """What of a user decides about rights; a user model may lack any of the columns."""

    password: str | None = None
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False


RIGHTS = frozenset(UserStatus._fields)


class NamedSession(Protocol):
    """What a grant takes from a session."""

    @property
    def session_key(self) -> str | None: ...
    def get(self, key: str, /) -> Any: ...


class Grant:
    """The right that a request showed: a user, and the session that named it, if one did.

    Compared by identity: two tabs of one session have two grants.
    """

    __slots__ = (
        "checked", "owner_id", "owner_standing", "session_hash", "session_key", "session_user",
        "standing", "user_id",
    )  # fmt: skip

    def __init__(self, user_id: Any, standing: UserStatus) -> None:
        self.user_id = user_id
        self.standing = standing
        self.owner_id = user_id
        """Whom the session names: somebody else while an impersonation lasts."""
        self.owner_standing = standing
        self.session_key: str | None = None
        self.session_user: str | None = None
        self.session_hash: str | None = None
        self.checked: bytes | None = None
        """Digest of the stored session as decoded last: only a changed one is decoded again."""

    def remember(self, text: str) -> None:
        """The stored session was just decoded: as long as it stays so, it need not be again."""
        self.checked = _digest(text)

    def bind_session(
        self, session: NamedSession, owner_id: Any, owner_standing: UserStatus
    ) -> None:
        """Let the right end with this session, too."""
        self.owner_id = owner_id
        self.owner_standing = owner_standing
        self.session_key = session.session_key
        self.session_user = session.get(SESSION_KEY)
        self.session_hash = session.get(HASH_SESSION_KEY)


def grant(request: HttpRequest) -> Grant | None:
    """Whom the site's own middleware took this request for; None: for nobody.

    Blocks: it may read the session and the user from the database.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return grant_to(user, getattr(request, "session", None))


def grant_to(user: Any, session: SessionBase | None) -> Grant | None:
    """The right of this user, which ends with the session if that names one; None: no such user.

    Blocks.
    """
    standing = status_of(user)
    if standing is None:
        return None
    held = Grant(user.pk, standing)
    # A user who was not taken from the session (a token, a client certificate) doesn't end with it.
    if session is not None and session.get(SESSION_KEY) is not None:
        owner_id = _user_id(session[SESSION_KEY])
        owner = standing if owner_id == user.pk else _standings([owner_id]).get(owner_id)
        if owner is not None:
            held.bind_session(session, owner_id, owner)
    return held


def session_valid(held: Grant) -> bool:
    """Whether the session that this right leans on is one that Django would still sign in by.

    Its owner, who may be another than the user, may have left since, or have a new password.
    """
    if held.session_key is None or not held.owner_standing.is_active:
        return False
    return held.owner_id == held.user_id or _password_still_fits(held)


def detach(request: HttpRequest) -> None:
    """Keep the session middleware from renewing the session for this response.

    With SESSION_SAVE_EVERY_REQUEST a page left open would otherwise prolong its session for ever.
    """
    session = getattr(request, "session", None)
    if session is not None:
        request.session = _Detached(lambda: session)  # type: ignore[assignment]


class _Detached(SimpleLazyObject):  # type: ignore[type-arg]
    """A session that is saved only if somebody changed it; other middleware may go on reading it.

    What authentication changes must reach the browser: a new key, or that the old one is void.
    """

    def __getattr__(self, name: str) -> Any:
        # A session without this attribute is one that SessionMiddleware leaves alone.
        if name == "accessed" and not self.modified:
            raise AttributeError(name)
        return super().__getattr__(name)


def revoked(grants: Collection[Grant]) -> list[Grant]:
    """Of these grants, those that no longer stand."""
    standing = _standings({pk for held in grants for pk in (held.user_id, held.owner_id)})
    gone = [held for held in grants if not _stands(held, standing)]
    lost = set(map(id, gone))
    in_sessions = [held for held in grants if held.session_key and id(held) not in lost]
    return gone + _without_session(in_sessions)


def stored_model() -> type[models.Model] | None:
    """The model of sessions kept in the database; None: they are elsewhere, or there are none."""
    store = _store()
    try:
        return store.get_model_class() if issubclass(store, DatabaseStore) else None
    except RuntimeError:  # django.contrib.sessions is not installed
        return None


def is_alive(session: models.Model) -> bool:
    """Whether a stored session has not expired."""
    expires: Any = getattr(session, "expire_date", None)
    return expires is None or expires > timezone.now()


def owner(session: models.Model) -> str | None:
    """The primary key, as text, of the user whom a stored session names."""
    data: dict[str, Any] = getattr(session, "get_decoded", dict)()
    return data.get(SESSION_KEY)


def session_of(key: str) -> SessionBase:
    """The session with this key; an empty one: there is none, or it has expired."""
    return _store()(key)


def _store() -> type[SessionBase]:
    store: type[SessionBase] = import_module(conf.session_engine).SessionStore
    return store


def _user_id(text: str) -> Any:
    return get_user_model()._meta.pk.to_python(text)


def status_of(user: Any) -> UserStatus | None:
    """None: there is no such user."""
    if isinstance(user, get_user_model()):
        return UserStatus(**{name: getattr(user, name) for name in _watched(get_user_model())})
    # Some authentication has a stand-in of its own for the user, made from a token.
    return _standings([user.pk]).get(user.pk)


@functools.cache
def _watched(model: type[models.Model]) -> list[str]:
    concrete = {field.attname for field in model._meta.concrete_fields}
    return [name for name in UserStatus._fields if name in concrete]


def _standings(user_ids: Collection[Any]) -> dict[Any, UserStatus]:
    names = _watched(get_user_model())
    users = get_user_model()._default_manager.using(_alias(get_user_model()))
    found: dict[Any, UserStatus] = {}
    for chunk in chunked(user_ids, PARAMETERS_MAX):
        rows = users.filter(pk__in=chunk).values_list("pk", *names)
        found.update((pk, UserStatus(**dict(zip(names, rest, strict=True)))) for pk, *rest in rows)
    return found


def _alias(model: type[models.Model]) -> str:
    # Where it is written: on a replica that lags behind, who has left would still be there.
    return router.db_for_write(model)


def _stands(held: Grant, standing: dict[Any, UserStatus]) -> bool:
    now, owner = standing.get(held.user_id), standing.get(held.owner_id)
    if now is None or owner is None:
        return False
    if _has_lost(held.standing, now) or _has_lost(held.owner_standing, owner):
        return False
    # Of an impersonation the password that counts is the one that its session was opened with.
    if owner.password != held.owner_standing.password and not _password_still_fits(held):
        return False
    held.standing, held.owner_standing = now, owner
    return True


def _has_lost(was: UserStatus, now: UserStatus) -> bool:
    # Inactive from the start is the business of the site's authentication backend. Who only is
    # staff no more comes again, and hears what is left to them: of a feed that may be less.
    flags = zip(was[1:], now[1:], strict=True)
    return any(before and not after for before, after in flags)


def _password_still_fits(held: Grant) -> bool:
    """Whether the session would pass Django's own test of its hash (`get_user`)."""
    users = get_user_model()._default_manager.using(_alias(get_user_model()))
    owner: Any = users.filter(pk=held.owner_id).first()
    if owner is None or held.session_key is None:
        return False
    if not hasattr(owner, "get_session_auth_hash"):
        return True
    hashes = [owner.get_session_auth_hash(), *owner.get_session_auth_fallback_hash()]
    return any(constant_time_compare(held.session_hash or "", fits) for fits in hashes)


def _without_session(grants: list[Grant]) -> list[Grant]:
    store = _store()
    if issubclass(store, DatabaseStore):
        return _without_stored_session(grants, store)
    loaded = {held.session_key: store(held.session_key) for held in grants}
    data = {key: session.load() for key, session in loaded.items()}
    return [held for held in grants if not _is_users(data[held.session_key], held)]


def _without_stored_session(grants: list[Grant], store: type[DatabaseStore]) -> list[Grant]:
    model = store.get_model_class()
    alive = model._default_manager.using(_alias(model)).filter(expire_date__gt=timezone.now())
    stored: dict[str, str] = {}
    for chunk in chunked({str(held.session_key) for held in grants}, PARAMETERS_MAX):
        rows = alive.filter(session_key__in=chunk)
        stored.update(rows.values_list("session_key", "session_data"))
    return [held for held in grants if not _still_stored(held, stored, store)]


def _still_stored(held: Grant, stored: dict[str, str], store: type[DatabaseStore]) -> bool:
    data = stored.get(str(held.session_key))
    if data is None:
        return False
    if _digest(data) != held.checked:
        if not _is_users(store().decode(data), held):
            return False
        held.remember(data)
    return True


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _is_users(data: dict[str, Any], held: Grant) -> bool:
    return data.get(SESSION_KEY) == held.session_user
