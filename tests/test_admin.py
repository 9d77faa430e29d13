"""The admin: list, search, send, change, mark read, delete."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from toasts import create_toast, create_toasts, dismiss_toast
from toasts.admin import ToastAdmin
from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db

LIST = "/admin/toasts/toast/"
ADD = LIST + "add/"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """Run a request, and what it registered with on_commit."""

    def run(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return call(*args, **kwargs)

    return run


def form(to: User, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends for the add form."""
    return {
        "user": to.pk, "title": "", "message": "hello", "level": "info", "url": "",
        "duration": "", "progress": "", "key": "", "actions": "[]", "data": "{}",
        "visible_from_0": "", "visible_from_1": "", "expires_at_0": "", "expires_at_1": "",
        **changes,
    }  # fmt: skip


def shown(response: Any) -> set[int]:
    assert response.status_code == 200
    return {
        int(pk) for pk in re.findall(rb'name="_selected_action" value="(\d+)"', response.content)
    }


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response
    found: dict[str, list[str]] = response.context["adminform"].form.errors
    return found


# List and search.


def test_the_list_takes_the_same_number_of_queries_for_any_number_of_toasts(
    staff: Client, alice: User
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert staff.get(LIST).status_code == 200
        return len(captured)

    create_toast("hello", alice)
    few = queries()
    create_toasts("hello", User.objects.bulk_create(User(username=f"u{n}") for n in range(40)))
    assert queries() == few


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("", {0, 1, 2}),
        ("?q=backup", {0}),
        ("?q=Nightly", {1}),
        ("?q=export:7", {2}),
        ("?q=nothing", set()),
        ("?level__exact=error", {1}),
        ("?read_at__isempty=1", {0, 1}),
        ("?read_at__isempty=0", {2}),
        ("?created_at__gte=2000-01-01+00:00:00%2B00:00", {0, 1, 2}),
    ],
)
def test_toasts_are_searched_and_filtered(
    staff: Client, alice: User, query: str, chosen: set[int]
) -> None:
    toasts = [
        create_toast("the backup is done", alice),
        create_toast("failed", alice, title="Nightly", level="error"),
        create_toast("ready", alice, key="export:7"),
    ]
    dismiss_toast(toasts[2])
    assert shown(staff.get(LIST + query)) == {toasts[index].pk for index in chosen}


def test_active_toasts_are_marked_and_filtered(staff: Client, alice: User) -> None:
    hour = timedelta(hours=1)
    active = create_toast("active", alice, expires_at=timezone.now() + hour)
    others = [
        create_toast("scheduled", alice, visible_from=timezone.now() + hour),
        create_toast("expired", alice, expires_at=timezone.now() - hour),
        dismiss_toast(create_toast("read", alice)),
    ]
    page = staff.get(LIST)
    assert [toast.is_active for toast in page.context["cl"].result_list] == [False] * 3 + [True]
    assert shown(staff.get(LIST, {"active": "1"})) == {active.pk}
    assert shown(staff.get(LIST, {"active": "0"})) == {toast.pk for toast in others}
    assert len(shown(staff.get(LIST, {"active": "x"}))) == 4


def test_data_that_is_nested_too_deeply_is_an_error_beside_its_field(
    staff: Client, alice: User
) -> None:
    found = errors(staff.post(ADD, form(alice, data="[" * 100_000)))
    assert found == {"data": ["It is nested too deeply."]}


def test_markup_in_a_toast_is_escaped(staff: Client, alice: User) -> None:
    toast = create_toast("<script>alert(1)</script>", alice, title="<b>title</b>")
    for path in (LIST, f"{LIST}{toast.pk}/change/"):
        content = staff.get(path).content
        assert b"<script>alert" not in content
        assert b"<b>title" not in content
        assert b"&lt;b&gt;title" in content


# Send.


def test_staff_send_a_toast(
    staff: Client, alice: User, hints: list[str], committed: Callable[..., Any]
) -> None:
    assert staff.get(ADD).status_code == 200
    action = '[{"name": "open", "label": "Open", "url": "/"}]'
    sent = form(
        alice, title="Maintenance", message="at 20:00", level="warning", url="/status/",
        duration="0", progress="50", key="m", actions=action, data='{"a": [1]}',
        expires_at_0="2999-01-02", expires_at_1="03:04:05",
    )  # fmt: skip
    response = committed(staff.post, ADD, sent)
    assert (response.status_code, response["Location"]) == (302, LIST)
    toast = Toast.objects.active().get()
    assert toast.user == alice
    for name in ("title", "message", "level", "url", "key"):
        assert getattr(toast, name) == sent[name]
    assert (toast.duration, toast.progress, toast.data) == (0, 50, {"a": [1]})
    assert toast.actions == [{"name": "open", "label": "Open", "url": "/"}]
    assert toast.expires_at is not None
    assert hints == [f"user:{alice.pk}"]
    log = staff.get("/admin/").content.decode()
    assert f"{LIST}{toast.pk}/change/" in log


def test_user_message_and_level_are_enough(staff: Client, alice: User) -> None:
    least = {"user": alice.pk, "message": "hello", "level": "info"}
    assert staff.post(ADD, least).status_code == 302
    toast = Toast.objects.active().get()
    assert (toast.actions, toast.data, toast.read_at) == ([], {}, None)


BAD = [
    ({"message": ""}, "message"),
    ({"message": "   "}, "message"),
    ({"message": "x" * 2001}, "message"),
    ({"message": "\x00"}, "message"),
    ({"title": "x" * 201}, "title"),
    ({"level": "danger"}, "level"),
    ({"level": ""}, "level"),
    ({"url": "javascript:alert(1)"}, "url"),
    ({"url": "https:nowhere"}, "url"),
    ({"progress": "101"}, "progress"),
    ({"progress": "-1"}, "progress"),
    ({"progress": "half"}, "progress"),
    ({"duration": "-1"}, "duration"),
    ({"duration": "nan"}, "duration"),
    ({"duration": "inf"}, "duration"),
    ({"actions": "{"}, "actions"),
    ({"actions": '{"name": "a"}'}, "actions"),
    ({"actions": '[{"name": "a"}]'}, "actions"),
    ({"actions": '[{"name": "a", "label": "A", "url": "javascript:1"}]'}, "actions"),
    ({"actions": "7"}, "actions"),
    ({"data": "{"}, "data"),
    ({"data": "NaN"}, "data"),
    ({"data": '"\\u0000"'}, "data"),
    ({"data": '["\\ud800"]'}, "data"),
    ({"data": "[" * 60 + "]" * 60}, "data"),
    ({"data": '"' + "x" * 9000 + '"'}, "__all__"),
    ({"user": ""}, "user"),
    ({"user": "987654321"}, "user"),
    ({"expires_at_0": "tomorrow"}, "expires_at"),
    ({"visible_from_0": "2030-02-30", "visible_from_1": "00:00"}, "visible_from"),
]


@pytest.mark.parametrize(("changes", "field"), BAD, ids=lambda value: str(value)[:40])
def test_invalid_input_is_an_error_beside_its_field(
    staff: Client, alice: User, changes: dict[str, str], field: str
) -> None:
    assert field in errors(staff.post(ADD, form(alice, **changes)))
    assert not Toast.objects.exists()
    if field == "user":
        return
    toast = create_toast("before", alice)
    assert field in errors(staff.post(f"{LIST}{toast.pk}/change/", form(alice, **changes)))
    assert Toast.objects.get().message == "before"


# Change and delete.


def test_a_change_is_announced_and_keeps_the_other_fields(
    staff: Client, alice: User, bob: User, hints: list[str], committed: Callable[..., Any]
) -> None:
    toast = create_toast("running", alice, data={"a": 1}, progress=1)
    path = f"{LIST}{toast.pk}/change/"
    assert staff.get(path).status_code == 200
    sent = form(bob, message="done", progress="100", data='{"a": 1}')
    assert committed(staff.post, path, sent).status_code == 302
    stored = Toast.objects.get()
    assert (stored.message, stored.progress, stored.data) == ("done", 100, {"a": 1})
    assert stored.user == alice  # whatever was sent
    assert stored.created_at == toast.created_at
    assert stored.visible_from <= timezone.now()
    assert hints == [f"user:{alice.pk}"]


def test_a_deletion_is_announced(
    staff: Client, alice: User, hints: list[str], committed: Callable[..., Any]
) -> None:
    toast = create_toast("hello", alice)
    path = f"{LIST}{toast.pk}/delete/"
    assert staff.get(path).status_code == 200
    assert committed(staff.post, path, {"post": "yes"}).status_code == 302
    assert not Toast.objects.exists()
    assert hints == [f"user:{alice.pk}"]


def act(name: str, toasts: list[Toast], **more: str) -> dict[str, Any]:
    return {"action": name, "_selected_action": [toast.pk for toast in toasts], **more}


def test_the_deletion_of_many_toasts_is_announced(
    staff: Client, alice: User, bob: User, hints: list[str], committed: Callable[..., Any]
) -> None:
    toasts = [create_toast("hello", user) for user in (alice, bob, alice)]
    committed(staff.post, LIST, act("delete_selected", toasts, post="yes"))
    assert not Toast.objects.exists()
    assert sorted(hints) == sorted([f"user:{alice.pk}", f"user:{bob.pk}"])


def test_many_toasts_are_marked_read(
    staff: Client, alice: User, bob: User, hints: list[str], committed: Callable[..., Any]
) -> None:
    toasts = [create_toast("hello", user) for user in (alice, bob, alice)]
    read_at = dismiss_toast(toasts[0]).read_at
    kept = create_toast("kept", bob)
    response = committed(staff.post, LIST, act("mark_read", toasts), follow=True)
    assert b"2 toasts were marked read." in response.content
    assert Toast.objects.unread().get() == kept
    assert Toast.objects.get(pk=toasts[0].pk).read_at == read_at
    assert sorted(hints) == sorted([f"user:{alice.pk}", f"user:{bob.pk}"])
    response = staff.post(LIST, act("mark_read", [kept]), follow=True)
    assert b"1 toast was marked read." in response.content


# Other admin sites and permissions.


def test_users_are_completed_if_the_site_s_admin_can_search_them(staff: Client) -> None:
    assert b"admin-autocomplete" in staff.get(ADD).content


def test_it_works_in_an_admin_without_users(staff: Client) -> None:
    site = admin.AdminSite()
    site.register(Toast, ToastAdmin)
    assert site._registry[Toast].check() == []
    request = staff.get(ADD).wsgi_request
    field = site._registry[Toast].get_form(request)().fields["user"]
    assert isinstance(field.widget, ForeignKeyRawIdWidget)


@pytest.mark.usefixtures("permissions")
def test_a_user_with_the_view_permission_can_only_view(alice: User, bob: User) -> None:
    from django.contrib.auth.models import Permission

    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_toast"))
    client = Client()
    client.force_login(bob)
    toast = create_toast("hello", alice)
    assert client.get(f"{LIST}{toast.pk}/change/").status_code == 200
    assert client.post(f"{LIST}{toast.pk}/change/", form(alice)).status_code == 403
    assert client.post(ADD, form(alice)).status_code == 403
    client.post(LIST, act("mark_read", [toast]))
    assert Toast.objects.unread().get() == toast
