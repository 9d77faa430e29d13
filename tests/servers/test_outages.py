"""Whatever the way to PostgreSQL does: once it is back, all toasts arrive within 20 s."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.conftest import until
from tests.support.lossy_network import SYN_SENT, lossy_network
from tests.support.middlebox import FAULTS, Middlebox
from tests.support.postgres import PostgresServer
from tests.support.servers import Server, Site, stream, until_event

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]

BACK_WITHIN = 20.0
TOAST = "import sys\nfrom toasts import create_toast\ncreate_toast(sys.argv[2], int(sys.argv[1]))"


class Outage:
    """A site whose server process reaches PostgreSQL through a middlebox; the others directly.

    Args:
        direct: the URL of the database.
        address: the host and the port of the middlebox.
    """

    def __init__(self, direct: str, address: str) -> None:
        self._direct = direct
        server, _, database = direct.rpartition("/")
        behind = f"{server.rpartition('@')[0]}@{address}/{database}?sslmode=disable"
        self.site = Site(direct)
        self.alice = self.site.users("alice")["alice"]
        self.cookies = self.site.sessions("alice")["alice"]
        self.site.environment["TEST_DATABASE_URL"] = behind

    async def serve(self) -> Server:
        return await asyncio.to_thread(self.site.serve)

    async def toast(self, message: str) -> None:
        """Create a toast in another process."""
        await asyncio.to_thread(
            self.site.run, TOAST, str(self.alice), message, TEST_DATABASE_URL=self._direct
        )


class Pages:
    """A page that is open while the way fails, and one that opens afterwards."""

    def __init__(self, outage: Outage, server: Server, stack: AsyncExitStack) -> None:
        self._outage, self._server, self._stack = outage, server, stack
        self._events: Any = None

    async def open(self) -> None:
        self._events = await self._subscribe()
        await until_event(self._events, "sync", 20)
        await self._outage.toast("before")
        assert (await until_event(self._events, "toast"))["message"] == "before"

    async def _subscribe(self) -> Any:
        return await self._stack.enter_async_context(stream(self._server, self._outage.cookies))

    async def expect_all(self, recovered: float) -> None:
        """Expect the toast of the outage, a page that opens and a new toast in time."""
        events = self._events
        assert (await until_event(events, "toast", BACK_WITHIN))["message"] == "during"
        left = recovered + BACK_WITHIN - asyncio.get_running_loop().time()
        await until_event(await self._subscribe(), "sync", left)
        await self._outage.toast("after")
        assert (await until_event(events, "toast", BACK_WITHIN))["message"] == "after"


async def _open_pages(outage: Outage, stack: AsyncExitStack) -> Pages:
    stack.callback(outage.site.close)
    pages = Pages(outage, await outage.serve(), stack)
    await pages.open()
    return pages


@pytest.mark.parametrize("fault", FAULTS)
async def test_after_a_fault_of_the_way_all_toasts_arrive(
    postgres: PostgresServer, fault: str
) -> None:
    box = Middlebox(postgres.port)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(box.open())
        direct = await asyncio.to_thread(postgres.create, f"way_{fault}")
        outage = await asyncio.to_thread(Outage, direct, f"127.0.0.1:{port}")
        pages = await _open_pages(outage, stack)
        await box.fail(fault)
        if fault != "refuse":
            await until(lambda: box.withheld, 20)  # something waits for an answer now
        await outage.toast("during")
        await box.recover()
        await pages.expect_all(asyncio.get_running_loop().time())


@pytest.mark.root
@pytest.mark.parametrize("outage_is", ["short", "long"])
async def test_after_every_packet_was_lost_for_a_while_all_toasts_arrive(
    postgres: PostgresServer, outage_is: str
) -> None:
    box = Middlebox(postgres.port)
    async with AsyncExitStack() as stack:
        network = stack.enter_context(lossy_network())
        port = await stack.enter_async_context(box.open(network.listen()))
        direct = await asyncio.to_thread(postgres.create, f"way_lost_{outage_is}")
        outage = await asyncio.to_thread(Outage, direct, f"{network.address}:{port}")
        pages = await _open_pages(outage, stack)
        network.lose()
        await until(network.waits, 20)  # for what it has sent
        if outage_is == "long":
            await until(lambda: network.waits(SYN_SENT), 30)  # it has given up, and connects again
        await outage.toast("during")
        network.recover()
        await pages.expect_all(asyncio.get_running_loop().time())
