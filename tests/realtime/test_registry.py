"""Who listens to what: the same, few listeners or many."""

from __future__ import annotations

import pytest

from tests.support.memory_source import make_stream
from toasts.realtime.registry import FEW, Registry


@pytest.mark.parametrize("holder", ["", "user:1"], ids=["of a topic", "of a holder"])
@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 50])
async def test_listeners_come_and_go_in_their_order(count: int, holder: str) -> None:
    registry = Registry()
    streams = [make_stream("t") for _ in range(count)]
    for number, stream in enumerate(streams, 1):
        registry.add(stream, holder)
        assert list(registry.crowd(stream)) == streams[:number]
    assert list(registry) == registry.named(holder or "t") == streams
    for stream in streams[1::2]:
        registry.remove(stream)
        registry.remove(stream)
    assert list(registry) == streams[::2]
    for stream in streams[::2]:
        registry.remove(stream)
    assert (list(registry), registry.topics, "t" in registry, holder in registry) == (
        [], {}, False, False,
    )  # fmt: skip
