"""The view of a feed: who may subscribe, what is sent, and what it answers to a POST."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient

from tests.conftest import signed_in, until
from tests.support.feed_connections import NAMES, create_group, data_of, subscribe
from tests.support.logins import sign_in
from toasts import feeds
from toasts.feeds.source import FEEDS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]


@pytest.fixture
def key(alice: User) -> str:
    return sign_in(alice)


@pytest.mark.parametrize(
    "query",
    [{"wait": "x"}, {"wait": "-1"}, {"cursor": "\n"}, {"format": "html"}, {"format": "xml"}],
)
async def test_an_invalid_parameter_is_refused_by_name(alice: User, query: Any) -> None:
    response = await (await signed_in(alice)).get(NAMES, query)
    assert response.status_code == 400
    assert list(response.json()) == list(query)


async def test_an_unknown_format_is_refused_with_the_known_ones(alice: User, key: str) -> None:
    client = await signed_in(alice)
    response = await client.get(NAMES, {"format": "xml"})
    assert (response.status_code, response.json()) == (400, {"format": ["Must be json or html."]})
    assert (await client.get(NAMES, {"format": "json"})).status_code == 200
    page = subscribe(key, query_string=b"format=xml")
    await page.done()
    assert json.loads(page.body) == {"format": ["Must be json or html."]}


async def test_a_page_of_another_site_is_refused(alice: User) -> None:
    client = await signed_in(alice)
    response = await client.get(NAMES, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403


async def test_the_url_and_the_user_decide_the_topic(key: str, bob: User) -> None:
    for name in ("red one", "blue one"):
        await Group.objects.acreate(name=name)
    other_key = await sync_to_async(sign_in)(bob)
    pages = [
        subscribe(session, f"/feeds/rooms/{room}/")
        for session, room in ((key, "red"), (other_key, "blue"))
    ]
    assert [(await data_of(page, "sync"))[0] for page in pages] == [
        {"keys": ["red one"]}, {"keys": ["blue one"]}
    ]  # fmt: skip
    closed = subscribe(key, "/feeds/rooms/closed/")
    await closed.done()
    assert json.loads(closed.body) == {"detail": "The room is closed."}
    await Group.objects.acreate(name="red two")
    await feeds.async_announce("rooms")
    assert (await data_of(pages[0], "change", 2))[-1]["key"] == "red two"
    for page in pages:
        await page.leave()


async def test_a_client_with_the_current_state_gets_only_the_list_of_keys(
    alice: User, key: str
) -> None:
    await create_group("first")
    client = await signed_in(alice)
    cursor = (await client.get(NAMES)).json()["cursor"]
    page = subscribe(key, NAMES, (b"last-event-id", cursor.encode()))
    await data_of(page, "sync")
    assert page.kinds() == ["sync"]
    await page.leave()


async def test_the_last_event_of_a_change_has_the_id_of_the_state(alice: User, key: str) -> None:
    page = subscribe(key)
    await data_of(page, "sync")
    await Group.objects.acreate(name="one")
    await create_group("two")
    await data_of(page, "change", 2)
    cursor = (await (await signed_in(alice)).get(NAMES)).json()["cursor"]
    assert page.body.decode().rstrip().endswith(f"id: {cursor}")
    await page.leave()


async def test_a_client_that_asks_for_html_gets_rows_as_html(key: str) -> None:
    group = await create_group("<b>")
    page = subscribe(key, query_string=b"format=html")
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
    for data, status, body in [
        ('""', 400, {"name": ["Must be a name."]}),
        ('"secret"', 403, {"detail": "Not this one."}),
        ("{", 400, {"detail": ["Not JSON."]}),
    ]:
        answer = await post(data)
        assert (answer.status_code, answer.json()) == (status, body)
    answer = await client.post("/feeds/public/", "1", content_type="application/json")
    assert answer.status_code == 405


async def test_a_post_needs_the_csrf_token(alice: User) -> None:
    client = AsyncClient(enforce_csrf_checks=True)
    await client.aforce_login(alice)
    response = await client.post(NAMES, '"x"', content_type="application/json")
    assert response.status_code == 403
    assert await Group.objects.acount() == 0


# Errors.


def test_an_incomplete_feed_is_an_error_that_names_what_is_missing() -> None:
    class Nameless(feeds.Feed):
        pass

    class Topicless(feeds.Feed):
        name = "topicless"

    class Rowless(feeds.ModelFeed):
        name = "rowless"

        def topic(self, request: Any, **kwargs: Any) -> str:
            return "all"

    for feed, problem in ((Nameless, "set name"), (Topicless, "topic"), (Rowless, "queryset")):
        with pytest.raises(ImproperlyConfigured, match=f"{feed.__name__}.*{problem}"):
            feed.as_view()


def test_two_feeds_with_one_name_are_an_error() -> None:
    class Names(feeds.ModelFeed):
        name = "names"
        queryset = Group.objects.all()
        fields = ["name"]

        def topic(self, request: Any, **kwargs: Any) -> str:
            return "all"

    with pytest.raises(
        ImproperlyConfigured, match=r"'names' is that of tests\.support\.feeds_site\.Names"
    ):
        Names.as_view()


async def test_a_failing_feed_does_not_block_other_feeds(
    key: str, monkeypatch: Any, caplog: Any
) -> None:
    names, public = subscribe(key), subscribe(None, "/feeds/public/")
    await data_of(names, "sync")
    await data_of(public, "sync")

    def fail(topics: Any) -> Any:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(FEEDS._feeds["names"], "read", fail)
    await Group.objects.acreate(name="one")
    await feeds.async_announce("names")
    await feeds.async_announce("public")
    assert (await data_of(public, "change", 2))[-1]["row"] == 1
    await until(lambda: "feed 'names' can't be read" in caplog.text)
    monkeypatch.undo()
    await feeds.async_announce("names")
    await data_of(names, "change")
    assert names.kinds() == ["sync", "change"]
    for page in (names, public):
        await page.leave()


async def test_a_row_that_cannot_be_sent_is_left_out(
    key: str, monkeypatch: Any, caplog: Any
) -> None:
    rows = {1: "good", 2: object(), 3: float("nan"), 4: "x" * 300_000}
    monkeypatch.setattr(FEEDS._feeds["names"], "read", lambda topics: {"all": rows})
    page = subscribe(key)
    assert await data_of(page, "sync") == [{"keys": [1]}]
    for number in (2, 3, 4):
        assert f"feed 'names': row {number} can't be sent and is left out: " in caplog.text
    await page.leave()
