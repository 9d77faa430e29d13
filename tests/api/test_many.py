"""create_toasts: one toast to each of many users."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.brokers import topic
from toasts import create_toast, create_toasts
from toasts.models.toast import Toast, wire
from toasts.types import UserOrKey

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
ACTION = {"name": "undo", "label": "Undo", "url": "/undo/"}


def users(count: int) -> list[User]:
    return User.objects.bulk_create(User(username=f"u{n}") for n in range(count))


def inserts(queries: CaptureQueriesContext) -> list[str]:
    return [
        query["sql"]
        for query in queries.captured_queries
        if query["sql"].startswith('INSERT INTO "toasts_toast"')
    ]


def test_ten_thousand_users_get_their_toasts_in_ten_statements(
    hints: list[str], on_postgres: bool
) -> None:
    made = users(10_000)
    with CaptureQueriesContext(connection) as queries:
        assert create_toasts("hello", User.objects.all(), level="success") == 10_000
    if on_postgres:
        assert len(inserts(queries)) == 10
    else:  # where Django holds a statement to 999 parameters
        assert len(inserts(queries)) < 10_000 / 50
    assert Toast.objects.filter(level="success").count() == 10_000
    assert Toast.objects.values("user").distinct().count() == 10_000
    assert sorted(hints) == sorted(map(topic, made))


def test_keys_are_looked_up_a_thousand_at_a_time(hints: list[str]) -> None:
    made = users(2001)
    with CaptureQueriesContext(connection) as queries:
        assert create_toasts("hello", (user.pk for user in made)) == 2001
    assert len([q for q in queries if q["sql"].startswith("SELECT")]) == 3


def test_the_toasts_of_many_users_are_complete(alice: User, bob: User) -> None:
    expires_at = timezone.now() + HOUR
    fields: dict[str, Any] = {"actions": [ACTION], "data": {"a": 1}, "expires_at": expires_at}
    create_toasts("hello", [alice, bob], **fields)
    one = create_toast("hello", alice, **fields)
    for toast in Toast.objects.exclude(pk=one.pk):
        same = {"id": 0, "created_at": ""}
        assert {**wire(toast.row()), **same} == {**wire(one.row()), **same}
        assert toast.visible_from <= one.visible_from


def test_a_user_who_is_given_twice_gets_one_toast(alice: User, bob: User, hints: list[str]) -> None:
    named: list[UserOrKey] = [alice, alice.pk, str(alice.pk), bob, alice]
    assert create_toasts("hello", named) == 2
    assert sorted(hints) == sorted([topic(alice), topic(bob)])


def test_a_user_who_is_given_again_a_thousand_users_later_gets_one_toast() -> None:
    made = users(1500)
    assert create_toasts("hello", [*made, *made]) == 1500


def test_a_queryset_with_a_join_gives_each_user_one_toast(alice: User) -> None:
    alice.groups.set([Group.objects.create(name="a"), Group.objects.create(name="b")])
    joined = User.objects.filter(groups__name__in=["a", "b"])
    assert joined.count() == 2
    assert create_toasts("hello", joined) == 1


def test_only_the_users_of_a_sliced_queryset_get_a_toast(alice: User, bob: User) -> None:
    assert create_toasts("hello", User.objects.order_by("-username")[:1]) == 1
    assert Toast.objects.get().user == bob


def test_the_values_of_a_values_list_are_the_users(alice: User, bob: User) -> None:
    create_toast("hello", bob)
    assert create_toasts("again", Toast.objects.values_list("user", flat=True)) == 1
    other = User.objects.filter(pk=alice.pk).values_list("toasts__user_id", flat=True)
    with pytest.raises(ValueError, match=r"^users: must be"):  # alice has none: None, not alice
        create_toasts("again", other)
    assert not alice.toasts.exists()


@pytest.mark.parametrize("no_users", [[], (), iter([])])
def test_without_users_nothing_is_written_or_announced(
    db: None, hints: list[str], no_users: Any
) -> None:
    assert create_toasts("hello", no_users) == 0
    assert create_toasts("hello", User.objects.none()) == 0
    assert hints == []


def test_with_one_missing_user_no_toast_is_written(hints: list[str]) -> None:
    made = users(1500)
    with pytest.raises(ValueError, match=r"^users: no user has the primary key 987654321\.$"):
        create_toasts("hello", [*made, 987654321])
    assert not Toast.objects.exists()
    assert hints == []


def test_the_error_names_a_few_of_many_missing_users() -> None:
    with pytest.raises(ValueError, match=r"900004, 900005 and 94 more\.$"):
        create_toasts("hello", range(900_001, 900_100))
    with pytest.raises(
        ValueError, match=r"^users: no user has the primary key 900001 or 900002\.$"
    ):
        create_toasts("hello", [900_002, 900_001])
    with pytest.raises(ValueError, match=r"key 900001, 900002 or 900003\.$"):
        create_toasts("hello", [900_001, 900_002, 900_003])


def test_an_argument_that_is_not_an_iterable_of_users_is_refused(alice: User) -> None:
    for wrong in (alice, alice.pk, str(alice.pk), b"1", None):
        with pytest.raises(
            ValueError, match=r"^users: must be a queryset .* call create_toast\(\)\.$"
        ):
            create_toasts("hello", wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^users: must be a User, not Group"):
        create_toasts("hello", [Group.objects.create(name="g")])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"^users: the User is not saved yet"):
        create_toasts("hello", [User(username="new")])
    with pytest.raises(ValueError, match=r"^users: 'alice' is not a primary key of User"):
        create_toasts("hello", ["alice"])
    assert not Toast.objects.exists()
