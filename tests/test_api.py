"""create_toast and its family: what is written, what is refused, and when it is announced."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import connection, transaction
from django.test import Client, RequestFactory, TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

import toasts
from toasts import (
    api,
    async_create_toast,
    async_create_toasts,
    async_dismiss_toast,
    async_update_toast,
    create_toast,
    create_toasts,
    dismiss_toast,
    update_toast,
)
from toasts.models import Toast, wire

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
ACTION = {"name": "undo", "label": "Undo", "url": "/undo/"}


class Undo(Exception):
    """Rolls a transaction back."""


def topic(user: User) -> str:
    return f"user:{user.pk}"


# What is written.


def test_a_message_and_a_user_are_enough(alice: User) -> None:
    toast = create_toast("hello", alice.pk)
    assert Toast.objects.get() == toast
    assert wire(toast.row()) == {
        "id": toast.pk, "message": "hello", "title": "", "level": "info", "url": "",
        "actions": [], "key": "", "progress": None, "duration": None, "data": {},
        "created_at": toast.created_at.isoformat().replace("+00:00", "Z"), "expires_at": None,
        "read": False,
    }  # fmt: skip
    assert toast.user == alice


def test_the_signature_is_that_of_the_contract() -> None:
    names = list(inspect.signature(create_toast).parameters)
    assert names[:11] == [
        "message", "user", "level", "title", "url", "actions", "key", "progress", "duration",
        "expires_at", "visible_from",
    ]  # fmt: skip
    kinds = {p.name: p.kind for p in inspect.signature(create_toast).parameters.values()}
    assert [name for name, kind in kinds.items() if kind is not inspect.Parameter.KEYWORD_ONLY] == [
        "message",
        "user",
    ]


def test_every_field_is_stored(alice: User) -> None:
    fields: dict[str, Any] = {
        "level": "error", "title": "Export", "url": "/exports/7/", "actions": [ACTION],
        "key": "export:7", "progress": 40, "duration": 0, "data": {"order": 7},
        "expires_at": timezone.now() + HOUR, "visible_from": timezone.now() - HOUR,
    }  # fmt: skip
    made = create_toast("hello", alice, **fields)
    stored = Toast.objects.get()
    for name, value in fields.items():
        assert getattr(made, name) == getattr(stored, name) == value


@pytest.mark.parametrize(
    "named",
    [
        lambda user: user,
        lambda user: user.pk,
        lambda user: str(user.pk),
        lambda user: SimpleLazyObject(lambda: user),
        lambda user: User.objects.only("pk").get(pk=user.pk),
    ],
    ids=["instance", "pk", "text", "lazy", "deferred"],
)
def test_a_user_may_be_named_in_many_ways(alice: User, named: Callable[[User], Any]) -> None:
    assert create_toast("hello", named(alice)).user_id == alice.pk


def test_a_lazy_translation_is_stored_in_the_callers_language(alice: User) -> None:
    with translation.override("de"):
        create_toast(gettext_lazy("Yes"), alice, title=gettext_lazy("No"))
    assert Toast.objects.values_list("message", "title").get() == ("Ja", "Nein")


def test_the_api_gives_the_toast_as_the_stream_does(alice: User) -> None:
    made = create_toast(
        "körper \U0001f600 \u2028 </script>", alice, title="t", level="error", url="/x", key="k",
        actions=[ACTION], progress=3, duration=2.5, expires_at=timezone.now() + HOUR,
        data={"b": [1, {"a": None}], "ä": 1.5},
    )  # fmt: skip
    client = Client()
    client.force_login(alice)
    (row,) = Toast.objects.newest_active([alice.pk], 1)
    expected = wire(made.row())
    assert wire(row) == expected
    assert client.get(f"/toasts/api/toasts/{made.pk}/").json() == expected
    dismiss_toast(made)
    assert client.get(f"/toasts/api/toasts/{made.pk}/").json() == {**expected, "read": True}


# What is refused.

BIG = {"text": "x" * 9000}
NAIVE = datetime(2030, 1, 1)
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"message": ""}, "message: is empty"),
    ({"message": "x" * 2001}, "message: has 2001 characters"),
    ({"message": "\x00"}, "message: holds a NUL"),
    ({"message": "\ud800"}, "message: holds half of a surrogate pair"),
    ({"title": "x" * 201}, "title: has 201 characters"),
    ({"level": "danger"}, "level: 'danger' is not one of"),
    ({"url": "javascript:alert(1)"}, "url: must be http"),
    ({"url": "java\nscript:alert(1)"}, "url: holds control characters"),
    ({"actions": [{**ACTION, "url": " JavaScript:alert(1)"}]}, r"actions\[0\].url: "),
    ({"actions": [ACTION, ACTION]}, "actions: two have the same name"),
    ({"key": "x" * 201}, "key: has 201"),
    ({"progress": 101}, "progress: must be from 0 to 100"),
    ({"duration": -1}, "duration: must be 0"),
    ({"data": {"a": float("nan")}}, "data: is not JSON"),
    ({"data": {"a": "\x00"}}, "data: holds a NUL"),
    ({"data": BIG}, "data: makes the toast 9.* bytes"),
    ({"message": "\U0001f600" * 2000, "title": "é" * 200}, "message: makes the toast 8"),
    ({"expires_at": NAIVE}, "expires_at: must be an aware datetime"),
    ({"visible_from": NAIVE}, "visible_from: must be an aware datetime"),
    ({"expires_at": "tomorrow"}, "expires_at: must be a datetime"),
]


@pytest.mark.parametrize(("fields", "error"), REFUSED, ids=[row[1][:24] for row in REFUSED])
def test_a_bad_toast_is_refused_whole(
    alice: User, hints: list[str], fields: dict[str, Any], error: str
) -> None:
    message = {"message": "hello", **fields}.pop("message")
    others = {name: value for name, value in fields.items() if name != "message"}
    with pytest.raises(ValueError, match=f"^{error}"):
        create_toast(message, alice, **others)
    with pytest.raises(ValueError, match=f"^{error}"):
        create_toasts(message, [alice], **others)
    toast = create_toast("hello", alice)
    del hints[:]
    with pytest.raises(ValueError, match=f"^{error}"):
        update_toast(toast, **fields)
    assert Toast.objects.get().row() == toast.row()
    assert hints == []


class Stranger:
    pk = 1


BAD_USERS = [
    (None, "user: must be a User or a primary key, not None"),
    (True, "user: must be a User or a primary key, not True"),
    (AnonymousUser(), "user: must be a User or a primary key"),
    (SimpleLazyObject(AnonymousUser), "user: must be a User or a primary key"),
    (User(username="new"), "user: is not saved yet"),
    (User(pk=1, username="new"), "user: is not saved yet"),
    (Group(pk=1, name="group"), "user: must be a User, not Group"),
    (Stranger(), "user: .* is not a primary key of User"),
    ("alice", "user: 'alice' is not a primary key of User"),
    ("", "user: '' is not a primary key of User"),
    ("1\x00", "user: .* is not a primary key of User"),
    (1.5, "user: 1.5 is not a primary key of User"),
    (float("nan"), "user: nan is not a primary key of User"),
    (float("inf"), "user: inf is not a primary key of User"),
    ([1], r"user: \[1\] is not a primary key of User"),
    ({}, "user: {} is not a primary key of User"),
    (0, "user: there is none with the primary key 0"),
    (-1, "user: there is none with the primary key -1"),
    (987654321, "user: there is none with the primary key 987654321"),
    (2**63 - 1, "user: "),
    (2**63, "user: "),
    (10**30, "user: "),
    ("1" * 5000, "user: "),
]


@pytest.mark.parametrize(("user", "error"), BAD_USERS, ids=[row[1][:40] for row in BAD_USERS])
def test_an_unknown_user_is_refused(alice: User, hints: list[str], user: Any, error: str) -> None:
    with transaction.atomic():  # which stays usable
        with pytest.raises(ValueError, match=f"^{error}"):
            create_toast("hello", user)
        with pytest.raises(ValueError, match=f"^{error}"):
            create_toasts("hello", [alice, user])
        assert not Toast.objects.exists()
    assert hints == []


def test_a_deleted_user_is_refused(alice: User) -> None:
    alice.delete()
    with pytest.raises(ValueError, match=r"^user: is not saved yet"):
        create_toast("hello", alice)


@pytest.mark.parametrize("name", ["user", "read_at", "id", "colour"])
def test_what_is_not_a_field_is_refused_by_name(alice: User, name: str) -> None:
    toast = create_toast("hello", alice)
    with pytest.raises(ValueError, match=f"^{name}: is not a field of a toast"):
        update_toast(toast, **{name: 1})
    with pytest.raises((ValueError, TypeError), match=name):
        create_toasts("hello", [alice], **{name: 1})
    with pytest.raises(TypeError, match=name):
        create_toast("hello", alice, **{name: 1})
    assert Toast.objects.count() == 1


def test_the_largest_toast_that_is_allowed_is_written(alice: User) -> None:
    rest = 8192 - len('{"text": ""}') - 300
    toast = create_toast("x", alice, data={"text": "x" * rest})
    assert Toast.objects.get(pk=toast.pk).data["text"] == "x" * rest


def test_a_site_without_time_zones_gives_naive_datetimes(alice: User, settings: Any) -> None:
    settings.USE_TZ = False
    with pytest.raises(ValueError, match=r"^expires_at: must be a naive datetime"):
        create_toast("hello", alice, expires_at=datetime.now().astimezone())


# When it is announced.


def test_outside_a_transaction_it_is_announced_at_once(alice: User, hints: list[str]) -> None:
    create_toast("hello", alice)
    assert hints == [topic(alice)]


def test_inside_a_transaction_it_is_announced_after_commit(alice: User, hints: list[str]) -> None:
    with transaction.atomic():
        create_toast("hello", alice)
        with transaction.atomic():
            create_toast("hello", alice)
        assert hints == []
    assert hints == [topic(alice), topic(alice)]


def test_a_toast_of_a_rolled_back_transaction_is_never_announced(
    alice: User, hints: list[str]
) -> None:
    with suppress(Undo), transaction.atomic():
        create_toast("hello", alice)
        create_toasts("hello", [alice])
        raise Undo
    assert hints == []
    assert not Toast.objects.exists()


def test_of_a_rolled_back_savepoint_nothing_is_announced(
    alice: User, bob: User, hints: list[str]
) -> None:
    with transaction.atomic():
        create_toast("kept", bob)
        with suppress(Undo), transaction.atomic():
            create_toast("undone", alice)
            raise Undo
    assert hints == [topic(bob)]
    assert [toast.message for toast in Toast.objects.all()] == ["kept"]


def test_in_a_transaction_by_hand_the_toast_is_written(alice: User, hints: list[str]) -> None:
    transaction.set_autocommit(False)
    try:
        create_toast("hello", alice)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert Toast.objects.count() == 1


@pytest.mark.parametrize("broker", ["tests.brokers.Broken", "tests.brokers.Missing", "nowhere"])
def test_a_broken_broker_never_breaks_the_caller(
    alice: User, settings: Any, caplog: pytest.LogCaptureFixture, broker: str
) -> None:
    settings.TOASTS_BROKER = broker
    with caplog.at_level(logging.ERROR, "toasts"), transaction.atomic():
        toast = create_toast("hello", alice)
    update_toast(toast, progress=1)
    dismiss_toast(toast)
    create_toasts("hello", [alice])
    assert Toast.objects.count() == 2
    assert len(caplog.records) == 4
    assert caplog.records[0].getMessage() == (
        "toasts could not be announced; streams find them within seconds"
    )
    assert caplog.records[0].exc_info is not None


@pytest.mark.django_db
def test_a_hosts_test_case_can_run_the_announcement(alice: User, hints: list[str]) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        create_toast("hello", alice)
        assert hints == []
    assert hints == [topic(alice)]


def test_it_works_from_a_thread(alice: User, hints: list[str]) -> None:
    made: list[Toast] = []

    def work() -> None:
        try:
            made.append(create_toast("hello", alice))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert Toast.objects.get() == made[0]
    assert hints == [topic(alice)]


def test_it_works_from_a_view(alice: User, hints: list[str]) -> None:
    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(lambda: alice)  # type: ignore[assignment]
    assert create_toast("hello", request.user).user_id == alice.pk


# create_toasts.


def users(count: int) -> list[User]:
    return User.objects.bulk_create(User(username=f"u{n}") for n in range(count))


def inserts(queries: CaptureQueriesContext) -> list[str]:
    return [
        query["sql"]
        for query in queries.captured_queries
        if query["sql"].startswith('INSERT INTO "toasts_toast"')
    ]


def test_ten_thousand_users_are_told_in_ten_statements(hints: list[str], on_postgres: bool) -> None:
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


def test_the_toasts_of_many_are_whole(alice: User, bob: User) -> None:
    expires_at = timezone.now() + HOUR
    fields: dict[str, Any] = {"actions": [ACTION], "data": {"a": 1}, "expires_at": expires_at}
    create_toasts("hello", [alice, bob], **fields)
    one = create_toast("hello", alice, **fields)
    for toast in Toast.objects.exclude(pk=one.pk):
        same = {"id": 0, "created_at": ""}
        assert {**wire(toast.row()), **same} == {**wire(one.row()), **same}
        assert toast.visible_from <= one.visible_from


def test_who_is_named_twice_gets_one(alice: User, bob: User, hints: list[str]) -> None:
    named = [alice, alice.pk, str(alice.pk), bob, alice]
    assert create_toasts("hello", named) == 2
    assert sorted(hints) == sorted([topic(alice), topic(bob)])


def test_who_is_named_again_a_thousand_later_gets_one() -> None:
    made = users(1500)
    assert create_toasts("hello", [*made, *made]) == 1500


def test_a_queryset_that_joins_names_each_user_once(alice: User) -> None:
    alice.groups.set([Group.objects.create(name="a"), Group.objects.create(name="b")])
    joined = User.objects.filter(groups__name__in=["a", "b"])
    assert joined.count() == 2
    assert create_toasts("hello", joined) == 1


def test_a_slice_of_a_queryset_is_that_slice(alice: User, bob: User) -> None:
    assert create_toasts("hello", User.objects.order_by("-username")[:1]) == 1
    assert Toast.objects.get().user == bob


def test_of_a_values_list_the_values_are_the_users(alice: User, bob: User) -> None:
    create_toast("hello", bob)
    assert create_toasts("again", Toast.objects.values_list("user", flat=True)) == 1
    other = User.objects.filter(pk=alice.pk).values_list("toasts__user_id", flat=True)
    with pytest.raises(ValueError, match=r"^user: must be"):  # alice has none: None, not alice
        create_toasts("again", other)
    assert not alice.toasts.exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize("nobody", [[], (), iter([])])
def test_nobody_is_told_nothing(db: None, hints: list[str], nobody: Any) -> None:
    assert create_toasts("hello", nobody) == 0
    assert create_toasts("hello", User.objects.none()) == 0
    assert hints == []


def test_one_missing_user_undoes_all(hints: list[str]) -> None:
    made = users(1500)
    with pytest.raises(ValueError, match=r"^user: there is none with the primary key 987654321"):
        create_toasts("hello", [*made, 987654321])
    assert not Toast.objects.exists()
    assert hints == []


def test_of_many_missing_users_a_few_are_named() -> None:
    with pytest.raises(ValueError, match=r"900004, 900005 and 94 more\.$"):
        create_toasts("hello", range(900_001, 900_100))


def test_what_is_not_a_number_of_users_is_refused(alice: User) -> None:
    for wrong in (alice, alice.pk, str(alice.pk), b"1", None):
        with pytest.raises(ValueError, match=r"^users: must be a queryset or another iterable"):
            create_toasts("hello", wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^user: must be a User, not Group"):
        create_toasts("hello", [Group.objects.create(name="g")])
    assert not Toast.objects.exists()


# update_toast and dismiss_toast.


def test_a_change_is_written_and_announced(alice: User, hints: list[str]) -> None:
    toast = create_toast("running", alice, progress=0, data={"a": 1})
    del hints[:]
    assert update_toast(toast, message="done", progress=100, level="success") is toast
    stored = Toast.objects.get()
    assert (stored.message, stored.progress, stored.level) == ("done", 100, "success")
    assert (stored.data, stored.created_at) == ({"a": 1}, toast.created_at)
    assert stored.updated_at > stored.created_at
    assert wire(toast.row()) == wire(stored.row())
    assert toast.updated_at == stored.updated_at
    assert hints == [topic(alice)]


def test_a_change_touches_its_own_fields_alone(alice: User) -> None:
    toast = create_toast("hello", alice)
    stale = Toast.objects.get()
    update_toast(toast, title="new")
    update_toast(stale, progress=5)
    stored = Toast.objects.get()
    assert (stored.title, stored.progress) == ("new", 5)


def test_a_hidden_toast_can_be_shown_now(alice: User) -> None:
    toast = create_toast("hello", alice, visible_from=timezone.now() + HOUR)
    assert not Toast.objects.active().exists()
    update_toast(toast, visible_from=None)
    assert Toast.objects.active().get() == toast
    assert toast.visible_from <= timezone.now() + timedelta(seconds=1)


def test_two_changes_may_not_be_too_big_together(alice: User) -> None:
    toast = create_toast("hello", alice)
    update_toast(toast, data={"a": "x" * 7000})
    with pytest.raises(ValueError, match=r"^data: makes the toast 9... bytes"):
        update_toast(toast, actions=[], message="x" * 2000)
    with pytest.raises(ValueError, match=r"^data: makes the toast 9... bytes"):
        update_toast(Toast(pk=toast.pk), message="x" * 2000)  # whatever the instance knows
    assert Toast.objects.get().message == "hello"
    update_toast(toast, data=None, message="x" * 2000)


def test_a_change_of_a_rolled_back_transaction_is_never_announced(
    alice: User, hints: list[str]
) -> None:
    toast = create_toast("hello", alice)
    del hints[:]
    with suppress(Undo), transaction.atomic():
        update_toast(toast, title="new")
        dismiss_toast(toast)
        raise Undo
    assert hints == []
    assert Toast.objects.values_list("title", "read_at").get() == ("", None)


def test_a_deleted_toast_cannot_be_changed(alice: User, hints: list[str]) -> None:
    toast = create_toast("hello", alice)
    Toast.objects.all().delete()
    del hints[:]
    with pytest.raises(Toast.DoesNotExist):
        update_toast(toast, title="new")
    with pytest.raises(Toast.DoesNotExist):
        dismiss_toast(toast)
    assert hints == []


def test_dismissing_is_idempotent(alice: User, hints: list[str]) -> None:
    toast = create_toast("hello", alice)
    stale = Toast.objects.get()
    del hints[:]
    assert dismiss_toast(toast) is toast
    first = toast.read_at
    assert first is not None
    assert dismiss_toast(toast).read_at == dismiss_toast(stale).read_at == first
    assert Toast.objects.get().read_at == first
    assert hints == [topic(alice)]


def test_a_dismissed_toast_stays_so_when_it_changes(alice: User) -> None:
    toast = dismiss_toast(create_toast("hello", alice))
    update_toast(toast, progress=100)
    assert Toast.objects.get().read_at == toast.read_at is not None


def test_all_of_a_queryset_are_dismissed_in_two_statements(
    alice: User, bob: User, hints: list[str]
) -> None:
    create_toasts("hello", [alice, bob, alice])
    dismiss_toast(create_toast("read", alice))
    del hints[:]
    with CaptureQueriesContext(connection) as queries:
        assert api.dismiss_all(Toast.objects.all()) == 2
    assert len([q for q in queries if q["sql"].startswith(("SELECT", "UPDATE"))]) == 2
    assert sorted(hints) == sorted([topic(alice), topic(bob)])
    assert api.dismiss_all(Toast.objects.all()) == 0
    assert len(hints) == 2


def test_rows_of_others_can_be_announced(alice: User, bob: User, hints: list[str]) -> None:
    with transaction.atomic():
        api.announce(alice, bob.pk)
        assert hints == []
    assert hints == [topic(alice), topic(bob)]


# For async code.


@pytest.mark.usefixtures("hubs")
async def test_the_async_twins_do_the_same(alice: User, bob: User, hints: list[str]) -> None:
    toast = await async_create_toast("hello", alice, level="warning")
    assert (await Toast.objects.aget()).level == toast.level == "warning"
    assert await async_update_toast(toast, title="new") is toast
    assert (await Toast.objects.aget()).title == "new"
    assert await async_dismiss_toast(toast) is toast
    assert (await Toast.objects.aget()).read_at == toast.read_at is not None
    assert await async_create_toasts("hello", User.objects.all(), title="all") == 2
    assert await Toast.objects.filter(title="all").acount() == 2
    assert hints[:3] == [topic(alice)] * 3
    assert sorted(hints[3:]) == sorted([topic(alice), topic(bob)])


@pytest.mark.usefixtures("hubs")
async def test_the_async_twins_refuse_the_same(alice: User, hints: list[str]) -> None:
    toast = await async_create_toast("hello", alice)
    with pytest.raises(ValueError, match=r"^level: "):
        await async_create_toast("hello", alice, level="danger")
    with pytest.raises(ValueError, match=r"^user: "):
        await async_create_toasts("hello", [alice, 987654321])
    with pytest.raises(ValueError, match=r"^url: "):
        await async_update_toast(toast, url="javascript:alert(1)")
    await toast.adelete()
    with pytest.raises(Toast.DoesNotExist):
        await async_dismiss_toast(toast)
    assert hints == [topic(alice)]


# The names that a site imports.


def test_the_package_exports_exactly_these_names() -> None:
    names = ["create_toast", "create_toasts", "dismiss_toast", "update_toast"]
    assert sorted(toasts.__all__) == sorted([*names, *(f"async_{name}" for name in names)])
    for name in toasts.__all__:
        assert getattr(toasts, name) is getattr(api, name)
        assert name in dir(toasts)
        assert getattr(api, name).__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'toasts' has no attribute 'create_toats'"):
        toasts.create_toats  # noqa: B018
