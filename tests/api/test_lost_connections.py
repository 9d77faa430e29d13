"""A worker without requests, whose connection was lost: its next toast opens another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import Error, connection, transaction

from tests.support.postgres import PostgresServer
from tests.support.servers import Site
from toasts import create_toast
from toasts.db import revive_connection
from toasts.models.toast import Toast

WORKER = """
import asyncio, json, sys
from django.contrib.auth.models import User
from django.db import connection, transaction
import psycopg
from toasts import (
    async_create_toast, async_create_toasts, async_dismiss_toast, async_update_toast,
    create_toast, create_toasts, dismiss_toast, update_toast,
)
from toasts.api import dismiss_all
from toasts.models.toast import Toast
alice = User.objects.get()

def lose():
    connection.ensure_connection()
    with psycopg.connect(sys.argv[1], autocommit=True) as other:
        pid = connection.connection.info.backend_pid
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

toast = create_toast("first", alice)
for call in (
    lambda: create_toast("hello", alice),
    lambda: create_toast("hello", alice.pk),
    lambda: create_toasts("hello", [alice.pk]),
    lambda: update_toast(toast, title="changed"),
    lambda: dismiss_toast(toast),
    lambda: dismiss_all(Toast.objects.all()),
):
    lose()
    call()

async def main():
    from asgiref.sync import sync_to_async
    another = await async_create_toast("second", alice)
    for call in (
        lambda: async_create_toast("hello", alice),
        lambda: async_create_toasts("hello", [alice]),
        lambda: async_update_toast(another, title="changed"),
        lambda: async_dismiss_toast(another),
    ):
        await sync_to_async(lose)()
        await call()

asyncio.run(main())
lose()
try:
    with transaction.atomic():
        create_toast("in a transaction", alice)
        lose()
        create_toast("in a transaction", alice)
except Exception as error:
    failed = type(error).__name__
create_toast("after it", alice)
print(json.dumps([failed, list(Toast.objects.values_list("message", flat=True).order_by("pk"))]))
"""


@pytest.mark.servers
def test_every_function_opens_a_lost_connection_again(postgres: PostgresServer) -> None:
    url = postgres.create("lost")
    site = Site(url)
    site.users("alice")
    failed, messages = site.run(WORKER, url)
    assert failed in ("OperationalError", "InterfaceError")
    assert messages == ["first", *["hello"] * 3, "second", *["hello"] * 2, "after it"]


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def closes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[None]]:
    """How often the connection is closed."""
    calls: list[None] = []
    close: Callable[[], None] = connection.close

    def closing() -> None:
        calls.append(None)
        close()

    monkeypatch.setattr(connection, "close", closing)
    yield calls
    monkeypatch.undo()


def test_a_connection_that_works_is_kept(alice: User, closes: list[None]) -> None:
    create_toast("one", alice)
    with pytest.raises(Error), connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column")
    create_toast("two", alice)
    assert closes == []
    assert not connection.errors_occurred


def test_in_a_transaction_nothing_is_asked_or_closed(
    alice: User, closes: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "is_usable", lambda: False)
    connection.errors_occurred = True
    with transaction.atomic():
        create_toast("one", alice)
    transaction.set_autocommit(False)
    try:
        revive_connection()
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert closes == []
    connection.errors_occurred = True
    revive_connection()
    assert closes == [None]
    assert Toast.objects.count() == 1
