"""What one feed's mistake, or one page's oddity, costs everybody else: nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError
from django.http import HttpRequest

from tests.conftest import until
from tests.feeds.test_websockets import Socket
from toasts import feeds
from toasts.feeds.messages import answer_message
from toasts.feeds.source import FEEDS
from toasts.realtime.streams.subscription import State

pytestmark = pytest.mark.django_db(transaction=True)


class Odd(feeds.ModelFeed):
    """Topics that are numbers of groups, if those who ask are kind."""

    name = "odd"
    queryset = Group.objects.order_by("-pk")
    failures = 0

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "1"

    def rows(self, topic: str) -> Any:
        if topic == "away":
            raise OperationalError("canceling statement due to statement timeout")
        if topic == "once" and not type(self).failures:
            type(self).failures += 1
            raise OperationalError("server closed the connection unexpectedly")
        return self.queryset.filter(pk__gte=int(topic) if topic != "once" else 0)

    def row(self, instance: Group) -> str:
        return instance.name

    def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        return data


@pytest.fixture
def odd(db: None) -> Iterator[Odd]:
    Group.objects.create(pk=5, name="five")
    Odd.failures = 0
    feed = Odd()
    FEEDS.add(feed)
    yield feed
    del FEEDS._feeds["odd"]


def read(*topics: str) -> Mapping[str, State | None]:
    found = FEEDS.read([f"feed:odd:{topic}" for topic in topics])
    return {name.rpartition(":")[2]: state for name, state in found.items()}


@pytest.mark.parametrize("bad", ["no number", "away"])
def test_a_topic_that_cannot_be_read_does_not_block_the_others(
    odd: Odd, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    good: Sequence[str] = [str(number) for number in range(1, 6)]
    with caplog.at_level(logging.ERROR, logger="toasts"):
        assert read(*good, bad) == {**{key: {5: '"five"'} for key in good}, bad: None}
    assert len(caplog.records) == 1
    assert repr(bad) in caplog.text


def test_a_feed_that_always_fails_is_read_a_bounded_number_of_times(
    odd: Odd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def broken(topics: Sequence[str]) -> Any:
        asked.append(len(topics))
        raise LookupError("on purpose")

    monkeypatch.setattr(odd, "read", broken)
    names = [f"t{number}" for number in range(1000)]
    assert read(*names) == dict.fromkeys(names)
    assert len(asked) <= 70
    assert len(caplog.records) == 1


def test_a_lost_connection_is_replaced_at_once(odd: Odd) -> None:
    assert read("once") == {"once": {5: '"five"'}}


@pytest.mark.parametrize("ref", ["NaN", "-Infinity", "1e999", "[1]", "{}", "1.5", "true"])
async def test_a_message_with_an_invalid_ref_is_answered_with_an_error(odd: Odd, ref: str) -> None:
    said = await answer_message(odd, HttpRequest(), "1", f'{{"data": 1, "ref": {ref}}}')
    assert json.loads(said) == {
        "event": "error",
        "data": {"detail": ["ref: must be a text or a whole number."]},
    }


@pytest.mark.parametrize("ref", ['"a"', "7"])
async def test_an_answer_repeats_the_ref_of_its_message(odd: Odd, ref: str) -> None:
    said = await answer_message(odd, HttpRequest(), "1", f'{{"data": 1, "ref": {ref}}}')
    assert said == f'{{"event":"reply","data":1,"ref":{ref}}}'


@pytest.mark.usefixtures("hubs")
@pytest.mark.urls("tests.support.feeds_site")
@pytest.mark.parametrize(
    ("scheme", "origin", "opens"),
    [
        ("wss", "https://testserver", True),
        ("wss", "http://testserver", False),
        ("ws", "http://testserver", True),
        ("ws", "https://testserver", True),  # a proxy ends TLS, and does not say so
    ],
)
async def test_a_page_without_tls_may_not_open_a_websocket_to_a_site_with_tls(
    db: None, scheme: str, origin: str, opens: bool
) -> None:
    socket = Socket("nobody")
    headers = [(b"host", b"testserver"), (b"origin", origin.encode())]
    socket.scope |= {"scheme": scheme, "headers": headers, "path": "/feeds/public/"}
    socket.start()
    await until(lambda: len(socket.sent) > 1)
    if opens:
        await until(lambda: "sync" in socket.events_told())
        await socket.leave()
    else:
        assert socket.sent[1] == {"type": "websocket.close", "code": 4403}
