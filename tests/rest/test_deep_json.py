"""JSON that is nested more deeply than Python's parser goes is a bad request, and no error."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.rest_calls import URL
from toasts import create_toast

pytestmark = pytest.mark.django_db

DEEP = "[" * 100_000 + "]" * 100_000
DEEP_IDS = f'{{"ids": {"[" * 900}{"]" * 900}}}'


@pytest.mark.parametrize("body", [DEEP, "[" * 100_000, '{"a":' * 100_000, DEEP_IDS])
def test_a_body_that_is_nested_too_deeply_is_a_bad_request(
    alice: User, client_of_alice: Client, body: str
) -> None:
    toast = create_toast("stays unread", alice)
    client_of_alice.raise_request_exception = False
    answer = client_of_alice.post(f"{URL}read-all/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/json"
    toast.refresh_from_db()
    assert toast.read_at is None


@pytest.mark.parametrize("parameter", ["read", "level", "cursor", "page_size"])
def test_deep_json_in_a_parameter_is_no_error(client_of_alice: Client, parameter: str) -> None:
    client_of_alice.raise_request_exception = False
    value = quote("[" * 3000)
    answer = client_of_alice.get(f"{URL}?{parameter}={value}")
    assert answer.status_code in (200, 400, 404)
    assert client_of_alice.post(f"{URL}1/read/", DEEP, "application/json").status_code == 404
