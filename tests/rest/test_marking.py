"""Marking toasts read over the HTTP API."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tests.support.rest_calls import URL, post, unread
from toasts.models.toast import Toast, wire

pytestmark = pytest.mark.django_db


def test_read_marks_a_toast_read_and_announces_it(
    client_of_alice: Client, three: list[Toast], hints: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        response = post(client_of_alice, f"{three[1].pk}/read/")
    assert response.status_code == 200
    assert response.json() == {**wire(three[1].row()), "read": True}
    assert Toast.objects.unread().for_user(three[1].user).get() == three[2]
    assert hints == [f"user:{three[1].user_id}"]


def test_read_is_idempotent(
    client_of_alice: Client, three: list[Toast], hints: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    first = post(client_of_alice, f"{three[1].pk}/read/")
    read_at = Toast.objects.get(pk=three[1].pk).read_at
    with django_capture_on_commit_callbacks(execute=True):
        again = post(client_of_alice, f"{three[1].pk}/read/")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Toast.objects.get(pk=three[1].pk).read_at == read_at
    assert hints == []


def test_a_toast_that_is_deleted_during_the_request_is_not_found(
    client_of_alice: Client, three: list[Toast]
) -> None:
    table = connection.ops.quote_name("toasts_toast")

    def delete_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(f"UPDATE {table}"):
            execute(f"DELETE FROM {table}", (), False, context)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(delete_first):
        assert post(client_of_alice, f"{three[1].pk}/read/").status_code == 404


@pytest.mark.parametrize("body", [None, "", {}, {"other": 1}])
def test_read_all_marks_all_toasts_of_the_user(
    client_of_alice: Client, alice: User, bob: User, three: list[Toast], body: Any
) -> None:
    response = post(client_of_alice, "read-all/", body)
    assert (response.status_code, response.json()) == (200, {"count": 2})
    assert unread(alice) == []
    assert len(unread(bob)) == 1
    assert post(client_of_alice, "read-all/", body).json() == {"count": 0}


def test_read_all_marks_the_toasts_that_are_listed(
    client_of_alice: Client, alice: User, bob: User, three: list[Toast]
) -> None:
    foreign = Toast.objects.get(user=bob)
    ids = [three[0].pk, three[1].pk, three[1].pk, foreign.pk, 987654321, 2**63 - 1]
    assert post(client_of_alice, "read-all/", {"ids": ids}).json() == {"count": 1}
    assert unread(alice) == [three[2].pk]
    assert unread(bob) == [foreign.pk]


def test_read_all_with_an_empty_list_marks_none(
    client_of_alice: Client, alice: User, three: list[Toast]
) -> None:
    assert post(client_of_alice, "read-all/", {"ids": []}).json() == {"count": 0}
    assert len(unread(alice)) == 2


def test_read_all_accepts_a_form_too(
    client_of_alice: Client, alice: User, three: list[Toast]
) -> None:
    response = client_of_alice.post(f"{URL}read-all/", {"ids": [three[1].pk, three[2].pk]})
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
def test_an_invalid_body_is_an_error_and_changes_nothing(
    client_of_alice: Client, alice: User, three: list[Toast], body: Any
) -> None:
    response = post(client_of_alice, "read-all/", body)
    assert response.status_code == 400, response.content
    assert isinstance(response.json(), dict)
    assert len(unread(alice)) == 2
