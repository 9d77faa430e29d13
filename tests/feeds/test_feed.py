"""Feeds over event streams and polls, in this process."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.http import StreamingHttpResponse
from django.test import AsyncClient, override_settings

from tests.conftest import signed_in
from tests.support.feed_connections import NAMES, create_group, data_of, subscribe
from tests.support.feeds_site import Board
from tests.support.logins import sign_in
from toasts import feeds
from toasts.delivery.hubs import current_hub

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]


def change_event(action: str, key: Any, name: str) -> tuple[str, Any]:
    data = {"table": "auth_group", "action": action, "key": key, "row": {"name": name}}
    return "change", data


@pytest.fixture
def key(alice: User) -> str:
    return sign_in(alice)


async def test_a_page_gets_the_current_rows_and_then_each_change(key: str) -> None:
    first = await create_group("first")
    page = subscribe(key)
    assert await data_of(page, "sync") == [{"keys": [first.pk]}]
    second = await create_group("second")
    await data_of(page, "change", 2)
    first.name = "renamed"
    await first.asave()
    await feeds.async_announce("names", "all")
    await data_of(page, "change", 3)
    first_key = first.pk
    await first.adelete()
    await feeds.async_announce("names", "all")
    await data_of(page, "remove")
    removed = {"table": "auth_group", "action": "DELETE", "rows": [{"name": "renamed"}]}
    assert page.received() == [
        change_event("SELECT", first_key, "first"),
        ("sync", {"keys": [first_key]}),
        change_event("INSERT", second.pk, "second"),
        change_event("UPDATE", first_key, "renamed"),
        ("remove", {**removed, "keys": [first_key]}),
    ]
    await page.leave()


async def test_a_poll_answers_with_the_same_envelopes(alice: User) -> None:
    group = await create_group("first")
    client = await signed_in(alice)
    answer = (await client.get(NAMES)).json()
    assert answer["events"] == [
        {
            "event": "change",
            "data": change_event("SELECT", group.pk, "first")[1],
            "id": "changed",
        },
        {"event": "sync", "data": {"keys": [group.pk]}, "id": answer["cursor"]},
    ]
    again = (await client.get(NAMES, {"cursor": answer["cursor"]})).json()
    assert again == {"events": [], "cursor": answer["cursor"]}


async def test_djangos_own_handler_streams_feeds_too(alice: User) -> None:
    first = await create_group("first")
    client = await signed_in(alice)
    response = await client.get(NAMES, headers={"Accept": "text/event-stream"})
    assert response["Content-Type"] == "text/event-stream"
    raw = b""
    assert isinstance(response, StreamingHttpResponse)
    async for part in aiter(response):
        raw += part
        if b"event: sync" in raw:
            break
    assert (
        b'"table":"auth_group","action":"SELECT","key":%d,"row":{"name":"first"}' % first.pk in raw
    )


async def test_a_request_without_a_topic_is_refused() -> None:
    page = subscribe(None)
    await page.done()
    assert page.status == 403
    assert json.loads(page.body) == {"detail": "You may not listen here."}


async def test_a_guest_may_subscribe_if_the_feed_gives_a_topic(db: None) -> None:
    page = subscribe(None, "/feeds/public/")
    assert await data_of(page, "change") == [{"action": "SELECT", "key": "groups", "row": 0}]
    await Group.objects.acreate(name="one")
    await feeds.async_announce("public")
    assert (await data_of(page, "change", 2))[-1] == {"key": "groups", "action": "UPDATE", "row": 1}
    await page.leave()


@override_settings(TOASTS_MAX_STREAMS_PER_USER=2)
@pytest.mark.parametrize(
    ("addresses", "superseded"),
    [
        (["192.0.2.1"] * 3, 1),
        (["192.0.2.1", "192.0.2.2", "192.0.2.3"], 0),
        (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], 1),
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"], 1),
        (["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"], 0),
        (["fe80::1%eth0"] * 3, 1),
        ([None] * 3, 0),
        (["unknown"] * 3, 0),
    ],
)
async def test_the_streams_of_guests_are_limited_by_address(
    db: None, addresses: list[str | None], superseded: int
) -> None:
    pages = []
    for address in addresses:
        client = None if address is None else (address, 5)
        pages.append(subscribe(None, "/feeds/public/", client=client))
        await data_of(pages[-1], "sync")
    if superseded:
        await pages[0].done()
        assert pages[0].received()[-1] == ("bye", {"reason": "superseded"})
    assert len(current_hub().subscriptions()) == 3 - superseded
    for page in pages[superseded:]:
        await page.leave()


async def test_a_page_may_not_have_a_name_of_any_length(key: str) -> None:
    """A stream keeps it, so it would keep what the client sends."""
    sent = b"origin=" + b"x" * 101
    page = subscribe(key, "/feeds/notes/", query_string=sent)
    await page.done()
    assert page.status == 400
    assert json.loads(page.body) == {"origin": ["Must be at most 100 characters."]}
    fits = subscribe(key, "/feeds/notes/", query_string=sent[:-1])
    await data_of(fits, "sync")
    await fits.leave()


async def test_a_logout_ends_the_stream(alice: User) -> None:
    client: Any = AsyncClient()
    await client.aforce_login(alice)
    page = subscribe(client.cookies["sessionid"].value)
    await data_of(page, "sync")
    await sync_to_async(client.logout)()
    await page.done()
    assert page.received()[-1] == ("bye", {"reason": "auth"})


async def test_a_user_who_is_no_longer_staff_gets_only_their_own_rows(
    alice: User, monkeypatch: Any
) -> None:
    monkeypatch.setattr(Board, "read", lambda self, topics: {name: {1: name} for name in topics})
    await User.objects.filter(pk=alice.pk).aupdate(is_staff=True)
    session = await sync_to_async(sign_in)(alice)
    board = subscribe(session, "/feeds/board/")
    assert [row["row"] for row in await data_of(board, "change")] == ["all"]
    alice.is_staff = False
    await alice.asave(update_fields=["is_staff"])
    await board.done()
    assert board.received()[-1] == ("bye", {"reason": "auth"})
    again = subscribe(session, "/feeds/board/")
    assert [row["row"] for row in await data_of(again, "change")] == ["customer:alice"]
    await again.leave()


async def test_rows_that_newer_ones_displace_are_not_called_deleted(key: str) -> None:
    page = subscribe(key)
    await data_of(page, "sync")
    groups = [await create_group(f"group {number}") for number in range(5)]
    await create_group("one too many")
    assert await data_of(page, "remove") == [
        {"table": "auth_group", "action": "LIMIT", "keys": [groups[0].pk]}
    ]
    keys = [group.pk for group in groups[1:3]]
    await Group.objects.filter(pk__in=[groups[0].pk, *keys]).adelete()
    await feeds.async_announce("names", "all")
    gone = {"table": "auth_group", "action": "DELETE", "keys": keys}
    names = [{"name": "group 1"}, {"name": "group 2"}]
    assert (await data_of(page, "remove", 2))[1:] == [{**gone, "rows": names}]
    await page.leave()


async def test_a_row_deleted_from_a_full_topic_is_called_deleted(key: str) -> None:
    groups = [await create_group(f"group {number}") for number in range(6)]
    page = subscribe(key)
    assert await data_of(page, "sync") == [{"keys": [group.pk for group in groups[1:]]}]
    await groups[3].adelete()
    await feeds.async_announce("names", "all")
    [gone] = await data_of(page, "remove")
    assert (gone["action"], gone["rows"]) == ("DELETE", [{"name": "group 3"}])
    # The row just below the limit is in the topic again.
    assert (await data_of(page, "change", 6))[-1] == change_event(
        "INSERT", groups[0].pk, "group 0"
    )[1]
    await page.leave()
