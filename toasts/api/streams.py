"""end_streams and its async version."""

from __future__ import annotations

import functools

from ..db import database, on_commit_or_now
from ..delivery.announce import announce_end
from ..tenants import current_tenant
from ..types import UserOrKey
from ..users import key_of
from .async_twin import async_twin


def end_streams(*users: UserOrKey) -> None:
    """End the open streams of users, in every process. Their pages connect again within seconds.

    Call it when a user loses a right that `Feed.topic`, a decorator or your middleware checks.
    Then the next request decides anew what the page may see. In a transaction, the streams end
    after COMMIT. With autocommit off, call it after your commit. A user who is deactivated or
    signs out needs no call, nor does one who loses a group or a permission of Django's own.

    Args:
        users: instances or primary keys.

    Raises:
        ValueError: one of them is neither.
    """
    keys = [key_of(user) for user in users]
    on_commit_or_now(functools.partial(announce_end, keys, current_tenant()), database())


async_end_streams = async_twin(end_streams)
