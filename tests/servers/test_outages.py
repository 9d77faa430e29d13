"""Whatever the way to PostgreSQL does: once it is back, all toasts arrive within 20 s."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.conftest import until
from tests.support.middlebox import FAULTS, Middlebox
from tests.support.postgres import PostgresServer
from tests.support.servers import Server, Site, stream, until_event

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]

BACK_WITHIN = 20.0
TOAST = "import sys\nfrom toasts import create_toast\ncreate_toast(sys.argv[2], int(sys.argv[1]))"


class Outage:
    """A site whose server process reaches PostgreSQL through a middlebox; the others directly."""

    def __init__(self, direct: str, box: Middlebox, port: int, server_port: int) -> None:
        self.box = box
        self._direct = direct
        behind = direct.replace(f":{server_port}/", f":{port}/") + "?sslmode=disable"
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


@pytest.mark.parametrize("fault", FAULTS)
async def test_after_a_fault_of_the_way_all_toasts_arrive(
    postgres: PostgresServer, fault: str
) -> None:
    box = Middlebox(postgres.port)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(box.open())
        direct = await asyncio.to_thread(postgres.create, f"way_{fault}")
        outage = await asyncio.to_thread(Outage, direct, box, port, postgres.port)
        stack.callback(outage.site.close)
        server = await outage.serve()
        open_stream = await stack.enter_async_context(stream(server, outage.cookies))
        await until_event(open_stream, "sync", 20)
        await outage.toast("before")
        assert (await until_event(open_stream, "toast"))["message"] == "before"
        await box.fail(fault)
        if fault != "refuse":
            await until(lambda: box.withheld, 20)  # something waits for an answer now
        await outage.toast("during")
        await box.recover()
        recovered = asyncio.get_running_loop().time()
        assert (await until_event(open_stream, "toast", BACK_WITHIN))["message"] == "during"
        left = recovered + BACK_WITHIN - asyncio.get_running_loop().time()
        new_stream = await stack.enter_async_context(stream(server, outage.cookies))
        await until_event(new_stream, "sync", left)
        await outage.toast("after")
        assert (await until_event(open_stream, "toast", BACK_WITHIN))["message"] == "after"
