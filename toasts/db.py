"""Database helpers that several modules use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.apps import apps
from django.db import DatabaseError, InterfaceError, connections, router

T = TypeVar("T")

PARAMETERS_MAX = 500
"""How many values a query gets at most. SQLite's oldest builds allow 999 parameters."""


def database() -> str:
    """Return the alias of the database that toasts are written to.

    They are read from there, too: a replica may lag behind.
    """
    return router.db_for_write(apps.get_model("toasts", "Toast"))


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
