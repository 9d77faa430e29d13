"""The HTTP API: a user's own toasts and nobody else's, over Django's own client."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from toasts import create_toast, dismiss_toast
from toasts.models import Toast, wire

pytestmark = pytest.mark.django_db

URL = "/toasts/api/toasts/"


def signed_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


@pytest.fixture
def hers(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def three(alice: User, bob: User) -> list[Toast]:
    """Three toasts of alice's, of which the first is read; bob has one."""
    create_toast("his", bob)
    made = [create_toast(level, alice, level=level) for level in ("info", "error", "info")]
    dismiss_toast(made[0])
    return made


def post(client: Any, path: str, body: Any = None, **headers: str) -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    if body is None:
        return client.post(URL + path, headers=headers)
    return client.post(URL + path, data, content_type="application/json", headers=headers)


# Reading.


def test_the_list_holds_ones_own_newest_first(hers: Client, three: list[Toast]) -> None:
    response = hers.get(URL)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    three[0].refresh_from_db()
    assert response.json() == {
        "next": None,
        "previous": None,
        "results": [wire(toast.row()) for toast in reversed(three)],
    }


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("", [2, 1, 0]),
        ("?read=true", [0]),
        ("?read=1", [0]),
        ("?read=True", [0]),
        ("?read=false", [2, 1]),
        ("?read=0", [2, 1]),
        ("?level=info", [2, 0]),
        ("?level=error", [1]),
        ("?level=warning", []),
        ("?level=info&read=false", [2]),
        ("?unknown=1", [2, 1, 0]),
    ],
)
def test_the_filters_choose(
    hers: Client, three: list[Toast], query: str, chosen: list[int]
) -> None:
    ids = [toast["id"] for toast in hers.get(URL + query).json()["results"]]
    assert ids == [three[index].pk for index in chosen]
    assert hers.get(f"{URL}count/{query}").json() == {"count": len(chosen)}


@pytest.mark.parametrize("path", ["", "count/"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?read=maybe", "read"),
        ("?read=", "read"),
        ("?read=%00", "read"),
        ("?level=danger", "level"),
        ("?level=", "level"),
        ("?level=INFO", "level"),
        ("?level=%ff", "level"),
        ("?level=danger&read=true", "level"),
    ],
)
def test_a_filter_it_does_not_know_is_an_error(
    hers: Client, path: str, query: str, field: str
) -> None:
    response = hers.get(URL + path + query)
    assert response.status_code == 400
    assert list(response.json()) == [field]


def walk(client: Client, url: str | None) -> Iterator[list[int]]:
    while url:
        page = client.get(url).json()
        yield [toast["id"] for toast in page["results"]]
        url = page["next"]


def test_the_cursor_walks_all(hers: Client, alice: User, bob: User) -> None:
    made = [create_toast("hello", alice).pk for _ in range(7)]
    create_toast("hello", bob)
    assert list(walk(hers, f"{URL}?page_size=3")) == [made[:3:-1], made[3:0:-1], made[:1]]


def test_the_cursor_skips_and_repeats_nothing_while_toasts_come(hers: Client, alice: User) -> None:
    made = [create_toast("hello", alice).pk for _ in range(4)]
    pages = walk(hers, f"{URL}?page_size=2")
    assert next(pages) == made[:1:-1]
    create_toast("late", alice)
    assert next(pages) == made[1::-1]


@pytest.mark.parametrize(
    ("query", "count"),
    [("", 50), ("?page_size=200", 200), ("?page_size=1000", 200), ("?page_size=no", 50)],
)
def test_a_page_is_bounded(hers: Client, alice: User, query: str, count: int) -> None:
    Toast.objects.bulk_create(Toast(user=alice, message="hello") for _ in range(201))
    with CaptureQueriesContext(connection) as queries:
        assert len(hers.get(URL + query).json()["results"]) == count
    assert len([q for q in queries if "toasts_toast" in q["sql"]]) == 1


def test_a_bad_cursor_is_not_found(hers: Client) -> None:
    assert hers.get(f"{URL}?cursor=nonsense").status_code == 404


def test_one_can_be_read(hers: Client, three: list[Toast]) -> None:
    assert hers.get(f"{URL}{three[1].pk}/").json() == wire(three[1].row())


def test_the_api_writes_as_the_stream_does_whatever_the_sites_formats_are(
    hers: Client, three: list[Toast], settings: Any
) -> None:
    settings.REST_FRAMEWORK = {"DATETIME_FORMAT": "%d.%m.%Y"}
    with timezone.override("Asia/Tokyo"):
        assert hers.get(f"{URL}{three[1].pk}/").json() == wire(three[1].row())


@pytest.mark.parametrize("path", ["", "count/", "{}/"])
def test_the_browsable_api_renders(hers: Client, three: list[Toast], path: str) -> None:
    response = hers.get(URL + path.format(three[1].pk), headers={"Accept": "text/html"})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"


# What is not one's own does not exist.


@pytest.mark.parametrize("action", ["", "read/"])
def test_foreign_and_missing_toasts_are_the_same_404(
    hers: Client, alice: User, bob: User, action: str
) -> None:
    foreign = create_toast("his", bob)
    gone = create_toast("hers", alice)
    gone_id = gone.pk
    gone.delete()
    ask = hers.post if action else hers.get
    ids = [foreign.pk, gone_id, 0, 987654321, 2**63 - 1, 2**63, "9" * 30, "9" * 100]
    answers = [ask(f"{URL}{number}/{action}") for number in ids]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert json.loads(answers[0].content) == {"detail": "No Toast matches the given query."}
    headers = [{name.lower(): value for name, value in a.items()} for a in answers]
    assert all(header == headers[0] for header in headers)
    foreign.refresh_from_db()
    assert foreign.read_at is None


@pytest.mark.parametrize("name", ["abc", "-1", "1.5", "\u0661", "9" * 5000, "%00", "1%2F2"])
def test_what_is_not_an_id_is_not_found(hers: Client, name: str) -> None:
    assert hers.get(f"{URL}{name}/").status_code == 404


# Marking read.


def test_read_marks_one_read_and_says_so(
    hers: Client, three: list[Toast], hints: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        response = post(hers, f"{three[1].pk}/read/")
    assert response.status_code == 200
    assert response.json() == {**wire(three[1].row()), "read": True}
    assert Toast.objects.unread().for_user(three[1].user).get() == three[2]
    assert hints == [f"user:{three[1].user_id}"]


def test_read_is_idempotent(
    hers: Client, three: list[Toast], hints: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    first = post(hers, f"{three[1].pk}/read/")
    read_at = Toast.objects.get(pk=three[1].pk).read_at
    with django_capture_on_commit_callbacks(execute=True):
        again = post(hers, f"{three[1].pk}/read/")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Toast.objects.get(pk=three[1].pk).read_at == read_at
    assert hints == []


def test_a_toast_deleted_in_the_middle_is_not_found(hers: Client, three: list[Toast]) -> None:
    def delete_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('UPDATE "toasts_toast"'):
            execute('DELETE FROM "toasts_toast"', (), False, context)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(delete_first):
        assert post(hers, f"{three[1].pk}/read/").status_code == 404


def unread(user: User) -> list[int]:
    return list(Toast.objects.for_user(user).unread().values_list("pk", flat=True))


@pytest.mark.parametrize("body", [None, "", {}, {"other": 1}])
def test_read_all_marks_all_of_ones_own(
    hers: Client, alice: User, bob: User, three: list[Toast], body: Any
) -> None:
    response = post(hers, "read-all/", body)
    assert (response.status_code, response.json()) == (200, {"count": 2})
    assert unread(alice) == []
    assert len(unread(bob)) == 1
    assert post(hers, "read-all/", body).json() == {"count": 0}


def test_read_all_marks_those_that_are_named(
    hers: Client, alice: User, bob: User, three: list[Toast]
) -> None:
    foreign = Toast.objects.get(user=bob)
    ids = [three[0].pk, three[1].pk, three[1].pk, foreign.pk, 987654321, 2**63 - 1]
    assert post(hers, "read-all/", {"ids": ids}).json() == {"count": 1}
    assert unread(alice) == [three[2].pk]
    assert unread(bob) == [foreign.pk]


def test_read_all_of_none_marks_none(hers: Client, alice: User, three: list[Toast]) -> None:
    assert post(hers, "read-all/", {"ids": []}).json() == {"count": 0}
    assert len(unread(alice)) == 2


def test_read_all_takes_a_form_too(hers: Client, alice: User, three: list[Toast]) -> None:
    response = hers.post(f"{URL}read-all/", {"ids": [three[1].pk, three[2].pk]})
    assert response.json() == {"count": 2}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[",
        '{"ids": [1,]}',
        '{"ids": NaN}',
        b"\xff\xfe",
        "null",
        "7",
        '"ids"',
        [1, 2],
        {"ids": None},
        {"ids": 1},
        {"ids": "1"},
        {"ids": {"1": 1}},
        {"ids": ["a"]},
        {"ids": [None]},
        {"ids": [True]},
        {"ids": [1.5]},
        {"ids": [[1]]},
        {"ids": [0]},
        {"ids": [-1]},
        {"ids": [2**63]},
        {"ids": [10**30]},
        {"ids": list(range(1, 1002))},
    ],
    ids=lambda body: repr(body)[:20],
)
def test_a_bad_body_is_an_error_and_changes_nothing(
    hers: Client, alice: User, three: list[Toast], body: Any
) -> None:
    response = post(hers, "read-all/", body)
    assert response.status_code == 400, response.content
    assert isinstance(response.json(), dict)
    assert len(unread(alice)) == 2


# Who may.

ENDPOINTS = [
    ("GET", ""),
    ("GET", "count/"),
    ("GET", "1/"),
    ("POST", "1/read/"),
    ("POST", "read-all/"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_who_is_signed_out_is_refused(
    db: None, client: Client, method: str, path: str, three: list[Toast]
) -> None:
    response = client.generic(method, URL + path.replace("1", str(three[1].pk)))
    assert response.status_code in (401, 403)
    assert response.json() == {"detail": "Authentication credentials were not provided."}
    assert Toast.objects.unread().count() == 3


def test_a_user_who_was_deactivated_is_refused(hers: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    assert hers.get(URL).status_code == 403


@pytest.mark.parametrize("path", ["{}/read/", "read-all/"])
def test_a_session_needs_a_csrf_token(alice: User, three: list[Toast], path: str) -> None:
    client = signed_in(alice, enforce_csrf_checks=True)
    path = path.format(three[1].pk)
    response = post(client, path)
    assert response.status_code == 403
    assert response.json()["detail"].startswith("CSRF Failed")
    assert len(unread(alice)) == 2
    token = "a" * 32
    client.cookies["csrftoken"] = token
    assert post(client, path, **{"X-CSRFToken": "b" * 32}).status_code == 403
    assert (
        post(client, path, **{"X-CSRFToken": token, "Origin": "https://evil.example"}).status_code
        == 403
    )
    assert len(unread(alice)) == 2
    assert post(client, path, **{"X-CSRFToken": token}).status_code == 200
    assert len(unread(alice)) < 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("PUT", "{}/"),
        ("PATCH", "{}/"),
        ("DELETE", "{}/"),
        ("GET", "{}/read/"),
        ("GET", "read-all/"),
        ("POST", "count/"),
    ],
)
def test_nothing_else_is_allowed(hers: Client, three: list[Toast], method: str, path: str) -> None:
    body = json.dumps({"message": "forged", "user": three[0].user_id})
    response = hers.generic(method, URL + path.format(three[1].pk), body, "application/json")
    if (method, path) == ("GET", "read-all/"):
        assert response.status_code in (404, 405)
    else:
        assert response.status_code == 405
    assert Toast.objects.count() == 4
    assert Toast.objects.unread().count() == 3


def test_a_head_has_no_body(hers: Client, three: list[Toast]) -> None:
    response = hers.head(URL)
    assert (response.status_code, response.content) == (200, b"")


def test_another_authentication_needs_no_csrf_token(alice: User, three: list[Toast]) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_authenticate(alice)
    assert post(client, f"{three[1].pk}/read/").status_code == 200
    assert post(client, "read-all/").json() == {"count": 1}


@pytest.mark.parametrize(
    "position", ["p=abc", "p=1.5", "p=%00", "o=1&p=2024-01-01", "p=" + "9" * 30]
)
def test_a_cursor_that_was_not_made_here_is_not_found(alice: User, position: str) -> None:
    client = Client()
    client.force_login(alice)
    cursor = base64.b64encode(position.encode()).decode()
    answer = client.get("/toasts/api/toasts/", {"cursor": cursor})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid cursor"})


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "\u0661", "0x1"])
def test_what_is_no_id_is_not_found_like_any_other(alice: User, text: str) -> None:
    client = Client()
    client.force_login(alice)
    missing = client.get("/toasts/api/toasts/999999/")
    odd = client.get(f"/toasts/api/toasts/{text}/")
    assert (odd.status_code, odd.content) == (404, missing.content)
