"""What is announced when a transaction commits."""

from __future__ import annotations

import functools
from typing import Any

from django.db import transaction

from ..db import database, reports_commits
from ..delivery.announce import announce_users
from ..tenants import current_tenant
from ..types import UserOrKey
from ..users import key_of


def announce_changes(*users: UserOrKey) -> None:
    """Tell open pages that these users' toasts have changed. They read them again after COMMIT.

    Call it after you wrote rows without the functions of this package.

    Args:
        users: instances or primary keys.

    Raises:
        ValueError: one of them is neither.
    """
    announce_after_commit([key_of(user) for user in users])


def announce_after_commit(user_ids: list[Any]) -> None:
    """Announce the users' toasts when the current transaction commits; at once if there is none."""
    if not reports_commits(database()):
        # The caller commits by hand, which Django does not report. The reconciler finds the rows.
        return
    # The tenant of now: at COMMIT, the code may have left it.
    announce = functools.partial(announce_users, user_ids, current_tenant())
    transaction.on_commit(announce, using=database())
