"""Toasts that are scheduled for later or have expired, over the HTTP API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.support.rest_calls import URL, post, unread
from toasts import create_toast
from toasts.models import Toast

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def shown(alice: User) -> Toast:
    return create_toast("now", alice, expires_at=timezone.now() + HOUR)


@pytest.fixture
def scheduled(alice: User) -> Toast:
    return create_toast("later", alice, visible_from=timezone.now() + HOUR)


@pytest.fixture
def expired(alice: User) -> Toast:
    return create_toast("too late", alice, expires_at=timezone.now() - HOUR)


@pytest.mark.parametrize("query", ["", "?read=false", "?level=info"])
@pytest.mark.usefixtures("scheduled", "expired")
def test_the_list_and_the_count_have_what_is_visible_now(
    client_of_alice: Client, shown: Toast, query: str
) -> None:
    results = client_of_alice.get(URL + query).json()["results"]
    assert [toast["id"] for toast in results] == [shown.pk]
    assert client_of_alice.get(f"{URL}count/{query}").json() == {"count": 1}


@pytest.mark.usefixtures("shown")
def test_a_scheduled_toast_is_not_found_before_its_time(
    client_of_alice: Client, scheduled: Toast
) -> None:
    assert client_of_alice.get(f"{URL}{scheduled.pk}/").status_code == 404
    assert post(client_of_alice, f"{scheduled.pk}/read/").status_code == 404
    assert post(client_of_alice, "read-all/", {"ids": [scheduled.pk]}).json() == {"count": 0}
    scheduled.refresh_from_db()
    assert scheduled.read_at is None


def test_reading_all_leaves_a_scheduled_toast_for_its_time(
    client_of_alice: Client, alice: User, shown: Toast, scheduled: Toast
) -> None:
    assert unread(alice) == [scheduled.pk, shown.pk]
    assert post(client_of_alice, "read-all/").json() == {"count": 1}
    assert unread(alice) == [scheduled.pk]
    Toast.objects.filter(pk=scheduled.pk).update(visible_from=timezone.now())
    assert client_of_alice.get(f"{URL}count/?read=false").json() == {"count": 1}


def test_a_page_may_read_by_its_id_a_toast_that_has_just_expired(
    client_of_alice: Client, expired: Toast
) -> None:
    assert client_of_alice.get(f"{URL}{expired.pk}/").status_code == 200
    assert post(client_of_alice, "read-all/", {"ids": [expired.pk]}).json() == {"count": 1}
    assert post(client_of_alice, f"{expired.pk}/read/").json()["read"] is True
