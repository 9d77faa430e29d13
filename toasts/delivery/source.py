"""What a user's toasts are to the engine: a topic, its state, and the events that say it."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, models
from django.utils.crypto import salted_hmac

from ..auth import grants as sessions
from ..db import fresh_connection
from ..realtime.sse import json_event
from ..realtime.streams.subscription import difference
from . import state
from .state import CHANGED, State, cursor

PREFIX = "user:"
RETRY = (1000, 5000)
"""Milliseconds between which a browser's first reconnect is spread."""


def topic(user_id: Any) -> str:
    """The topic of a user's toasts; made on the server, never named by a client."""
    return f"{PREFIX}{user_id}"


def _names(topics: Iterable[str]) -> dict[Any, str]:
    """These topics by their users' primary keys."""
    field = get_user_model()._meta.pk
    # Of most sites' users: the field's own way to say int() takes five times as long.
    plain = type(field).to_python is models.IntegerField.to_python
    key = int if plain else field.to_python
    return {key(name[len(PREFIX) :]): name for name in topics}


def state_id_of(topic: str, active: State) -> str:
    """What a client calls this state of this topic; up to the dot it is the same for all states.

    Tabs tell by that part whose toasts they have. It says nothing to who lacks SECRET_KEY.
    """
    return f"{salted_hmac('toasts', topic, algorithm='sha256').hexdigest()[:16]}.{cursor(active)}"


class ToastSource:
    """The toasts of users, as the engine asks for them."""

    def read(self, topics: Sequence[str]) -> Mapping[str, State]:
        """The active toasts of these topics' users who have any. Blocks."""
        with fresh_connection():
            return state.read(_names(topics))

    def revoked(self, grants: Collection[sessions.Grant]) -> Collection[sessions.Grant]:
        with fresh_connection():
            return sessions.revoked(grants)

    def close(self) -> None:
        connections.close_all()

    def delta(self, topic: str, told: State, active: State) -> bytes:
        if not told and len(active) == 1:  # the first toast, or the only one: most are
            ((key, content),) = active.items()
            return state.event(key, content)
        gone, new = difference(told, active)
        events = [state.event(key, content) for key, content in new]
        if gone:
            events.insert(0, json_event("dismiss", {"ids": gone}, id=CHANGED.decode()))
        return b"".join(events)

    def bye(self, reason: str) -> bytes:
        return json_event("bye", {"reason": reason}, retry=random.randint(*RETRY))

    def snapshot(self, topic: str, active: State, known: str | None = None) -> bytes:
        """All that is active, then the list of it; only the list for who knows this very state."""
        mark = state_id_of(topic, active)
        parts = [] if known == mark else [state.event(*item) for item in active.items()]
        retry = random.randint(*RETRY)
        parts.append(json_event("sync", {"ids": list(active)}, id=mark, retry=retry))
        return b"".join(parts)


TOASTS = ToastSource()


def read_state(user_id: Any) -> State:
    """A user's active toasts now. Blocks, on the caller's own connection."""
    return state.read({user_id: user_id}).get(user_id, {})
