"""Reading over the HTTP API: a user's own toasts only."""

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

from tests.support.rest_calls import URL
from toasts import create_toast
from toasts.models.toast import Toast, wire

pytestmark = pytest.mark.django_db


def test_the_list_has_the_users_own_toasts_newest_first(
    client_of_alice: Client, three: list[Toast]
) -> None:
    response = client_of_alice.get(URL)
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
def test_the_filters_select_toasts(
    client_of_alice: Client, three: list[Toast], query: str, chosen: list[int]
) -> None:
    ids = [toast["id"] for toast in client_of_alice.get(URL + query).json()["results"]]
    assert ids == [three[index].pk for index in chosen]
    assert client_of_alice.get(f"{URL}count/{query}").json() == {"count": len(chosen)}


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
def test_an_unknown_filter_value_is_an_error(
    client_of_alice: Client, path: str, query: str, field: str
) -> None:
    response = client_of_alice.get(URL + path + query)
    assert response.status_code == 400
    assert list(response.json()) == [field]


def walk(client: Client, url: str | None) -> Iterator[list[int]]:
    while url:
        page = client.get(url).json()
        yield [toast["id"] for toast in page["results"]]
        url = page["next"]


def test_the_cursor_reaches_every_toast(client_of_alice: Client, alice: User, bob: User) -> None:
    made = [create_toast("hello", alice).pk for _ in range(7)]
    create_toast("hello", bob)
    assert list(walk(client_of_alice, f"{URL}?page_size=3")) == [
        made[:3:-1],
        made[3:0:-1],
        made[:1],
    ]


def test_the_cursor_skips_and_repeats_nothing_while_toasts_are_added(
    client_of_alice: Client, alice: User
) -> None:
    made = [create_toast("hello", alice).pk for _ in range(4)]
    pages = walk(client_of_alice, f"{URL}?page_size=2")
    assert next(pages) == made[:1:-1]
    create_toast("late", alice)
    assert next(pages) == made[1::-1]


@pytest.mark.parametrize(
    ("query", "count"),
    [("", 50), ("?page_size=200", 200), ("?page_size=1000", 200), ("?page_size=no", 50)],
)
def test_the_size_of_a_page_is_limited(
    client_of_alice: Client, alice: User, query: str, count: int
) -> None:
    Toast.objects.bulk_create(Toast(user=alice, message="hello") for _ in range(201))
    with CaptureQueriesContext(connection) as queries:
        assert len(client_of_alice.get(URL + query).json()["results"]) == count
    assert len([q for q in queries if "toasts_toast" in q["sql"]]) == 1


def test_an_invalid_cursor_is_not_found(client_of_alice: Client) -> None:
    assert client_of_alice.get(f"{URL}?cursor=nonsense").status_code == 404


def test_a_single_toast_can_be_read(client_of_alice: Client, three: list[Toast]) -> None:
    assert client_of_alice.get(f"{URL}{three[1].pk}/").json() == wire(three[1].row())


def test_the_site_s_formats_do_not_change_the_api(
    client_of_alice: Client, three: list[Toast], settings: Any
) -> None:
    settings.REST_FRAMEWORK = {"DATETIME_FORMAT": "%d.%m.%Y"}
    with timezone.override("Asia/Tokyo"):
        assert client_of_alice.get(f"{URL}{three[1].pk}/").json() == wire(three[1].row())


@pytest.mark.parametrize("path", ["", "count/", "{}/"])
def test_the_browsable_api_renders(client_of_alice: Client, three: list[Toast], path: str) -> None:
    response = client_of_alice.get(URL + path.format(three[1].pk), headers={"Accept": "text/html"})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"


# Toasts of other users, and ids that do not exist.


@pytest.mark.parametrize("action", ["", "read/"])
def test_another_users_toast_and_a_missing_one_are_the_same_404(
    client_of_alice: Client, alice: User, bob: User, action: str
) -> None:
    foreign = create_toast("his", bob)
    gone = create_toast("hers", alice)
    gone_id = gone.pk
    gone.delete()
    ask = client_of_alice.post if action else client_of_alice.get
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
def test_a_path_that_is_not_an_id_is_not_found(client_of_alice: Client, name: str) -> None:
    assert client_of_alice.get(f"{URL}{name}/").status_code == 404


@pytest.mark.parametrize(
    "position", ["p=abc", "p=1.5", "p=%00", "o=1&p=2024-01-01", "p=" + "9" * 30]
)
def test_a_cursor_with_an_impossible_position_is_not_found(alice: User, position: str) -> None:
    client = Client()
    client.force_login(alice)
    cursor = base64.b64encode(position.encode()).decode()
    answer = client.get("/toasts/api/toasts/", {"cursor": cursor})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid cursor"})


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "\u0661", "0x1"])
def test_a_path_that_is_not_an_id_gives_the_same_404_as_a_missing_toast(
    alice: User, text: str
) -> None:
    client = Client()
    client.force_login(alice)
    missing = client.get("/toasts/api/toasts/999999/")
    odd = client.get(f"/toasts/api/toasts/{text}/")
    assert (odd.status_code, odd.content) == (404, missing.content)
