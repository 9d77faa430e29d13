"""Grants: the permissions on which streams are open.

A grant holds what `toasts.auth.revocation` needs to find out later whether it has ended.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.db import models, router
from django.http import HttpRequest

from ..db import PARAMETERS_MAX, chunked
from ..tenants import admitting_tenant
from ..users import user_key


class UserStatus(NamedTuple):
    """The columns of a user that decide about permissions. A user model may lack any of them."""

    password: str | None = None
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False


STATUS_FIELDS = frozenset(UserStatus._fields)


class NamedSession(Protocol):
    """What a grant takes from a session."""

    @property
    def session_key(self) -> str | None: ...
    def get(self, key: str, /) -> Any: ...


class Grant:
    """The permission to open a stream: a user and, if any, a session.

    Grants are compared by identity: two tabs of one session have two grants.

    Args:
        user_id: the primary key of the user.
        status: the user's status when the grant was made.
        tenant: in which the user is signed in; empty: the site has none.
    """

    __slots__ = (
        "owner_id", "owner_status", "session_digest", "session_hash", "session_key", "session_user",
        "status", "tenant", "user_id",
    )  # fmt: skip

    def __init__(self, user_id: Any, status: UserStatus, tenant: str = "") -> None:
        self.user_id = user_id
        self.tenant = tenant
        self.status = status
        self.owner_id = user_id
        """The user whom the session names: another one while an impersonation lasts."""
        self.owner_status = status
        self.session_key: str | None = None
        self.session_user: str | None = None
        self.session_hash: str | None = None
        self.session_digest: bytes | None = None
        """Digest of the stored session when it was last decoded. An equal one is not decoded."""

    def bind_session(self, session: NamedSession, owner_id: Any, owner_status: UserStatus) -> None:
        """Bind the grant to this session: it ends when the session ends.

        It ends, too, when the status of the user whom the session names changes.
        """
        self.owner_id = owner_id
        self.owner_status = owner_status
        self.session_key = session.session_key
        self.session_user = session.get(SESSION_KEY)
        self.session_hash = session.get(HASH_SESSION_KEY)

    def has_decoded(self, text: str) -> bool:
        """Return whether the stored session has not changed since it was last decoded."""
        return self.session_digest == _digest(text)

    def set_decoded(self, text: str) -> None:
        """Remember the stored session that was just decoded and is valid."""
        self.session_digest = _digest(text)


def request_grant(request: HttpRequest) -> Grant | None:
    """Return the grant that the site's middleware gave to this request. Blocks.

    It may read the session and the user from the database.

    Returns:
        None if no user is signed in.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return user_grant(user, getattr(request, "session", None))


def user_grant(user: Any, session: SessionBase | None) -> Grant | None:
    """Return the grant of this user, which ends with the session if that names one. Blocks.

    Args:
        user: an instance of the user model, or a stand-in with the primary key of a user.
        session: None for a user who was not signed in by a session.

    Returns:
        None if there is no such user.
    """
    status = user_status(user)
    if status is None:
        return None
    user_id = user_key(user)
    grant = Grant(user_id, status, admitting_tenant())
    # A user who was not taken from the session (a token, a client certificate) doesn't end with it.
    if session is not None and session.get(SESSION_KEY) is not None:
        owner_id = get_user_model()._meta.pk.to_python(session[SESSION_KEY])
        if owner_id == user.pk:  # Django names a child of the user model by the child's own key
            owner_id = user_id
        owner = status if owner_id == user_id else user_statuses([owner_id]).get(owner_id)
        if owner is not None:
            grant.bind_session(session, owner_id, owner)
    return grant


def user_status(user: Any) -> UserStatus | None:
    """Return the status of a user, or None if there is no such user. May block.

    Some authentication makes a stand-in for the user, from a token for example. Then the user's
    row is read.
    """
    model = get_user_model()
    if isinstance(user, model):
        return UserStatus(**{name: getattr(user, name) for name in _status_columns(model)})
    user_id = user_key(user)
    return user_statuses([user_id]).get(user_id)


def user_statuses(user_ids: Collection[Any]) -> dict[Any, UserStatus]:
    """Return the status of each of these users who exists, by primary key. Blocks."""
    names = _status_columns(get_user_model())
    found: dict[Any, UserStatus] = {}
    for chunk in chunked(user_ids, PARAMETERS_MAX):
        rows = users().filter(pk__in=chunk).values_list("pk", *names)
        found.update((pk, UserStatus(**dict(zip(names, rest, strict=True)))) for pk, *rest in rows)
    return found


def users() -> models.QuerySet[Any]:
    """Return all users, read from where they are written.

    On a replica that lags behind, a user who was deleted would still be there.
    """
    model = get_user_model()
    rows: models.QuerySet[Any] = model._default_manager.using(router.db_for_write(model))
    return rows


@functools.cache
def _status_columns(model: type[models.Model]) -> list[str]:
    columns = {field.attname for field in model._meta.concrete_fields}
    return [name for name in UserStatus._fields if name in columns]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
