"""A handover takes place only if Django returns the view's own response."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from toasts.asgi.handover import HttpHandover
from toasts.asgi.websocket import SocketHandover
from toasts.delivery.streams import HANDOVER_HEADER, SubscriptionRequest
from toasts.realtime.types import Message

SUBSCRIPTION = SubscriptionRequest("user:1", None, encoder=None)  # type: ignore[arg-type]
OWN_HEADER = (HANDOVER_HEADER.encode(), b"1")


async def never() -> Message:
    future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await future


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


class Connection:
    """A server's side of a handover: what Django sent, and what the client sends next."""

    def __init__(self, next_event: str = "http.request") -> None:
        self.sent: list[Message] = []
        self.other_responses = 0
        self._next_event = next_event
        first = {"type": "http.request", "body": b"", "more_body": False}
        self.handover = HttpHandover(first, self._receive, self._send, self._note_other)

    async def _receive(self) -> Message:
        return {"type": self._next_event}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    def _note_other(self) -> None:
        self.other_responses += 1


async def test_the_views_own_response_is_kept_without_its_header_length_and_body() -> None:
    connection = Connection()
    handover = connection.handover
    handover.take(SUBSCRIPTION, "abc")
    await handover.send(start((b"X-Other", b"1"), OWN_HEADER, (b"Content-Length", b"0")))
    await handover.send({"type": "http.response.body", "body": b""})
    assert connection.sent == []  # the application sends it, once Django is done
    assert handover.start == start((b"X-Other", b"1"))
    assert connection.other_responses == 0
    assert (handover.accepted, handover.last_event_id) == (SUBSCRIPTION, "abc")


@pytest.mark.parametrize("took", [False, True], ids=["not taken over", "replaced by middleware"])
async def test_any_other_response_goes_out_unchanged(took: bool) -> None:
    connection = Connection()
    handover = connection.handover
    if took:
        handover.take(SUBSCRIPTION, None)
    messages = [start((b"content-length", b"2"), status=418), {"type": "b", "body": b"no"}]
    for message in messages:
        await handover.send(message)
    assert connection.sent == messages
    assert connection.other_responses > 0
    assert handover.accepted is None


async def test_the_header_alone_takes_nothing_over() -> None:
    connection = Connection()
    await connection.handover.send(start(OWN_HEADER))
    assert connection.sent == [start(OWN_HEADER)]
    assert connection.handover.accepted is None


async def test_a_client_that_leaves_while_django_works_gets_no_stream() -> None:
    connection = Connection(next_event="http.disconnect")
    handover = connection.handover
    handover.take(SUBSCRIPTION, None)
    assert (await handover.receive())["type"] == "http.request"
    assert (await handover.receive())["type"] == "http.disconnect"
    await handover.send(start(OWN_HEADER))
    assert handover.accepted is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, 4400), (204, 4401), (302, 4401), (400, 4400), (401, 4401), (403, 4403), (404, 4404),
        (405, 4400), (500, 4500), (503, 4500),
    ],
)  # fmt: skip
async def test_a_websocket_is_refused_with_the_close_code_of_the_status(
    status: int, code: int
) -> None:
    handover = SocketHandover(never)
    handover.take(SUBSCRIPTION, None)
    await handover.send(start(status=status))
    assert (handover.accepted, handover.code) == (None, code)


async def test_a_websocket_is_accepted_by_the_views_own_response() -> None:
    handover: Any = SocketHandover(never)
    handover.take(SUBSCRIPTION, "abc")
    await handover.send(start(OWN_HEADER))
    assert (handover.accepted, handover.last_event_id) == (SUBSCRIPTION, "abc")


async def test_a_websocket_without_any_response_is_refused_as_failed() -> None:
    handover = SocketHandover(never)
    handover.take(SUBSCRIPTION, None)
    assert (handover.accepted, handover.code) == (None, 4500)
