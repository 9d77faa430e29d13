"""On what right a stream is open, and whether that right still stands.

A stream outlives its request by minutes, so whoever opened it may have logged out, been
deactivated, changed the password or lost the session. One or two queries tell for all streams.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from importlib import import_module
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from .conf import conf

_WATCHED = ("password", "is_active")


class Grant:
    """The right that a request showed: a user, and the session that named it, if one did.

    Compared by identity: two tabs of one session have two grants.
    """

    __slots__ = ("checked", "session_hash", "session_key", "session_user", "standing", "user_id")

    def __init__(self, user: Any, session: SessionBase | None) -> None:
        self.user_id = user.pk
        self.standing = tuple(getattr(user, name) for name in _watched())
        self.session_key = session.session_key if session is not None else None
        self.session_user = session.get(SESSION_KEY) if session is not None else None
        self.session_hash = session.get(HASH_SESSION_KEY) if session is not None else None
        self.checked: str | None = None
        """The stored session that was decoded last, so that it is done again only when it changed."""


def grant(request: HttpRequest) -> Grant | None:
    """Whom the site's own middleware took this request for; None: for nobody.

    Blocks: it may read the session and the user from the database.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    session = getattr(request, "session", None)
    # A user who was not taken from the session (a token, a client certificate) doesn't end with it.
    named = session is not None and session.get(SESSION_KEY) is not None
    return Grant(user, session if named else None)


def detach(request: HttpRequest) -> None:
    """Keep the session middleware from renewing the session for this response.

    With SESSION_SAVE_EVERY_REQUEST a page left open would otherwise prolong its session for ever.
    A session that authentication itself changed is left alone: its new key must reach the browser.
    """
    session = getattr(request, "session", None)
    if session is not None and not session.modified:
        del request.session  # its middleware returns early without one


def revoked(grants: Collection[Grant]) -> list[Grant]:
    """Of these grants, those that no longer stand."""
    standing = _standing({held.user_id for held in grants})
    gone = [held for held in grants if not _stands(held, standing)]
    lost = set(map(id, gone))
    in_sessions = [held for held in grants if held.session_key and id(held) not in lost]
    return gone + _without_session(in_sessions)


def stored_model() -> type[models.Model] | None:
    """The model of sessions kept in the database; None: they are kept elsewhere, or there are none."""
    store = _store()
    try:
        return store.get_model_class() if issubclass(store, DatabaseStore) else None
    except RuntimeError:  # django.contrib.sessions is not installed
        return None


def owner(session: models.Model) -> str | None:
    """The primary key, as text, of the user whom a stored session names."""
    return getattr(session, "get_decoded", dict)().get(SESSION_KEY)


def _store() -> type[SessionBase]:
    store: type[SessionBase] = import_module(conf.session_engine).SessionStore
    return store


def _watched() -> list[str]:
    concrete = {field.attname for field in get_user_model()._meta.concrete_fields}
    return [name for name in _WATCHED if name in concrete]


def _standing(user_ids: Collection[Any]) -> dict[Any, tuple[Any, ...]]:
    users = get_user_model()._default_manager
    rows: dict[Any, tuple[Any, ...]] = {}
    for chunk in _chunks(user_ids):
        found = users.filter(pk__in=chunk).values_list("pk", *_watched())
        rows.update((pk, tuple(rest)) for pk, *rest in found)
    return rows


def _stands(held: Grant, standing: dict[Any, tuple[Any, ...]]) -> bool:
    now = standing.get(held.user_id)
    if now is None:
        return False
    if now == held.standing:
        return True
    names = _watched()
    # Inactive from the start is the business of the site's authentication backend.
    if "is_active" in names and not now[names.index("is_active")]:
        return not held.standing[names.index("is_active")]
    if _password_still_fits(held):
        held.standing = now
        return True
    return False


def _password_still_fits(held: Grant) -> bool:
    user = get_user_model()._default_manager.filter(pk=held.user_id).first()
    if user is None or held.session_hash is None:
        return user is not None and held.session_key is not None
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(held.session_hash, fits) for fits in hashes)


def _without_session(grants: list[Grant]) -> list[Grant]:
    store = _store()
    if issubclass(store, DatabaseStore):
        return _without_stored_session(grants, store)
    return [held for held in grants if not _names(store(held.session_key), held)]


def _without_stored_session(grants: list[Grant], store: type[DatabaseStore]) -> list[Grant]:
    model = store.get_model_class()
    stored: dict[str, str] = {}
    for chunk in _chunks({str(held.session_key) for held in grants}):
        rows = model._default_manager.filter(
            session_key__in=chunk, expire_date__gt=timezone.now()
        ).values_list("session_key", "session_data")
        stored.update(rows)
    return [held for held in grants if not _still_stored(held, stored, store)]


def _still_stored(held: Grant, stored: dict[str, str], store: type[DatabaseStore]) -> bool:
    data = stored.get(str(held.session_key))
    if data is None:
        return False
    if data != held.checked:
        if not _is_users(store().decode(data), held):
            return False
        held.checked = data
    return True


def _names(session: SessionBase, held: Grant) -> bool:
    return _is_users(session.load(), held)


def _is_users(data: dict[str, Any], held: Grant) -> bool:
    return data.get(SESSION_KEY) == held.session_user


def _chunks(values: Iterable[Any], size: int = 500) -> Iterable[list[Any]]:
    listed = list(values)
    return (listed[start : start + size] for start in range(0, len(listed), size))
