"""The stream view: what it sends, and to whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client, override_settings

from tests.conftest import signed_in
from tests.support.streams import NO_CACHE_HEADERS, POLL, STREAM, StreamReader
from toasts import async_create_toast, async_create_toasts, async_dismiss_toast, async_update_toast
from toasts.auth.grants import Grant, UserStatus
from toasts.delivery import hubs
from toasts.delivery.hubs import current_hub
from toasts.delivery.streams import buffered_stream, toasts_of
from toasts.models.toast import Toast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


# The stream.


async def test_a_stream_sends_the_snapshot_and_then_the_changes(alice: User) -> None:
    old = await async_create_toast("old", alice)
    stream = await StreamReader.open(await signed_in(alice))
    snapshot = await stream.until("sync")
    assert [event.type for event in snapshot] == ["toast", "sync"]
    assert snapshot[-1].data == {"ids": [old.pk]}
    new = await async_create_toast("new", alice, level="success")
    assert (await stream.next()).data["id"] == new.pk
    await async_update_toast(new, progress=50)
    assert (await stream.next()).data["progress"] == 50
    await async_dismiss_toast(new)
    event = await stream.next()
    assert (event.type, event.data) == ("dismiss", {"ids": [new.pk]})


async def test_a_streams_headers_are_exactly_these(alice: User) -> None:
    response = await (await signed_in(alice)).get(STREAM)
    assert response.status_code == 200
    assert dict(response.headers) == {**NO_CACHE_HEADERS, "Content-Type": "text/event-stream"}
    assert not response.cookies


async def test_a_comment_comes_before_the_state_and_then_each_event_is_exact(
    alice: User,
) -> None:
    toast = await async_create_toast("Grüße\n\u2028", alice)
    response: Any = await (await signed_in(alice)).get(STREAM)
    chunks = response.streaming_content
    assert await anext(chunks) == b": toasts\n"
    snapshot = await anext(chunks)
    first, second, rest = snapshot.split(b"\n\n")
    head, data, changed = first.split(b"\n")
    data = data.removeprefix(b"data: ")
    # From here on the client has another state than the one whose id a `sync` had.
    assert (head, changed) == (b"event: toast", b"id: changed")
    assert b'"message":"Gr\\u00fc\\u00dfe\\n\\u2028"' in data
    assert json.loads(data) == {
        "id": toast.pk, "message": "Grüße\n\u2028", "title": "", "level": "info", "url": "",
        "actions": [], "key": "", "progress": None, "duration": None, "data": {},
        "created_at": json.loads(data)["created_at"], "expires_at": None, "read": False,
    }  # fmt: skip
    head, data, state_id, retry = second.split(b"\n")
    assert (head, data, rest) == (b"event: sync", b'data: {"ids":[%d]}' % toast.pk, b"")
    assert state_id.startswith(b"id: ")
    assert retry.startswith(b"retry: ")


async def test_retry_spreads_reconnects_over_one_to_five_seconds(alice: User) -> None:
    client = await signed_in(alice)
    retries = set()
    for _ in range(8):
        stream = await StreamReader.open(client)
        retries.add((await stream.until("sync"))[-1].retry)
    assert all(retry is not None and 1000 <= retry <= 5000 for retry in retries)
    assert len(retries) > 1


@override_settings(TOASTS_HEARTBEAT=0.1)
async def test_a_quiet_stream_pings(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    assert [(await stream.next()).type for _ in range(2)] == ["ping", "ping"]
    assert stream.raw.endswith(b"event: ping\ndata: {}\n\n")


@override_settings(TOASTS_ROTATE=(0.0, 0.0))
async def test_an_old_stream_ends_with_rotate(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    last = (await stream.until("bye"))[-1]
    assert last.data == {"reason": "rotate"}
    assert last.retry is not None
    assert 1000 <= last.retry <= 5000
    assert await stream.ended()
    assert current_hub().subscriptions() == []


async def test_rotation_is_spread(alice: User) -> None:
    grant = Grant(alice.pk, UserStatus())
    with override_settings(TOASTS_ROTATE=(300, 600)):
        subscription = toasts_of(grant)
        lives = {buffered_stream(subscription, None, abort=lambda: None).max_age for _ in range(20)}
    assert all(300 <= life <= 600 for life in lives)
    assert len(lives) == 20


@override_settings(TOASTS_MAX_STREAMS_PER_USER=2)
async def test_one_stream_too_many_ends_the_oldest(alice: User, bob: User) -> None:
    client = await signed_in(alice)
    of_bob = await StreamReader.open(await signed_in(bob))
    await of_bob.until("sync")
    streams = []
    for _ in range(3):
        streams.append(await StreamReader.open(client))
        await streams[-1].until("sync")
    assert (await streams[0].next()).data == {"reason": "superseded"}
    assert await streams[0].ended()
    await async_create_toasts("still here", [alice, bob])
    for stream in (*streams[1:], of_bob):
        assert (await stream.next()).data["message"] == "still here"


async def test_signed_out_is_204_and_empty(db: None) -> None:
    for path in (STREAM, POLL):
        response = await AsyncClient().get(path)
        assert (response.status_code, response.content) == (204, b"")
        assert {name: response[name] for name in NO_CACHE_HEADERS} == NO_CACHE_HEADERS
        assert not response.cookies


async def test_head_starts_no_stream(alice: User) -> None:
    response = await (await signed_in(alice)).head(STREAM)
    assert (response.status_code, response.streaming, response.content) == (200, False, b"")
    assert response["Content-Type"] == "text/event-stream"
    assert {name: response[name] for name in NO_CACHE_HEADERS} == NO_CACHE_HEADERS
    assert hubs._hubs == {}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_only_get_and_head_are_allowed(alice: User, path: str, method: str) -> None:
    response = await getattr(await signed_in(alice), method)(path)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


# Requests of other sites (Fetch Metadata).


@pytest.mark.parametrize("path", [STREAM, POLL])
@pytest.mark.parametrize(
    ("origin", "same_site_allowed", "status"),
    [
        ("same-origin", False, 200),
        ("none", False, 200),
        (None, False, 200),
        ("cross-site", False, 403),
        ("cross-site", True, 403),
        ("same-site", False, 403),
        ("same-site", True, 200),
        ("Same-Origin", False, 403),
        ("nonsense", True, 403),
        ("", True, 403),
    ],
)
async def test_other_sites_are_refused(
    alice: User, path: str, origin: str | None, same_site_allowed: bool, status: int
) -> None:
    headers = {} if origin is None else {"Sec-Fetch-Site": origin}
    client = await signed_in(alice)
    with override_settings(TOASTS_ALLOW_SAME_SITE=same_site_allowed):
        response = await client.get(path, headers=headers)
    assert response.status_code == status
    assert "Access-Control-Allow-Origin" not in response.headers
    assert {name: response[name] for name in NO_CACHE_HEADERS} == NO_CACHE_HEADERS


# WSGI.


def test_under_wsgi_there_is_no_stream_and_a_poll_never_waits(alice: User) -> None:
    Toast.objects.create(user=alice, message="hello")
    client = Client()
    client.force_login(alice)
    response = client.get(STREAM)
    assert (response.status_code, response.content) == (204, b"")
    first = client.get(POLL).json()
    assert [toast["message"] for toast in first["toasts"]] == ["hello"]
    again = client.get(POLL, {"wait": "55", "cursor": first["cursor"]})  # the suite's limit is 180
    assert again.json() == first
    assert hubs._hubs == {}
