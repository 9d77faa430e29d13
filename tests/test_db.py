"""Database helpers: chunks, and connections that failed."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction

from toasts.db import chunked, database, fresh_connection

pytestmark = pytest.mark.django_db(transaction=True)


class ToReplica:
    def db_for_read(self, model: object, **hints: object) -> str:
        return "replica"

    def db_for_write(self, model: object, **hints: object) -> str:
        return "primary"


def test_the_database_of_toasts_is_the_one_they_are_written_to(settings: object) -> None:
    assert database() == "default"
    settings.DATABASE_ROUTERS = ["tests.test_db.ToReplica"]  # type: ignore[attr-defined]
    assert database() == "primary"


def test_a_failed_statement_leaves_the_callers_transaction_alone(alice: User) -> None:
    with transaction.atomic():
        alice.email = "new@example.com"
        alice.save()
        with pytest.raises(OperationalError), fresh_connection():
            raise OperationalError("a notification that could not be sent")
    assert User.objects.get().email == "new@example.com"


def test_outside_of_a_transaction_a_failed_connection_is_closed(db: None) -> None:
    connection.ensure_connection()
    with pytest.raises(OperationalError), fresh_connection():
        raise OperationalError("the server went away")
    assert connection.connection is None


def test_an_error_that_is_not_the_databases_closes_no_connection(db: None) -> None:
    connection.ensure_connection()
    with pytest.raises(KeyError), fresh_connection():
        raise KeyError("a mistake in the caller")
    assert connection.connection is not None


@pytest.mark.parametrize(
    ("values", "chunks"),
    [([], []), ([1], [[1]]), ([1, 2], [[1, 2]]), ([1, 2, 3, 4, 5], [[1, 2], [3, 4], [5]])],
)
def test_chunks_keep_the_order_and_lose_nothing(values: list[int], chunks: list[list[int]]) -> None:
    assert list(chunked(values, 2)) == chunks
    assert list(chunked(iter(values), 2)) == chunks
