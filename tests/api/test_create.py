"""create_toast and the other functions: what they write, and what they refuse."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

import toasts
from tests.support.brokers import topic
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
from toasts.models.toast import Toast, wire
from toasts.types import Action

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
ACTION: Action = {"name": "undo", "label": "Undo", "url": "/undo/"}


# What create_toast writes.


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


def test_the_signature_is_the_documented_one() -> None:
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
def test_a_user_can_be_given_in_many_ways(alice: User, named: Callable[[User], Any]) -> None:
    assert create_toast("hello", named(alice)).user_id == alice.pk


def test_a_lazy_translation_is_stored_in_the_callers_language(alice: User) -> None:
    with translation.override("de"):
        create_toast(gettext_lazy("Yes"), alice, title=gettext_lazy("No"))
    assert Toast.objects.values_list("message", "title").get() == ("Ja", "Nein")


def test_the_http_api_returns_a_toast_as_the_stream_sends_it(alice: User) -> None:
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


# Errors.

BIG = {"text": "x" * 9000}
NAIVE = datetime(2030, 1, 1)
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"message": ""}, "message: is empty"),
    ({"message": "x" * 2001}, "message: has 2001 characters"),
    ({"message": "\x00"}, "message: contains a NUL character"),
    ({"message": "\ud800"}, "message: contains half of a surrogate pair"),
    ({"title": "x" * 201}, "title: has 201 characters"),
    ({"level": "danger"}, "level: 'danger' is not one of"),
    ({"url": "javascript:alert(1)"}, "url: must be http"),
    ({"url": "java\nscript:alert(1)"}, "url: contains control characters"),
    ({"actions": [{**ACTION, "url": " JavaScript:alert(1)"}]}, r"actions\[0\].url: "),
    ({"actions": [ACTION, ACTION]}, "actions: two have the same name"),
    ({"key": "x" * 201}, "key: has 201"),
    ({"progress": 101}, "progress: must be from 0 to 100"),
    ({"duration": -1}, "duration: must be 0"),
    ({"data": {"a": float("nan")}}, "data: cannot be stored as JSON"),
    ({"data": {"a": "\x00"}}, "data: contains a NUL character"),
    ({"data": BIG}, "data: makes the toast 9.* bytes"),
    ({"message": "\U0001f600" * 2000, "title": "é" * 200}, "message: makes the toast 8"),
    ({"expires_at": NAIVE}, "expires_at: must be an aware datetime"),
    ({"visible_from": NAIVE}, "visible_from: must be an aware datetime"),
    ({"expires_at": "tomorrow"}, "expires_at: must be a datetime"),
]


@pytest.mark.parametrize(("fields", "error"), REFUSED, ids=[row[1][:24] for row in REFUSED])
def test_an_invalid_toast_is_refused_as_a_whole(
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


BAD_USERS: list[tuple[Any, str]] = [
    (None, "user: must be a User or a primary key, not None"),
    (True, "user: must be a User or a primary key, not True"),
    (AnonymousUser(), "user: must be a User or a primary key"),
    (SimpleLazyObject(AnonymousUser), "user: must be a User or a primary key"),
    (User(username="new"), "user: the User is not saved yet"),
    (User(pk=1, username="new"), "user: the User is not saved yet"),
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
    (0, "user: no user has the primary key 0"),
    (-1, "user: no user has the primary key -1"),
    (987654321, "user: no user has the primary key 987654321"),
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
        with pytest.raises(ValueError, match=f"^{error.replace('user', 'users', 1)}"):
            create_toasts("hello", [alice, user])
        assert not Toast.objects.exists()
    assert hints == []


def test_a_deleted_user_is_refused(alice: User) -> None:
    alice.delete()
    with pytest.raises(ValueError, match=r"^user: the User is not saved yet"):
        create_toast("hello", alice)


@pytest.mark.parametrize("name", ["user", "read_at", "id", "colour"])
def test_what_is_not_a_field_is_refused_by_name(alice: User, name: str) -> None:
    toast = create_toast("hello", alice)
    fields: dict[str, Any] = {name: 1}
    refusal = "cannot be changed" if name == "user" else "is not a field of a toast"
    with pytest.raises(ValueError, match=f"^{name}: {refusal}"):
        update_toast(toast, **fields)
    with pytest.raises((ValueError, TypeError), match=name):
        create_toasts("hello", [alice], **fields)
    with pytest.raises(TypeError, match=name):
        create_toast("hello", alice, **fields)
    assert Toast.objects.count() == 1


def test_the_largest_toast_that_is_allowed_is_written(alice: User) -> None:
    rest = 8192 - len('{"text": ""}') - 300
    toast = create_toast("x", alice, data={"text": "x" * rest})
    assert Toast.objects.get(pk=toast.pk).data["text"] == "x" * rest


def test_a_site_without_time_zones_has_to_pass_naive_datetimes(alice: User, settings: Any) -> None:
    settings.USE_TZ = False
    with pytest.raises(ValueError, match=r"^expires_at: must be a naive datetime"):
        create_toast("hello", alice, expires_at=datetime.now().astimezone())


# The async functions.


@pytest.mark.usefixtures("hubs")
async def test_the_async_functions_do_the_same(alice: User, bob: User, hints: list[str]) -> None:
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
async def test_the_async_functions_refuse_the_same(alice: User, hints: list[str]) -> None:
    toast = await async_create_toast("hello", alice)
    with pytest.raises(ValueError, match=r"^level: "):
        await async_create_toast("hello", alice, level="danger")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^users: no user has the primary key 987654321\.$"):
        await async_create_toasts("hello", [alice, 987654321])
    with pytest.raises(ValueError, match=r"^url: "):
        await async_update_toast(toast, url="javascript:alert(1)")
    await toast.adelete()
    with pytest.raises(Toast.DoesNotExist):
        await async_dismiss_toast(toast)
    assert hints == [topic(alice)]


# The public names.


def test_the_package_exports_exactly_these_names() -> None:
    names = ["create_toast", "create_toasts", "dismiss_toast", "update_toast"]
    assert sorted(toasts.__all__) == sorted([*names, *(f"async_{name}" for name in names)])
    for name in toasts.__all__:
        assert getattr(toasts, name) is getattr(api, name)
        assert name in dir(toasts)
        assert getattr(api, name).__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'toasts' has no attribute 'create_toats'"):
        toasts.create_toats  # type: ignore[attr-defined]  # noqa: B018


# A user who was deleted meanwhile.


def test_the_instance_of_a_deleted_user_is_refused_and_nothing_is_written(
    hints: list[str],
) -> None:
    gone, bob = (User.objects.create_user(name) for name in ("gone", "other"))
    User.objects.filter(pk=gone.pk).delete()
    with pytest.raises(ValueError, match=rf"^user: no user has the primary key {gone.pk}\.$"):
        create_toast("x", gone)
    with pytest.raises(ValueError, match=r"^user: no user has"), transaction.atomic():
        create_toast("x", gone)
    with pytest.raises(ValueError, match=rf"^users: no user has the primary key {gone.pk}\.$"):
        create_toasts("x", [bob, gone])
    assert not Toast.objects.exists()
    assert hints == []


def test_a_toast_for_an_instance_is_one_statement(alice: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        toast = create_toast("x", alice)
    assert len(queries) == 1
    assert (toast.user_id, toast.user) == (alice.pk, alice)
