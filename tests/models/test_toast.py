"""The table: its defaults, its constraints and its queries."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.utils import DataError
from django.test import Client
from django.utils import timezone as django_timezone

from toasts import create_toast
from toasts.models import Level, Row, Toast, moment, wire

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def insert(**columns: Any) -> None:
    """Insert a row by plain SQL, as another program does."""
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO toasts_toast ({names}) VALUES ({places})", list(columns.values())
        )


def test_two_columns_of_plain_sql_make_a_complete_toast(alice: User) -> None:
    insert(user_id=alice.pk, message="hi")
    toast = Toast.objects.get()
    now = django_timezone.now()
    assert abs(toast.created_at - now) < timedelta(minutes=1)
    assert toast.visible_from <= now + timedelta(seconds=1)
    expected = {
        "id": toast.pk, "message": "hi", "title": "", "level": "info", "url": "", "actions": [],
        "key": "", "progress": None, "duration": None, "data": {},
        "created_at": moment(toast.created_at), "expires_at": None, "read": False,
    }  # fmt: skip
    (row,) = Toast.objects.newest_active([alice.pk], 200)
    assert wire(row) == expected
    client = Client()
    client.force_login(alice)
    assert client.get("/toasts/api/toasts/").json()["results"] == [expected]


def test_the_columns_are_the_documented_ones() -> None:
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, "toasts_toast")
    assert {column.name for column in columns} == {
        "id", "user_id", "message", "title", "level", "url", "actions", "key", "progress",
        "duration", "data", "created_at", "updated_at", "visible_from", "expires_at", "read_at",
    }  # fmt: skip


BROKEN = [
    ({"level": "danger"}, "toasts_level_known"),
    ({"level": ""}, "toasts_level_known"),
    ({"progress": -1}, "progress"),
    ({"progress": 101}, "toasts_progress_percent"),
    ({"duration": -0.5}, "toasts_duration_not_negative"),
    ({"message": ""}, "toasts_message_not_empty"),
    ({"message": "x" * 2001}, "toasts_message_length"),
    ({"title": "x" * 201}, "toasts_title_length"),
]


@pytest.mark.parametrize(("columns", "name"), BROKEN)
def test_the_database_refuses_invalid_values(
    alice: User, columns: dict[str, Any], name: str, on_postgres: bool
) -> None:
    # On PostgreSQL the type of the column may be the first to refuse.
    with pytest.raises((IntegrityError, DataError), match=f"{name}|too long"), transaction.atomic():
        insert(**{"user_id": alice.pk, "message": "hi", **columns})
    assert not Toast.objects.exists()


@pytest.mark.parametrize("column", ["user_id", "message"])
def test_a_toast_without_user_or_message_is_refused(alice: User, column: str) -> None:
    columns = {"user_id": alice.pk, "message": "hi"}
    del columns[column]
    with pytest.raises(IntegrityError, match=column), transaction.atomic():
        insert(**columns)


@pytest.mark.parametrize("column", ["actions", "data"])
def test_text_that_is_not_json_is_refused(alice: User, column: str) -> None:
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        insert(**{"user_id": alice.pk, "message": "hi", column: "{not json"})


@pytest.mark.parametrize(
    "columns",
    [
        {"progress": 0},
        {"progress": 100},
        {"duration": 0},
        {"message": "\U0001f600" * 2000},
        {"title": "é" * 200},
        *({"level": level} for level in Level.values),
    ],
    ids=str,
)
def test_values_at_the_limits_are_allowed(alice: User, columns: dict[str, Any]) -> None:
    insert(**{"user_id": alice.pk, "message": "hi", **columns})
    assert Toast.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_unknown_user_is_refused() -> None:
    with pytest.raises(IntegrityError):
        insert(user_id=12345, message="hi")


def test_the_toasts_of_a_deleted_user_are_deleted(alice: User, bob: User) -> None:
    create_toast("hers", alice)
    kept = create_toast("his", bob)
    alice.delete()
    assert list(Toast.objects.all()) == [kept]


FROM: dict[str, timedelta] = {"earlier": -HOUR, "now": timedelta(0), "later": HOUR}
UNTIL: dict[str, timedelta | None] = {"never": None, "past": -HOUR, "future": HOUR}
READ: dict[str, timedelta | None] = {"unread": None, "read": -HOUR}


@pytest.fixture
def mixed(alice: User, bob: User) -> dict[Any, list[int]]:
    """Toasts of every kind for two users. The value is the active ids by user, oldest first."""
    now = django_timezone.now() - timedelta(seconds=1)  # another clock may be a little behind
    active: dict[Any, list[int]] = {alice.pk: [], bob.pk: []}
    kinds = itertools.product(FROM.values(), UNTIL.values(), READ.values())
    for (start, end, read), user in itertools.product(kinds, (alice, bob)):
        toast = Toast.objects.create(
            user=user, message=f"{start} {end} {read}", visible_from=now + start,
            expires_at=None if end is None else now + end,
            read_at=None if read is None else now + read,
        )  # fmt: skip
        if start <= timedelta(0) and (end is None or end > timedelta(0)) and read is None:
            active[user.pk].append(toast.pk)
    return active


def implementations() -> Iterator[Callable[..., Iterator[Row]]]:
    yield Toast.objects.all().newest_active
    yield Toast.objects.all()._newest_active_window
    if connection.vendor == "postgresql":
        yield Toast.objects.all()._newest_active_lateral


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_newest_active_has_each_users_unread_visible_and_unexpired_toasts(
    mixed: dict[Any, list[int]], limit: int
) -> None:
    everything = sorted(itertools.chain(*(ids[-limit:] for ids in mixed.values())))
    answers = [list(read(list(mixed), limit)) for read in implementations()]
    for rows in answers:
        assert [row.id for row in rows] == everything
        assert rows == answers[0]
    for read, (user_id, ids) in itertools.product(implementations(), mixed.items()):
        assert [row.id for row in read([user_id], limit)] == ids[-limit:]


def test_active_has_the_same_toasts_newest_first(alice: User, mixed: dict[Any, list[int]]) -> None:
    active = Toast.objects.for_user(alice).active()
    assert [toast.pk for toast in active] == mixed[alice.pk][::-1]


def test_no_users_and_unknown_users_have_no_toasts(mixed: dict[Any, list[int]]) -> None:
    for read in implementations():
        assert list(read([], 200)) == []
        assert list(read([987654321], 200)) == []


def test_a_user_who_is_given_twice_is_read_once(alice: User, mixed: dict[Any, list[int]]) -> None:
    for read in implementations():
        assert [row.id for row in read([alice.pk, alice.pk], 200)] == mixed[alice.pk]


def test_a_row_that_is_read_in_bulk_equals_the_row_of_its_toast(alice: User) -> None:
    create_toast(
        "körper \U0001f600 \u2028 </script>", alice, title="t", level="error", url="/x", key="k",
        actions=[{"name": "a", "label": "Ä", "url": "/y"}], progress=3, duration=2.5,
        expires_at=django_timezone.now() + HOUR, data={"b": [1, {"a": None}], "ä": 1.5},
    )  # fmt: skip
    toast = Toast.objects.get()
    for read in implementations():
        (row,) = read([alice.pk], 200)
        assert wire(row) == wire(toast.row())
        assert {**row._asdict(), "actions": 0, "data": 0} == {
            **toast.row()._asdict(), "actions": 0, "data": 0,
        }  # fmt: skip
        assert hash(row) == hash(next(read([alice.pk], 200)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), "2030-01-02T03:04:05Z"),
        (datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=UTC), "2030-01-02T03:04:05.678000Z"),
        (datetime(2030, 1, 2, 3, tzinfo=timezone(HOUR)), "2030-01-02T02:00:00Z"),
        (datetime(2030, 1, 2, 3), "2030-01-02T09:00:00Z"),  # TIME_ZONE is America/Chicago
    ],
)
def test_a_time_is_written_as_rfc_3339_in_utc(value: datetime | None, text: str | None) -> None:
    assert moment(value) == text


@pytest.mark.parametrize(
    ("toast", "text"),
    [
        (Toast(message="hello"), "hello"),
        (Toast(message="x" * 100), "x" * 80),
        (Toast(message="hello", title="Export"), "Export"),
    ],
)
def test_the_text_of_a_toast_is_its_title_or_its_message(toast: Toast, text: str) -> None:
    assert str(toast) == text
