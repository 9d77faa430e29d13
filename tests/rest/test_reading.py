"""Reading over the HTTP API: a user's own toasts and nobody else's."""

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
