"""The poll, and the long poll."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from tests.conftest import signed_in, until
from tests.support.asgi_calls import Call
from tests.support.streams import NO_CACHE_HEADERS, POLL, StreamReader
from toasts import async_create_toast, async_dismiss_toast, async_update_toast
from toasts.delivery.hubs import current_hub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


async def test_a_poll_answers_the_state_and_its_cursor(alice: User, bob: User) -> None:
    client = await signed_in(alice)
    empty = await client.get(POLL)
    assert empty.json()["toasts"] == []
    toast = await async_create_toast(
        "text", alice, title="t", level="error", url="/u", key="k", progress=5, duration=7,
        actions=[{"name": "a", "label": "A", "url": "/a"}], data={"n": [1, None]},
    )  # fmt: skip
    await async_create_toast("his", bob)
    response = await client.get(POLL)
    assert {name: response[name] for name in NO_CACHE_HEADERS} == NO_CACHE_HEADERS
    assert response["Content-Type"] == "application/json"
    assert not response.cookies
    answer = response.json()
    created = answer["toasts"][0]["created_at"]
    assert answer == {
        "toasts": [{
            "id": toast.pk, "message": "text", "title": "t", "level": "error", "url": "/u",
            "actions": [{"name": "a", "label": "A", "url": "/a"}], "key": "k", "progress": 5,
            "duration": 7.0, "data": {"n": [1, None]}, "created_at": created, "expires_at": None,
            "read": False,
        }],
        "cursor": answer["cursor"],
    }  # fmt: skip
    assert created.endswith("Z")
    assert answer["cursor"] != empty.json()["cursor"]
    assert (await client.get(POLL)).content == response.content


@pytest.mark.parametrize(
    "wait", ["nan", "inf", "-inf", "1e999", "-1", "-0.1", "soon", "", "1,5", "0x10", "\x00", "1 s"]
)
async def test_a_bad_wait_is_refused(alice: User, wait: str) -> None:
    response = await (await signed_in(alice)).get(POLL, {"wait": wait})
    assert response.status_code == 400
    assert response.content == b'{"wait": ["Must be seconds from 0 to 55."]}'


@pytest.mark.parametrize("change", ["create", "update", "dismiss"])
async def test_a_long_poll_answers_when_something_changes(alice: User, change: str) -> None:
    client = await signed_in(alice)
    toast = await async_create_toast("old", alice)
    cursor = (await client.get(POLL)).json()["cursor"]
    waiting = asyncio.create_task(client.get(POLL, {"wait": "25", "cursor": cursor}))
    await until(lambda: current_hub().subscriptions())
    assert not waiting.done()
    if change == "create":
        await async_create_toast("new", alice)
    elif change == "update":
        await async_update_toast(toast, message="new")
    else:
        await async_dismiss_toast(toast)
    answer = (await asyncio.wait_for(waiting, 5)).json()
    messages = [toast["message"] for toast in answer["toasts"]]
    assert messages == {"create": ["old", "new"], "update": ["new"], "dismiss": []}[change]
    assert answer["cursor"] != cursor
    assert current_hub().subscriptions() == []
    assert (await client.get(POLL)).json() == answer


async def test_a_long_poll_with_another_cursor_answers_at_once(alice: User) -> None:
    await async_create_toast("new", alice)
    client = await signed_in(alice)
    answer = await asyncio.wait_for(client.get(POLL, {"wait": "25", "cursor": "abc"}), 5)
    assert [toast["message"] for toast in answer.json()["toasts"]] == ["new"]


@pytest.mark.parametrize("wait", ["0.3", "0.0000001"])
async def test_after_its_wait_a_long_poll_answers_the_same_state(alice: User, wait: str) -> None:
    await async_create_toast("the same", alice)
    client = await signed_in(alice)
    first = (await client.get(POLL)).json()
    answer = await client.get(POLL, {"wait": wait, "cursor": first["cursor"]})
    assert answer.json() == first
    assert [toast["message"] for toast in first["toasts"]] == ["the same"]


@override_settings(TOASTS_MAX_WAIT=0.2)
async def test_max_wait_bounds_the_wait_of_a_long_poll(alice: User) -> None:
    client = await signed_in(alice)
    first = (await client.get(POLL)).json()
    waiting = client.get(POLL, {"wait": "1000", "cursor": first["cursor"]})
    assert (await asyncio.wait_for(waiting, 5)).json() == first


async def test_a_long_poll_answers_204_when_its_grant_is_revoked(alice: User) -> None:
    client = await signed_in(alice)
    cursor = (await client.get(POLL)).json()["cursor"]
    waiting = asyncio.create_task(client.get(POLL, {"wait": "25", "cursor": cursor}))
    await until(lambda: current_hub().subscriptions())
    alice.is_active = False
    await alice.asave()
    response = await asyncio.wait_for(waiting, 5)
    assert (response.status_code, response.content) == (204, b"")


@override_settings(TOASTS_MAX_STREAMS_PER_USER=1)
async def test_a_superseded_long_poll_answers_the_same_state_and_not_204(alice: User) -> None:
    client = await signed_in(alice)
    await async_create_toast("here", alice)
    first = (await client.get(POLL)).json()
    waiting = asyncio.create_task(client.get(POLL, {"wait": "25", "cursor": first["cursor"]}))
    await until(lambda: current_hub().subscriptions())
    await (await StreamReader.open(client)).until("sync")
    response = await asyncio.wait_for(waiting, 5)
    assert (response.status_code, response.json()) == (200, first)


async def test_a_waiting_poll_holds_no_thread(alice: User) -> None:
    client = await signed_in(alice)
    cursor = (await client.get(POLL)).json()["cursor"]
    path = f"{POLL}?wait=25&cursor={cursor}"
    first = Call(client, path).start()
    await until(lambda: len(current_hub().subscriptions()) == 1)
    threads = threading.active_count()
    more = [Call(client, path).start() for _ in range(10)]
    await until(lambda: len(current_hub().subscriptions()) == 11)
    await until(lambda: threading.active_count() <= threads)
    await async_create_toast("to all of them", alice)
    for call in (first, *more):
        await asyncio.wait_for(call.application, 10)
        assert (call.status, json.loads(call.body)["toasts"][0]["message"]) == (
            200,
            "to all of them",
        )


async def test_the_name_of_a_users_state_outlives_a_rotation_of_the_secret_key(alice: User) -> None:
    client = await signed_in(alice)
    before = (await client.get(POLL)).json()["cursor"]
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["tests"]):
        after = await client.get(POLL)
        assert after.json()["cursor"] == before
    with override_settings(SECRET_KEY="newest", SECRET_KEY_FALLBACKS=["new", "tests"]):
        assert (await client.get(POLL)).json()["cursor"] == before
