"""How feeds are read: a topic or a feed that fails does not affect the others."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError
from django.http import HttpRequest

from tests.conftest import signed_in, until
from tests.support.streams import StreamReader
from toasts import async_create_toast, feeds
from toasts.delivery.hubs import current_hub
from toasts.feeds.source import FEEDS
from toasts.realtime.streams.long_poll import LongPoll
from toasts.realtime.streams.subscription import State

pytestmark = pytest.mark.django_db(transaction=True)


class Lagging(feeds.Feed):
    """Needs longer than the pages can wait for their toasts."""

    name = "lagging"
    seconds = 0.0

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def read(self, topics: Sequence[str]) -> Mapping[str, State]:
        time.sleep(self.seconds)
        return {topic: {1: "row"} for topic in topics}


class Failing(feeds.ModelFeed):
    """Topics are numbers of groups. Others fail to be read, each in its own way."""

    name = "failing"
    queryset = Group.objects.order_by("-pk")
    failures = 0

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "1"

    def rows(self, topic: str) -> Any:
        if topic == "away":
            raise OperationalError("canceling statement due to statement timeout")
        if topic == "lost" and not type(self).failures:
            type(self).failures += 1
            raise OperationalError("server closed the connection unexpectedly")
        return self.queryset.filter(pk__gte=int(topic) if topic != "lost" else 0)

    def row(self, instance: Group) -> str:
        return instance.name


@pytest.fixture
def failing(db: None) -> Iterator[Failing]:
    Group.objects.create(pk=5, name="five")
    Failing.failures = 0
    feed = Failing()
    FEEDS.add(feed)
    yield feed
    del FEEDS._feeds["failing"]


def read(*topics: str) -> Mapping[str, State | None]:
    found = FEEDS.read([f"feed:failing:{topic}" for topic in topics])
    return {name.rpartition(":")[2]: state for name, state in found.items()}


@pytest.mark.parametrize("bad", ["no number", "away"])
def test_a_topic_that_cannot_be_read_does_not_block_the_others(
    failing: Failing, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    good: Sequence[str] = [str(number) for number in range(1, 6)]
    with caplog.at_level(logging.ERROR, logger="toasts"):
        assert read(*good, bad) == {**{key: {5: '"five"'} for key in good}, bad: None}
    assert len(caplog.records) == 1
    assert repr(bad) in caplog.text


def test_a_feed_that_always_fails_is_read_a_bounded_number_of_times(
    failing: Failing, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def fail(topics: Sequence[str]) -> Any:
        sizes.append(len(topics))
        raise LookupError("on purpose")

    monkeypatch.setattr(failing, "read", fail)
    names = [f"t{number}" for number in range(1000)]
    assert read(*names) == dict.fromkeys(names)
    assert len(sizes) <= 70
    assert len(caplog.records) == 1


def test_a_lost_connection_is_replaced_at_once(failing: Failing) -> None:
    assert read("lost") == {"lost": {5: '"five"'}}


@pytest.mark.usefixtures("hubs")
async def test_toasts_do_not_wait_for_a_feed_that_is_slow(alice: User) -> None:
    FEEDS.add(Lagging())
    loop, hub = asyncio.get_running_loop(), current_hub()
    page = LongPoll(
        "feed:lagging:all", None, loop.time(), lambda state: False, loop.create_future()
    )
    try:
        stream = await StreamReader.open(await signed_in(alice))
        await stream.until("sync")
        Lagging.seconds = 1.5
        hub.subscribe(page)
        await until(lambda: hub.slow_reader.groups == {"feed:lagging"})
        for number in range(3):
            hub.wake(["feed:lagging:all"])
            started = loop.time()
            await async_create_toast(str(number), alice)
            assert (await stream.until("toast"))[-1].data["message"] == str(number)
            assert loop.time() - started < Lagging.seconds
    finally:
        hub.unsubscribe(page)
        Lagging.seconds = 0.0
        del FEEDS._feeds["lagging"]
