"""Times, where the database or the site has a zone of its own: all ways say the same moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.support.rest_calls import URL, signed_in
from toasts import create_toast, update_toast
from toasts.delivery.source import TOASTS, read_state, topic
from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
ZONES = ["America/Chicago", "Asia/Kathmandu"]


def _forget_zone() -> None:
    for name in ("timezone", "timezone_name"):
        connection.__dict__.pop(name, None)
    connection.ensure_timezone()


@pytest.fixture(params=ZONES)
def database_zone(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DATABASES["TIME_ZONE"]."""
    monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", request.param)
    _forget_zone()
    yield
    monkeypatch.undo()
    _forget_zone()


@pytest.fixture(params=ZONES)
def local_times(request: Any, settings: Any) -> None:
    """USE_TZ = False."""
    settings.USE_TZ = False
    settings.TIME_ZONE = request.param


def _now() -> datetime:
    return timezone.now()


def _check_what_is_active(user: User) -> None:
    now = _now()
    shown = [
        create_toast("plain", user),
        create_toast("expires soon", user, expires_at=now + HOUR),
        create_toast("has begun", user, visible_from=now - timedelta(seconds=1)),
        update_toast(create_toast("changed", user), expires_at=now + HOUR),
    ]
    create_toast("expired", user, expires_at=now - timedelta(seconds=1))
    create_toast("scheduled", user, visible_from=now + HOUR)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO toasts_toast (user_id, message) VALUES (%s, 'sql')", [user.pk])
    plain = Toast.objects.get(message="sql")
    wanted = [*(toast.pk for toast in shown), plain.pk]
    assert list(read_state(user.pk)) == wanted
    assert sorted(user.toasts.active().values_list("pk", flat=True)) == wanted
    for toast in (*shown, plain):
        toast.refresh_from_db()
        assert abs(toast.created_at - now) < timedelta(minutes=1)
    assert shown[1].expires_at == now + HOUR
    assert Toast.objects.get(expires_at=now + HOUR, message="expires soon") == shown[1]


@pytest.mark.usefixtures("database_zone")
def test_a_databases_own_zone_shifts_no_time(alice: User) -> None:
    _check_what_is_active(alice)
    _check_all_ways(alice)


@pytest.mark.usefixtures("local_times")
def test_local_times_shift_no_time(alice: User) -> None:
    _check_what_is_active(alice)
    _check_all_ways(alice)


def _check_all_ways(user: User) -> None:
    """Stream, poll, list and the toast itself name its times in one form, in UTC."""
    Toast.objects.all().delete()
    toast = create_toast("x", user, expires_at=_now() + HOUR)
    expected = (datetime.now(UTC) + HOUR).isoformat()[:16]
    client: Client = signed_in(user)
    polled = client.get("/toasts/poll/").json()["toasts"][0]
    listed = client.get(URL).json()["results"][0]
    name = topic(user.pk)
    text = TOASTS.snapshot(name, read_state(user.pk)).decode().split("data: ")[1].split("\n")[0]
    streamed = json.loads(text)
    assert polled == listed == streamed
    assert listed["id"] == toast.pk
    for field in ("created_at", "expires_at"):
        assert listed[field].endswith("Z")
    seconds = datetime.fromisoformat(listed["expires_at"]) - datetime.fromisoformat(
        f"{expected}:00+00:00"
    )
    assert abs(seconds) <= timedelta(minutes=2)
