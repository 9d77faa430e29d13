"""The toasts of users as the engine needs them: topics, states and events."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.utils.crypto import salted_hmac

from ..auth import revocation
from ..auth.grants import Grant
from ..conf import conf
from ..db import fresh_connection
from ..models.toast import Toast
from ..realtime.sources import MAIN_GROUP
from ..realtime.sse import json_event
from ..realtime.streams.subscription import difference
from ..tenants import holder_of, kind_of, missing_of
from . import signed, state
from .connections import HubConnections
from .state import NO_STATE_ID, ToastState, state_digest, toast_event

KIND = "user"
"""The kind of topic: what the names of all users' topics begin with."""
PREFIX = f"{KIND}:"
_with_toasts: set[str] = set()
"""The tenants that have been found to have toasts."""
RETRY = (1000, 5000)
"""Milliseconds, least and most, after which a browser reconnects for the first time."""


def topic(user_id: Any, tenant: str = "") -> str:
    """Return the topic of a user's toasts. It is made on the server; no client ever names it.

    Args:
        user_id: the user's primary key.
        tenant: the tenant whose code runs; empty: the site has none.
    """
    if not tenant:
        return f"{PREFIX}{user_id}"
    return f"{kind_of(KIND, holder_of(Toast, tenant))}:{user_id}"


def owner_name(user_id: Any, tenant: str = "") -> str:
    """Return the name by which a user's streams are counted and rechecked.

    It is the user's topic, except where tenants share their users, and have toasts of their own.

    Args:
        user_id: the user's primary key.
        tenant: the tenant whose code runs; empty: the site has none.
    """
    if not tenant:
        return f"{PREFIX}{user_id}"
    return f"{kind_of(KIND, holder_of(get_user_model(), tenant))}:{user_id}"


def _topics_by_user(topics: Iterable[str]) -> dict[Any, str]:
    """Return the topics by the primary keys of their users."""
    field = get_user_model()._meta.pk
    # Most sites have integers. The field's own to_python takes five times as long as int.
    is_integer = type(field).to_python is models.IntegerField.to_python
    parse = int if is_integer else field.to_python
    return {parse(name[len(PREFIX) :]): name for name in topics}


def state_id_of(topic: str, active: ToastState) -> str:
    """Return the id of a topic's state, which a client sends back as Last-Event-ID or as cursor.

    All ids of one topic have the same text before the dot. By it, tabs find out whether they show
    the toasts of the same user. Without SECRET_KEY it reveals nothing about the user.
    """
    secret = conf.oldest_secret_key  # so that the name outlives a rotation of the key
    owner = salted_hmac("toasts", topic, secret=secret, algorithm="sha256").hexdigest()[:16]
    return f"{owner}.{state_digest(active)}"


def has_toasts(tenant: str) -> bool:
    """Return whether a tenant has a table of toasts. Blocks, unless it had one before.

    A site may have pages, such as those of a public schema, whose users have no toasts.
    """
    if not tenant or tenant in _with_toasts:
        return True
    if missing_of([tenant], Toast):
        return False
    _with_toasts.add(tenant)
    return True


class ToastSource:
    """The source of the topics of users."""

    def read(self, topics: Sequence[str]) -> Mapping[str, ToastState]:
        """Return the active toasts of those of these topics that have any. Blocks."""
        with fresh_connection():
            return state.read(_topics_by_user(topics))

    def revoked(self, grants: Collection[Grant]) -> Collection[Grant]:
        """Return those of the grants that are no longer valid. Blocks."""
        with fresh_connection():
            return revocation.revoked(grants)

    def take_signed(self, text: str) -> Sequence[str]:
        """Take a signed hint. Return the topics whose streams it ends."""
        return signed.take_hint(text)

    def open(self, is_replacement: bool) -> HubConnections:
        """Prepare the database connections of the calling thread."""
        return HubConnections(is_replacement)

    def delta(self, topic: str, last_sent: ToastState, active: ToastState) -> bytes:
        """Return the events that turn the state `last_sent` into the state `active`."""
        if not last_sent and len(active) == 1:  # most toasts are the first or the only one
            ((toast_id, content),) = active.items()
            return toast_event(toast_id, content)
        gone, new = difference(last_sent, active)
        events = [toast_event(toast_id, content) for toast_id, content in new]
        if gone:
            events.insert(0, json_event("dismiss", {"ids": gone}, id=NO_STATE_ID))
        return b"".join(events)

    def group_of(self, topic: str) -> str:
        """Return the group of all topics of users."""
        return MAIN_GROUP

    def has_prefix(self, prefix: str) -> bool:
        """Return False: nobody announces all users at once."""
        return False

    def bye(self, reason: str) -> bytes:
        """Return the last event of a stream."""
        return json_event("bye", {"reason": reason}, retry=random.randint(*RETRY))

    def snapshot(self, topic: str, active: ToastState, last_event_id: str | None = None) -> bytes:
        """Return all active toasts and then the list of their ids.

        A client whose `last_event_id` is the id of this very state gets the list alone.
        """
        state_id = state_id_of(topic, active)
        is_known = last_event_id == state_id
        events = [] if is_known else [toast_event(*item) for item in active.items()]
        retry = random.randint(*RETRY)
        events.append(json_event("sync", {"ids": list(active)}, id=state_id, retry=retry))
        return b"".join(events)


TOASTS = ToastSource()


def read_state(user_id: Any) -> ToastState:
    """Return a user's active toasts. Blocks, on the caller's own connection."""
    return state.read({user_id: user_id}).get(user_id, {})
