"""The registry of subscriptions, with few and with many of them."""

from __future__ import annotations

import pytest

from tests.support.memory_source import make_stream
from toasts.realtime.registry import TUPLE_MAX, Registry


@pytest.mark.parametrize("owner", ["", "user:1"], ids=["of a topic", "of a owner"])
@pytest.mark.parametrize("count", [1, TUPLE_MAX, TUPLE_MAX + 1, 50])
async def test_subscriptions_come_and_go_in_their_order(count: int, owner: str) -> None:
    registry = Registry()
    streams = [make_stream("t") for _ in range(count)]
    for number, stream in enumerate(streams, 1):
        registry.add(stream, owner)
        assert list(registry.group(stream)) == streams[:number]
    assert list(registry) == registry.find(owner or "t") == streams
    for stream in streams[1::2]:
        registry.remove(stream)
        registry.remove(stream)
    assert list(registry) == streams[::2]
    for stream in streams[::2]:
        registry.remove(stream)
    assert (list(registry), registry.topics, "t" in registry, owner in registry) == (
        [], {}, False, False,
    )  # fmt: skip
