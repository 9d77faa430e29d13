"""What toasts.testing does for the tests of other projects."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.conftest import signed_in, until
from tests.support.postgres import PostgresServer
from tests.support.servers import Site
from tests.support.streams import StreamReader
from toasts.delivery import hubs as module
from toasts.delivery.hubs import current_hub
from toasts.testing import stop_hubs

RUNNER = """
import asyncio, json, sys, types, unittest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import TransactionTestCase
from django.test.runner import DiscoverRunner
from django.test.utils import override_settings
from toasts import async_create_toast

class StreamTest(TransactionTestCase):
    def setUp(self):
        self.alice = User.objects.create_user("alice")

    async def test_the_stream_sends_it(self):
        await self.async_client.aforce_login(self.alice)
        response = await self.async_client.get("/toasts/stream/")
        events = aiter(response)
        await async_create_toast("hello", self.alice)
        seen = b""
        async with asyncio.timeout(20):
            while b'"message":"hello"' not in seen:
                seen += await anext(events)
        await events.aclose()

    async def test_a_long_poll(self):
        await self.async_client.aforce_login(self.alice)
        cursor = (await self.async_client.get("/toasts/poll/")).json()["cursor"]
        answer = await self.async_client.get(f"/toasts/poll/?wait=0.2&cursor={cursor}")
        assert answer.status_code == 200

    def test_a_poll_of_the_synchronous_client(self):
        self.client.force_login(self.alice)
        cursor = self.client.get("/toasts/poll/").json()["cursor"]
        answer = self.client.get(f"/toasts/poll/?wait=0.2&cursor={cursor}")
        assert answer.status_code == 200

runner = DiscoverRunner(verbosity=0, interactive=False)
runner.setup_test_environment()
databases = runner.setup_databases()
suite = unittest.defaultTestLoader.loadTestsFromTestCase(StreamTest)
with override_settings(TOASTS_BROKER=sys.argv[1]):
    result = unittest.TextTestRunner(verbosity=0).run(suite)
runner.teardown_databases(databases)
print(json.dumps(result.wasSuccessful()))
"""


@pytest.mark.servers
@pytest.mark.parametrize("broker", ["auto", "local"])
def test_djangos_test_runner_drops_its_database_after_tests_with_streams(
    postgres: PostgresServer, broker: str
) -> None:
    site = Site(postgres.create(f"runner_{broker}"))
    assert site.run(RUNNER, broker) is True


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "toasts-reader"]


class Server(threading.Thread):
    """An event loop in another thread, as a server of a browser's tests has it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.hub: Any = None
        self.started = threading.Event()

    def run(self) -> None:
        self.loop.call_soon(self._open)
        self.loop.run_forever()
        self.loop.close()

    def _open(self) -> None:
        self.hub = current_hub()
        self.hub.start()
        self.started.set()


def test_hubs_of_another_thread_and_of_a_loop_at_rest_are_stopped(db: None, settings: Any) -> None:
    settings.TOASTS_BROKER = "local"
    server, resting = Server(), asyncio.new_event_loop()
    server.start()
    assert server.started.wait(10)

    async def open_hub() -> None:
        current_hub().start()

    resting.run_until_complete(open_hub())
    stop_hubs()
    assert not server.hub.running
    assert threads() == []
    assert module._hubs == {}
    stop_hubs()
    server.loop.call_soon_threadsafe(server.loop.stop)
    server.join(10)
    resting.close()


def test_a_hub_whose_loop_is_closed_is_stopped(db: None, settings: Any) -> None:
    settings.TOASTS_BROKER = "local"

    async def open_hub() -> Any:
        hub = current_hub()
        hub.worker.start()  # without the loops, which would end it when they are cancelled
        return hub

    asyncio.run(open_hub())
    assert len(threads()) == 1
    stop_hubs()
    assert threads() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hubs")
async def test_in_an_asynchronous_test_the_next_stream_starts_a_hub_again(alice: User) -> None:
    client = await signed_in(alice)
    stream = await StreamReader.open(client)
    await stream.until("sync")
    before = current_hub()
    stop_hubs()
    assert not before.running
    assert threads() == []
    again = await StreamReader.open(client)
    await again.until("sync")
    assert current_hub() is not before
    await until(lambda: current_hub().running)
