"""Database helpers that several modules use."""

from __future__ import annotations

import functools
import select
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from django.apps import apps
from django.db import DatabaseError, InterfaceError, connections, router, transaction

T = TypeVar("T")

PARAMETERS_MAX = 500
"""How many values a query gets at most. SQLite's oldest builds allow 999 parameters."""


def database() -> str:
    """Return the alias of the database that toasts are written to.

    They are read from there, too: a replica may lag behind.
    """
    return router.db_for_write(_toast_model())


@functools.cache
def _toast_model() -> Any:
    return apps.get_model("toasts", "Toast")


def revive_connection(alias: str | None = None) -> None:
    """Close this thread's connection to a database if it was lost. It then opens again.

    Django does this when a request begins or ends. A worker has no requests, so its thread would
    fail for ever. Inside a transaction, and if the caller commits by hand, it does nothing.

    Args:
        alias: the database; None: the one that toasts are written to.
    """
    connection: Any = connections[alias or database()]
    if connection.connection is None or connection.in_atomic_block or not connection.autocommit:
        return
    if connection.errors_occurred or _has_unread_bytes(connection.connection):
        if connection.is_usable():
            connection.errors_occurred = False
        else:
            connection.close()


def _has_unread_bytes(driver: Any) -> bool:
    """Return whether an idle connection has something to read, such as its end."""
    try:
        number = driver.fileno()
    except Exception:  # it has no socket, as with SQLite, or is closed
        return False
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([number], [], [], 0)[0])


def reports_commits(using: str | None = None) -> bool:
    """Return whether Django runs the jobs of `transaction.on_commit` for a database now.

    It does not if the caller commits by hand, with autocommit off.
    """
    connection = transaction.get_connection(using)
    return bool(connection.in_atomic_block or connection.get_autocommit())


def on_commit_or_now(job: Callable[[], None], using: str | None = None) -> None:
    """Run a job when the transaction commits; at once outside of one.

    Also at once if the caller commits by hand, with autocommit off: Django reports no such commit.

    Args:
        job: the function.
        using: the database; None: the default one.
    """
    if reports_commits(using):
        transaction.on_commit(job, using=using)
    else:
        job()


class fresh_connection:
    """Close the connections of this thread if the block fails with a database error.

    The next query then opens a new connection. A connection inside a transaction stays open: the
    transaction is the caller's, who must end it.
    """

    def __enter__(self) -> None:
        """Do nothing: the work is done when the block ends."""

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None and issubclass(kind, DatabaseError | InterfaceError):
            for connection in connections.all(initialized_only=True):
                if not connection.in_atomic_block:
                    connection.close()


def chunked(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the values in lists of at most `size` items, in their order."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
