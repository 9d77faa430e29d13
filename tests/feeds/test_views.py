"""What a feed's view answers: who may, how long it waits, what it is sent, tokens, HTML."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient, Client

from tests.conftest import signed_in, until
from tests.feeds.test_feed import NAMES, listening, make, told
from tests.support.asgi_connections import Connection, make_application
from tests.support.logins import sign_in
from toasts import feeds
from toasts.delivery.hubs import current_hub
from toasts.feeds.source import FEEDS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]


@pytest.fixture
def key(alice: User) -> str:
    return sign_in(alice)


async def test_a_waiting_poll_gets_the_changes(alice: User) -> None:
    client = await signed_in(alice)
    old = await make("old")
    pk = old.pk
    cursor = (await client.get(NAMES)).json()["cursor"]
    for write, said in [
        (lambda: make("news"), ("change", "INSERT")),
        (lambda: _delete(old), ("remove", "DELETE")),
    ]:
        waiting = asyncio.create_task(client.get(NAMES, {"cursor": cursor, "wait": "20"}))
        await until(lambda: current_hub().listeners())
        await write()
        answer = (await waiting).json()
        [event] = answer["events"]
        assert (event["event"], event["data"]["action"]) == said
        assert event["id"] == answer["cursor"] not in ("", cursor)
        cursor = answer["cursor"]
    assert (event["data"]["keys"], event["data"]["rows"]) == ([pk], [{"name": "old"}])


async def _delete(group: Group) -> None:
    await group.adelete()
    await feeds.async_announce("names", "all")


async def test_a_poll_with_an_old_cursor_gets_all_rows(alice: User) -> None:
    client = await signed_in(alice)
    cursor = (await client.get(NAMES)).json()["cursor"]
    group = await make("news")
    answer = (await client.get(NAMES, {"cursor": cursor, "wait": "20"})).json()
    assert [event["data"].get("key") for event in answer["events"]] == [group.pk, None]
    assert answer["events"][0]["data"]["action"] == "SELECT"


async def test_a_poll_without_changes_ends_after_its_wait(alice: User) -> None:
    client = await signed_in(alice)
    cursor = (await client.get(NAMES)).json()["cursor"]
    answer = (await client.get(NAMES, {"cursor": cursor, "wait": "0.2"})).json()
    assert answer == {"events": [], "cursor": cursor}
    assert current_hub().listeners() == []


async def test_a_logout_ends_a_waiting_poll(alice: User) -> None:
    client: Any = await signed_in(alice)
    cursor = (await client.get(NAMES)).json()["cursor"]
    waiting = asyncio.create_task(client.get(NAMES, {"cursor": cursor, "wait": "20"}))
    await until(lambda: current_hub().listeners())
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


@pytest.mark.parametrize(
    "query", [{"wait": "x"}, {"wait": "-1"}, {"cursor": "\n"}, {"format": "html"}]
)
async def test_an_invalid_parameter_is_refused_by_name(alice: User, query: Any) -> None:
    response = await (await signed_in(alice)).get(NAMES, query)
    assert response.status_code == 400
    assert list(response.json()) == list(query)


async def test_a_page_of_another_site_is_refused(alice: User) -> None:
    client = await signed_in(alice)
    response = await client.get(NAMES, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403


async def test_the_url_and_the_user_decide_the_topic(key: str, bob: User) -> None:
    for name in ("red one", "blue one"):
        await Group.objects.acreate(name=name)
    his = await sync_to_async(sign_in)(bob)
    pages = [
        listening(session, f"/feeds/rooms/{room}/")
        for session, room in ((key, "red"), (his, "blue"))
    ]
    assert [(await told(page, "sync"))[0] for page in pages] == [
        {"keys": ["red one"]}, {"keys": ["blue one"]}
    ]  # fmt: skip
    closed = listening(key, "/feeds/rooms/closed/")
    await closed.done()
    assert json.loads(closed.body) == {"detail": "The room is closed."}
    await Group.objects.acreate(name="red two")
    await feeds.async_announce("rooms")
    assert (await told(pages[0], "change", 2))[-1]["key"] == "red two"
    for page in pages:
        await page.leave()


async def test_a_client_with_the_current_state_gets_only_the_list_of_keys(
    alice: User, key: str
) -> None:
    await make("first")
    client = await signed_in(alice)
    cursor = (await client.get(NAMES)).json()["cursor"]
    page = listening(key, NAMES, (b"last-event-id", cursor.encode()))
    await told(page, "sync")
    assert page.kinds() == ["sync"]
    await page.leave()


async def test_the_last_event_of_a_change_has_the_id_of_the_state(alice: User, key: str) -> None:
    page = listening(key)
    await told(page, "sync")
    await Group.objects.acreate(name="one")
    await make("two")
    await told(page, "change", 2)
    cursor = (await (await signed_in(alice)).get(NAMES)).json()["cursor"]
    assert page.body.decode().rstrip().endswith(f"id: {cursor}")
    await page.leave()


async def test_a_client_that_asks_for_html_gets_rows_as_html(key: str) -> None:
    group = await make("<b>")
    page = Connection(
        make_application(), key, [(b"accept", b"text/event-stream")],
        path=NAMES, query_string=b"format=html",
    ).start()  # fmt: skip
    await until(lambda: b"event: sync" in page.body)
    number = group.pk
    assert b'data: <li id="g%d">\ndata: &lt;b&gt;</li>\n' % number in page.body
    await group.adelete()
    await feeds.async_announce("names", "all")
    await until(lambda: b"event: remove" in page.body)
    assert b'data: <li id="g%d" hx-swap-oob="delete"></li>\n' % number in page.body
    await page.leave()


async def test_a_post_is_answered_by_the_feed(alice: User) -> None:
    client = await signed_in(alice)

    async def post(data: Any, **query: str) -> Any:
        path = NAMES + "?" + "&".join(f"{name}={value}" for name, value in query.items())
        return await client.post(path, data, content_type="application/json")

    answer = await post('"posted"', origin="tab7")
    group = await Group.objects.aget()
    assert answer.json() == {"key": group.pk, "by": "alice", "origin": "tab7"}
    for data, status, said in [
        ('""', 400, {"name": ["Must be a name."]}),
        ('"secret"', 403, {"detail": "Not this one."}),
        ("{", 400, {"detail": ["Not JSON."]}),
    ]:
        answer = await post(data)
        assert (answer.status_code, answer.json()) == (status, said)
    answer = await client.post("/feeds/public/", "1", content_type="application/json")
    assert answer.status_code == 405


async def test_a_post_needs_the_csrf_token(alice: User) -> None:
    client = AsyncClient(enforce_csrf_checks=True)
    await client.aforce_login(alice)
    response = await client.post(NAMES, '"x"', content_type="application/json")
    assert response.status_code == 403
    assert await Group.objects.acount() == 0


# Mistakes.


def test_an_incomplete_feed_is_an_error_that_names_what_is_missing() -> None:
    class Nameless(feeds.Feed):
        pass

    class Topicless(feeds.Feed):
        name = "topicless"

    class Rowless(feeds.ModelFeed):
        name = "rowless"

        def topic(self, request: Any, **kwargs: Any) -> str:
            return "all"

    for feed, said in ((Nameless, "set name"), (Topicless, "topic"), (Rowless, "queryset")):
        with pytest.raises(ImproperlyConfigured, match=f"{feed.__name__}.*{said}"):
            feed.as_view()


def test_two_feeds_with_one_name_are_an_error() -> None:
    class Names(feeds.ModelFeed):
        name = "names"
        queryset = Group.objects.all()

        def topic(self, request: Any, **kwargs: Any) -> str:
            return "all"

    with pytest.raises(
        ImproperlyConfigured, match=r"'names' is that of tests\.support\.feeds_site\.Names"
    ):
        Names.as_view()


async def test_a_failing_feed_does_not_block_other_feeds(
    key: str, monkeypatch: Any, caplog: Any
) -> None:
    names, public = listening(key), listening(None, "/feeds/public/")
    await told(names, "sync")
    await told(public, "sync")

    def fail(topics: Any) -> Any:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(FEEDS._feeds["names"], "read", fail)
    await Group.objects.acreate(name="one")
    await feeds.async_announce("names")
    await feeds.async_announce("public")
    assert (await told(public, "change", 2))[-1]["row"] == 1
    await until(lambda: "feed 'names' can't be read" in caplog.text)
    monkeypatch.undo()
    await feeds.async_announce("names")
    await told(names, "change")
    assert names.kinds() == ["sync", "change"]
    for page in (names, public):
        await page.leave()


async def test_a_row_that_cannot_be_sent_is_left_out(
    key: str, monkeypatch: Any, caplog: Any
) -> None:
    rows = {1: "good", 2: object(), 3: float("nan"), 4: "x" * 300_000}
    monkeypatch.setattr(FEEDS._feeds["names"], "read", lambda topics: {"all": rows})
    page = listening(key)
    assert await told(page, "sync") == [{"keys": [1]}]
    for number in (2, 3, 4):
        assert f"feed 'names': row {number} can't be sent and is left out: " in caplog.text
    await page.leave()
