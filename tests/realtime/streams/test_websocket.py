"""WebSockets on real servers."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.conftest import until
from tests.support.servers import Server, Site
from tests.support.websocket_client import LOST, TOO_BIG, WebSocket

pytestmark = pytest.mark.servers
NAMES = "/feeds/names/"
LIMIT = 5
"""Rows of that feed."""
ANNOUNCED = (
    "import sys\nfrom django.contrib.auth.models import Group\nfrom toasts import feeds\n"
    "group = Group.objects.create(name=sys.argv[1])\nfeeds.announce('names', 'all')\n"
    "print(group.pk)"
)


class Place:
    """A site with a server."""

    def __init__(self, site: Site, kind: str) -> None:
        self.site = site
        self.server: Server = site.serve(kind)
        self.port = self.server.port
        self.host = f"127.0.0.1:{self.port}"
        self.opened: list[WebSocket] = []

    async def open(self, session: str | None = None, path: str = NAMES, **more: str) -> WebSocket:
        self.opened.append(await WebSocket.open(self.port, path, session, **more))
        return self.opened[-1]

    async def leave(self) -> None:
        """Close what is open."""
        while self.opened:
            await self.opened.pop().leave()


@pytest.fixture(scope="module")
def site(tmp_path_factory: Any) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("socket")
    site = Site(f"sqlite:///{folder}/site.sqlite3", TEST_URLS="tests.support.feeds_site")
    site.users("alice", "bob")
    yield site
    site.close()


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def serving(request: Any, site: Site) -> Place:
    return Place(site, request.param)


@pytest.fixture
async def place(serving: Place) -> AsyncIterator[Place]:
    yield serving
    await serving.leave()


@pytest.fixture
def alice(site: Site) -> str:
    return site.sessions("alice")["alice"]["sessionid"]


async def test_a_page_gets_the_current_rows_and_then_each_change(place: Place, alice: str) -> None:
    socket = await place.open(alice)
    keys = (await socket.until("sync"))["data"]["keys"]
    key = await asyncio.to_thread(place.site.run, ANNOUNCED, f"by {place.server.kind}")
    change = await socket.until("change")
    assert change.pop("id")
    data = {"table": "auth_group", "action": "INSERT", "key": key}
    row = {"name": f"by {place.server.kind}"}
    assert change == {"event": "change", "data": {**data, "row": row}}
    again = await place.open(alice)
    now = [*keys, key][-LIMIT:]
    first = [await again.next() for _ in range(len(now) + 1)]
    assert [message["event"] for message in first] == ["change"] * len(now) + ["sync"]
    assert [message["data"].get("action") for message in first[:-1]] == ["SELECT"] * len(now)
    assert first[-1]["data"] == {"keys": now}


async def test_a_message_of_a_page_is_answered(place: Place, alice: str) -> None:
    socket = await place.open(alice, f"{NAMES}?origin=tab7")
    await socket.until("sync")
    socket.send({"data": f"sent to {place.server.kind}", "ref": 5})
    found = {message["event"]: message for message in [await socket.next(), await socket.next()]}
    answer = found["reply"]
    key = answer["data"].pop("key")
    assert answer == {"event": "reply", "data": {"by": "alice", "origin": "tab7"}, "ref": 5}
    assert found["change"]["data"]["key"] == key
    for sent, ref, expected in [
        ({"data": "", "ref": 1}, 1, {"name": ["Must be a name."]}),
        ({"data": "secret"}, None, {"detail": ["Not this one."]}),
        ({"data": "break", "ref": "x"}, "x", {"detail": ["It failed on the server."]}),
        ("{nonsense", None, {"detail": ["Not JSON."]}),
        ("[" * 100_000, None, {"detail": ["Not JSON."]}),
        ("[]", None, {"detail": ['Must be {"data": ...}.']}),
    ]:
        socket.send(sent)
        error = await socket.until("error")
        assert (error.get("ref"), error["data"]) == (ref, expected)


async def test_a_toasts_stream_is_a_websocket_too(place: Place, alice: str) -> None:
    socket = await place.open(alice, "/toasts/stream/")
    assert (await socket.next())["event"] == "sync"
    socket.send({"data": 1})
    assert (await socket.next())["event"] == "error"


@pytest.mark.parametrize(
    ("session", "path", "code"),
    [
        (None, NAMES, 4403),
        (None, "/toasts/stream/", 4401),
        ("nonsense", NAMES, 4403),
        (None, "/feeds/rooms/closed/", 4403),
        (None, "/nothing/", 4404),
        (None, "/feeds/public/?cursor=%0A", 4400),
        (None, "/feeds/public/?format=html", 4400),
        (None, "/feeds/public/?token=nonsense", 4403),
    ],
)
async def test_a_refused_client_gets_the_close_code(
    place: Place, session: str | None, path: str, code: int
) -> None:
    socket = await place.open(session, path)
    assert await socket.closed() == code


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("http://{host}", True),
        ("http://evil.example", False),
        ("http://{host}.evil.example", False),
        ("null", False),
        ("http://[", False),
        ("https://app.trusted.example", True),
        ("http://app.trusted.example", False),
        ("https://trusted.example", True),
        ("https://exact.example:8443", True),
        ("https://exact.example", False),
    ],
)
async def test_only_pages_of_this_site_and_of_trusted_origins_connect(
    place: Place, origin: str, welcome: bool
) -> None:
    socket = await place.open(None, "/feeds/public/", Origin=origin.format(host=place.host))
    if welcome:
        await socket.until("sync")
    else:
        # daphne itself closes the connection if the header is no valid origin.
        assert await socket.closed() in (4403, LOST)


async def test_a_binary_message_closes(place: Place, alice: str) -> None:
    socket = await place.open(alice)
    await socket.until("sync")
    socket.send(b"\x00\x01")
    assert await socket.closed() == 4415


async def test_a_message_that_is_too_large_closes(place: Place, alice: str) -> None:
    socket = await place.open(alice)
    await socket.until("sync")
    socket.send({"data": "x" * (1024 * 1024)})
    assert await socket.closed() in (TOO_BIG, LOST)  # lost, if the rest comes after the close


async def test_a_message_without_an_end_closes(place: Place, alice: str) -> None:
    before = place.server.memory()
    socket = await place.open(alice)
    await socket.until("sync")
    for _ in range(24):
        socket.send_part("x" * 64 * 1024)
    assert await socket.closed() in (TOO_BIG, LOST)
    assert place.server.memory() - before < 8 * 1024


@pytest.mark.parametrize("kind", ["hypercorn", "gunicorn"])
async def test_other_servers_close_a_message_without_an_end(site: Site, kind: str) -> None:
    place = Place(site, kind)
    socket = await place.open(None, "/feeds/public/")
    await socket.until("sync")
    for _ in range(24):
        socket.send_part("x" * 64 * 1024)
    assert await socket.closed() in (TOO_BIG, LOST)
    place.server.kill()


HANDLING = 8
"""Seconds that one message takes: longer than a busy machine needs to send 25 MB."""


async def test_messages_wait_at_the_client_while_another_is_handled(place: Place) -> None:
    socket = await place.open(None, "/feeds/slow/")
    await socket.until("sync")
    text = "x" * 64 * 1024
    for number in range(50):  # what the process needs to take messages of this size it has then
        socket.send({"data": text, "ref": number})
        assert (await socket.next())["ref"] == number
    before = place.server.memory()
    socket.send({"data": HANDLING, "ref": -1})
    for number in range(400):  # 25 MB
        socket.send({"data": text, "ref": number})
    with pytest.raises(TimeoutError):
        await socket.next(1.5)
    assert place.server.memory() - before < 4 * 1024
    assert await socket.next(2 * HANDLING) == {"event": "reply", "data": HANDLING, "ref": -1}
    for number in range(400):  # on a busy machine, a ping comes between them
        expected = {"event": "reply", "data": len(text), "ref": number}
        assert await socket.until("reply") == expected


async def test_a_client_that_disconnects_while_a_message_is_handled_is_unsubscribed(
    place: Place,
) -> None:
    before = place.server.sockets()
    socket = await place.open(None, "/feeds/slow/")
    await socket.until("sync")
    socket.send({"data": 0.5})
    socket.send({"data": "more"})
    await socket.leave()
    await until(lambda: place.server.sockets() <= before)


async def test_a_close_is_answered_with_messages_still_on_the_way(place: Place) -> None:
    socket = await place.open(None, "/feeds/slow/")
    await socket.until("sync")
    for data in ({"data": 0.3}, b"binary", {"data": "never taken"}):
        socket.send(data)
    assert await socket.closed() == 4415


async def test_a_logout_ends_the_websocket(place: Place, alice: str) -> None:
    mine, guests = await place.open(alice), await place.open(None, "/feeds/public/")
    await mine.until("sync")
    # At once, as a browser does: daphne waits a second for the client's answer to a close.
    ending = asyncio.create_task(mine.until("bye", 20))
    await asyncio.to_thread(
        place.site.run,
        "import sys\nfrom django.test import Client\nclient = Client()\n"
        "client.cookies['sessionid'] = sys.argv[1]\nclient.post('/logout/')",
        alice,
    )
    assert (await ending)["data"] == {"reason": "auth"}
    assert await mine.closed() == 4401
    again = await place.open(alice)
    assert await again.closed() == 4403
    await guests.until("sync")


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_server_that_stops_sends_a_bye_event(site: Site, kind: str, alice: str) -> None:
    place = Place(site, kind)
    socket = await place.open(alice)
    await socket.until("sync")
    assert place.server.process is not None
    place.server.process.send_signal(signal.SIGTERM)
    assert (await socket.until("bye"))["data"] == {"reason": "restart"}
    assert await socket.closed() == 4503
    assert await asyncio.to_thread(place.server.process.wait, 10) is not None
