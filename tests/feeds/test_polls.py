"""Polls of a feed: their answers, and how long they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.test import AsyncClient, Client

from tests.conftest import signed_in, until
from tests.support.feed_connections import NAMES, create_group
from toasts import feeds
from toasts.delivery.hubs import current_hub

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]


async def test_a_waiting_poll_gets_the_changes(alice: User) -> None:
    client = await signed_in(alice)
    old = await create_group("old")
    pk = old.pk
    cursor = (await client.get(NAMES)).json()["cursor"]
    writes: list[tuple[Callable[[], Awaitable[object]], tuple[str, str]]] = [
        (lambda: create_group("new"), ("change", "INSERT")),
        (lambda: delete(old), ("remove", "DELETE")),
    ]
    for write, expected in writes:
        waiting = asyncio.create_task(client.get(NAMES, {"cursor": cursor, "wait": "20"}))
        await until(lambda: current_hub().subscriptions())
        await write()
        answer = (await waiting).json()
        [event] = answer["events"]
        assert (event["event"], event["data"]["action"]) == expected
        assert event["id"] == answer["cursor"] not in ("", cursor)
        cursor = answer["cursor"]
    assert (event["data"]["keys"], event["data"]["rows"]) == ([pk], [{"name": "old"}])


async def delete(group: Group) -> None:
    await group.adelete()
    await feeds.async_announce("names", "all")


async def test_a_poll_with_an_old_cursor_gets_all_rows(alice: User) -> None:
    client = await signed_in(alice)
    cursor = (await client.get(NAMES)).json()["cursor"]
    group = await create_group("new")
    answer = (await client.get(NAMES, {"cursor": cursor, "wait": "20"})).json()
    assert [event["data"].get("key") for event in answer["events"]] == [group.pk, None]
    assert answer["events"][0]["data"]["action"] == "SELECT"


async def test_a_poll_without_changes_ends_after_its_wait(alice: User) -> None:
    client = await signed_in(alice)
    cursor = (await client.get(NAMES)).json()["cursor"]
    answer = (await client.get(NAMES, {"cursor": cursor, "wait": "0.2"})).json()
    assert answer == {"events": [], "cursor": cursor}
    assert current_hub().subscriptions() == []


async def test_a_logout_ends_a_waiting_poll(alice: User) -> None:
    client: Any = await signed_in(alice)
    cursor = (await client.get(NAMES)).json()["cursor"]
    waiting = asyncio.create_task(client.get(NAMES, {"cursor": cursor, "wait": "20"}))
    await until(lambda: current_hub().subscriptions())
    other = AsyncClient()
    other.cookies["sessionid"] = client.cookies["sessionid"].value
    await sync_to_async(other.logout)()
    assert (await waiting).status_code == 403


def test_under_wsgi_a_poll_answers_at_once(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    cursor = client.get(NAMES).json()["cursor"]
    answer = client.get(NAMES, {"cursor": cursor, "wait": "20"}).json()
    assert answer == {"events": [], "cursor": cursor}
