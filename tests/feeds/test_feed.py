"""Feeds over event streams and polls, in this process."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.test import AsyncClient

from tests.conftest import signed_in, until
from tests.support.asgi_connections import Connection, make_application
from tests.support.feeds_site import Board
from tests.support.logins import sign_in
from toasts import feeds

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]
STREAM = (b"accept", b"text/event-stream")
NAMES = "/feeds/names/"


def listening(session: str | None, path: str = NAMES, *headers: Any, **scope: Any) -> Connection:
    return Connection(make_application(), session, [STREAM, *headers], path=path, **scope).start()


async def told(connection: Connection, kind: str, number: int = 1) -> list[Any]:
    """What events of this kind say, once there are so many."""

    def found() -> list[Any]:
        return [data for name, data in connection.received() if name == kind]

    await until(lambda: len(found()) >= number)
    return found()


async def make(name: str, **where: Any) -> Group:
    group = await Group.objects.acreate(name=name)
    await feeds.async_announce("names", "all")
    return group


def change(action: str, key: Any, name: str) -> tuple[str, Any]:
    said = {"table": "auth_group", "action": action, "key": key, "row": {"name": name}}
    return "change", said


@pytest.fixture
def key(alice: User) -> str:
    return sign_in(alice)


async def test_a_page_gets_the_current_rows_and_then_each_change(key: str) -> None:
    first = await make("first")
    page = listening(key)
    assert await told(page, "sync") == [{"keys": [first.pk]}]
    second = await make("second")
    await told(page, "change", 2)
    first.name = "renamed"
    await first.asave()
    await feeds.async_announce("names", "all")
    await told(page, "change", 3)
    key_of_the_first = first.pk
    await first.adelete()
    await feeds.async_announce("names", "all")
    await told(page, "remove")
    said = {"table": "auth_group", "action": "DELETE", "rows": [{"name": "renamed"}]}
    assert page.received() == [
        change("SELECT", key_of_the_first, "first"),
        ("sync", {"keys": [key_of_the_first]}),
        change("INSERT", second.pk, "second"),
        change("UPDATE", key_of_the_first, "renamed"),
        ("remove", {**said, "keys": [key_of_the_first]}),
    ]
    await page.leave()


async def test_a_poll_answers_with_the_same_envelopes(alice: User) -> None:
    group = await make("first")
    client = await signed_in(alice)
    answer = (await client.get(NAMES)).json()
    assert answer["events"] == [
        {
            "event": "change",
            "data": change("SELECT", group.pk, "first")[1],
            "id": "changed",
        },
        {"event": "sync", "data": {"keys": [group.pk]}, "id": answer["cursor"]},
    ]
    again = (await client.get(NAMES, {"cursor": answer["cursor"]})).json()
    assert again == {"events": [], "cursor": answer["cursor"]}


async def test_djangos_own_handler_streams_feeds_too(alice: User) -> None:
    first = await make("first")
    client = await signed_in(alice)
    response = await client.get(NAMES, headers={"Accept": "text/event-stream"})
    assert response["Content-Type"] == "text/event-stream"
    raw = b""
    async for part in response.streaming_content:
        raw += part
        if b"event: sync" in raw:
            break
    assert (
        b'"table":"auth_group","action":"SELECT","key":%d,"row":{"name":"first"}' % first.pk in raw
    )


async def test_a_request_without_a_topic_is_refused() -> None:
    page = listening(None)
    await page.done()
    assert page.status == 403
    assert json.loads(page.body) == {"detail": "You may not listen here."}


async def test_a_guest_may_subscribe_if_the_feed_gives_a_topic(db: None) -> None:
    page = listening(None, "/feeds/public/")
    assert await told(page, "change") == [{"action": "SELECT", "key": "groups", "row": 0}]
    await Group.objects.acreate(name="one")
    await feeds.async_announce("public")
    assert (await told(page, "change", 2))[-1] == {"key": "groups", "action": "UPDATE", "row": 1}
    await page.leave()


async def test_a_logout_ends_the_stream(alice: User) -> None:
    client: Any = AsyncClient()
    await client.aforce_login(alice)
    page = listening(client.cookies["sessionid"].value)
    await told(page, "sync")
    await sync_to_async(client.logout)()
    await page.done()
    assert page.received()[-1] == ("bye", {"reason": "auth"})


async def test_a_user_who_is_no_longer_staff_gets_only_their_own_rows(
    alice: User, monkeypatch: Any
) -> None:
    monkeypatch.setattr(Board, "read", lambda self, topics: {name: {1: name} for name in topics})
    await User.objects.filter(pk=alice.pk).aupdate(is_staff=True)
    session = await sync_to_async(sign_in)(alice)
    board = listening(session, "/feeds/board/")
    assert [row["row"] for row in await told(board, "change")] == ["all"]
    alice.is_staff = False
    await alice.asave(update_fields=["is_staff"])
    await board.done()
    assert board.received()[-1] == ("bye", {"reason": "auth"})
    again = listening(session, "/feeds/board/")
    assert [row["row"] for row in await told(again, "change")] == ["customer:alice"]
    await again.leave()


async def test_rows_that_newer_ones_displace_are_not_called_deleted(key: str) -> None:
    page = listening(key)
    await told(page, "sync")
    groups = [await make(f"group {number}") for number in range(5)]
    await make("one too many")
    assert await told(page, "remove") == [
        {"table": "auth_group", "action": "LIMIT", "keys": [groups[0].pk]}
    ]
    keys = [group.pk for group in groups[1:3]]
    await Group.objects.filter(pk__in=[groups[0].pk, *keys]).adelete()
    await feeds.async_announce("names", "all")
    gone = {"table": "auth_group", "action": "DELETE", "keys": keys}
    names = [{"name": "group 1"}, {"name": "group 2"}]
    assert (await told(page, "remove", 2))[1:] == [{**gone, "rows": names}]
    await page.leave()


async def test_a_row_deleted_from_a_full_topic_is_called_deleted(key: str) -> None:
    groups = [await make(f"group {number}") for number in range(6)]
    page = listening(key)
    assert await told(page, "sync") == [{"keys": [group.pk for group in groups[1:]]}]
    await groups[3].adelete()
    await feeds.async_announce("names", "all")
    [gone] = await told(page, "remove")
    assert (gone["action"], gone["rows"]) == ("DELETE", [{"name": "group 3"}])
    # What stood just below the limit is there again.
    assert (await told(page, "change", 6))[-1] == change("INSERT", groups[0].pk, "group 0")[1]
    await page.leave()
