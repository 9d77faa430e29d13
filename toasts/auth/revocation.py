"""Revocation: whether the grant of a stream has ended.

A stream outlives its request by minutes. Meanwhile its user may log out, be deactivated, change the
password or lose the session. One or two queries find out for all streams together.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils.crypto import constant_time_compare

from .grants import Grant, UserStatus, user_statuses, users
from .session_keys import is_being_replaced, latest_key
from .sessions import session_by_key, session_store, stored_texts


def revoked(grants: Collection[Grant]) -> list[Grant]:
    """Return those of the grants that are no longer valid. Blocks."""
    for grant in grants:
        _follow_session(grant)
    statuses = user_statuses({pk for grant in grants for pk in (grant.user_id, grant.owner_id)})
    ended = [grant for grant in grants if not _users_still_qualify(grant, statuses)]
    ended_ids = set(map(id, ended))
    others = [grant for grant in grants if grant.session_key and id(grant) not in ended_ids]
    return ended + _without_session(others)


def session_valid(grant: Grant) -> bool:
    """Return whether Django would still sign in by the session that this grant is bound to. Blocks.

    The session's owner may be another user than the grant's. The owner may have been deactivated
    since, or may have a new password.
    """
    if grant.session_key is None or not grant.owner_status.is_active:
        return False
    return grant.owner_id == grant.user_id or _session_hash_matches(grant)


def _follow_session(grant: Grant) -> None:
    """Bind a grant to the new key of its session, if that was replaced."""
    if grant.session_key is not None and (key := latest_key(grant.session_key)) != (
        grant.session_key
    ):
        grant.session_key, grant.session_digest = key, None


def _users_still_qualify(grant: Grant, statuses: dict[Any, UserStatus]) -> bool:
    """Return whether neither user has lost what the grant rests on, and keep their new status."""
    status, owner_status = statuses.get(grant.user_id), statuses.get(grant.owner_id)
    if status is None or owner_status is None:
        return False
    if _has_lost(grant.status, status) or _has_lost(grant.owner_status, owner_status):
        return False
    # Of an impersonation, the password that counts is that of the session's owner.
    if owner_status.password != grant.owner_status.password and not _session_hash_matches(grant):
        return grant.session_key is not None and is_being_replaced(grant.session_key)
    grant.status, grant.owner_status = status, owner_status
    return True


def _has_lost(before: UserStatus, now: UserStatus) -> bool:
    # Whether a user may be inactive from the start is for the site's authentication backend to
    # decide. A user who is no longer staff reconnects, and may then get less of a feed.
    flags = zip(before[1:], now[1:], strict=True)
    return any(had and not has for had, has in flags)


def _session_hash_matches(grant: Grant) -> bool:
    """Return whether the session would pass Django's own check of its hash (`get_user`)."""
    owner: Any = users().filter(pk=grant.owner_id).first()
    if owner is None or grant.session_key is None:
        return False
    if not hasattr(owner, "get_session_auth_hash"):
        return True
    hashes = [owner.get_session_auth_hash(), *owner.get_session_auth_fallback_hash()]
    if _is_one_of(grant.session_hash, hashes):
        return True
    # A new password, whose request has updated its session (update_session_auth_hash).
    grant.session_hash = session_by_key(grant.session_key).get(HASH_SESSION_KEY)
    return _is_one_of(grant.session_hash, hashes)


def _is_one_of(session_hash: str | None, hashes: list[str]) -> bool:
    return any(constant_time_compare(session_hash or "", valid) for valid in hashes)


def _without_session(grants: list[Grant]) -> list[Grant]:
    """Return those of the grants whose session is gone or names another user now."""
    store = session_store()
    if issubclass(store, DatabaseStore):
        texts = stored_texts(store, {str(grant.session_key) for grant in grants})
        decoder = store()
        return [grant for grant in grants if not _is_still_stored(grant, texts, decoder)]
    sessions = {grant.session_key: store(grant.session_key) for grant in grants}
    data = {key: session.load() for key, session in sessions.items()}
    return [grant for grant in grants if not _names_its_user(data[grant.session_key], grant)]


def _is_still_stored(grant: Grant, texts: dict[str, str], decoder: SessionBase) -> bool:
    text = texts.get(str(grant.session_key))
    if text is None:
        return False
    if not grant.has_decoded(text):
        if not _names_its_user(decoder.decode(text), grant):
            return False
        grant.set_decoded(text)
    return True


def _names_its_user(data: dict[str, Any], grant: Grant) -> bool:
    return data.get(SESSION_KEY) == grant.session_user
