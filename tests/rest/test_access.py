"""Who can use the HTTP API, and for what."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from tests.support.rest_calls import URL, post, signed_in, unread
from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db


ENDPOINTS = [
    ("GET", ""),
    ("GET", "count/"),
    ("GET", "1/"),
    ("POST", "1/read/"),
    ("POST", "read-all/"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_a_signed_out_visitor_is_refused(
    db: None, client: Client, method: str, path: str, three: list[Toast]
) -> None:
    response = client.generic(method, URL + path.replace("1", str(three[1].pk)))
    assert response.status_code in (401, 403)
    assert response.json() == {"detail": "Authentication credentials were not provided."}
    assert Toast.objects.unread().count() == 3


def test_a_user_who_was_deactivated_is_refused(client_of_alice: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    assert client_of_alice.get(URL).status_code == 403


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
def test_nothing_else_is_allowed(
    client_of_alice: Client, three: list[Toast], method: str, path: str
) -> None:
    body = json.dumps({"message": "forged", "user": three[0].user_id})
    response = client_of_alice.generic(
        method, URL + path.format(three[1].pk), body, "application/json"
    )
    if (method, path) == ("GET", "read-all/"):
        assert response.status_code in (404, 405)
    else:
        assert response.status_code == 405
    assert Toast.objects.count() == 4
    assert Toast.objects.unread().count() == 3


def test_the_answer_to_head_has_no_body(client_of_alice: Client, three: list[Toast]) -> None:
    response = client_of_alice.head(URL)
    assert (response.status_code, response.content) == (200, b"")


def test_authentication_without_a_session_needs_no_csrf_token(
    alice: User, three: list[Toast]
) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_authenticate(alice)
    assert post(client, f"{three[1].pk}/read/").status_code == 200
    assert post(client, "read-all/").json() == {"count": 1}
