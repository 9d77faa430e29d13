"""The resources that asgiref keeps for a request are freed while its response still streams."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.contrib.auth.models import User
from django.db import connection, connections

from tests.conftest import until
from toasts.delivery import request_resources
from toasts.delivery.request_resources import release_request_resources

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


def _work() -> tuple[threading.Thread, Any]:
    """Run a query, as a request does in its thread, and return the thread and the connection."""
    User.objects.count()
    return threading.current_thread(), connection.connection


def _closed(driver: Any) -> bool:
    if connection.vendor == "postgresql":
        return bool(driver.closed)
    try:
        driver.total_changes  # noqa: B018  (fails if closed, without a statement)
    except Exception as error:
        return "closed" in str(error)
    return False


async def test_it_relies_on_asgirefs_executors_to_free_the_thread_and_connection_of_a_request() -> (
    None
):
    async with ThreadSensitiveContext() as context:
        thread, driver = await sync_to_async(_work)()
        assert thread.is_alive()
        await release_request_resources()
        assert context not in SyncToAsync.context_to_thread_executor
        await until(lambda: not thread.is_alive())
        assert _closed(driver)


async def test_work_after_the_release_has_a_thread_until_the_request_ends() -> None:
    async with ThreadSensitiveContext():
        first, _ = await sync_to_async(_work)()
        await release_request_resources(lambda: None)
        second, _ = await sync_to_async(_work)()
        third, _ = await sync_to_async(_work)()
        assert second is third is not first
        await release_request_resources()
        await until(lambda: not second.is_alive())
        fourth, _ = await sync_to_async(_work)()
        await sync_to_async(connections.close_all)()
    await until(lambda: not fourth.is_alive())


async def test_a_request_can_be_released_twice() -> None:
    async with ThreadSensitiveContext():
        await release_request_resources()
        await release_request_resources()


async def test_outside_of_a_request_only_the_connections_are_closed() -> None:
    calls: list[None] = []
    await sync_to_async(_work)()
    await release_request_resources(lambda: calls.append(None))
    await sync_to_async(_work)()
    assert calls == []


@pytest.mark.parametrize("works_later", [False, True], ids=["idle", "after more work"])
async def test_the_callback_runs_on_its_own_loop_when_the_request_has_ended(
    works_later: bool,
) -> None:
    calls: list[threading.Thread] = []
    async with ThreadSensitiveContext():
        await release_request_resources(lambda: calls.append(threading.current_thread()))
        if works_later:
            await sync_to_async(_work)()
            await sync_to_async(connections.close_all)()
        await asyncio.sleep(0)
        assert calls == []
    await until(lambda: calls)
    assert calls == [threading.current_thread()]


async def test_a_task_of_the_request_learns_that_the_request_was_cancelled() -> None:
    request_ended = asyncio.Event()
    released = asyncio.Event()

    async def response() -> None:
        await release_request_resources(request_ended.set)
        released.set()
        await request_ended.wait()

    async def request() -> None:
        async with ThreadSensitiveContext():
            tasks.append(asyncio.create_task(response()))
            await asyncio.wait(tasks)

    tasks: list[asyncio.Task[None]] = []
    running = asyncio.create_task(request())
    await released.wait()
    running.cancel()
    await asyncio.wait([running])
    await asyncio.wait_for(tasks[0], 5)


async def test_the_callback_does_not_run_once_its_loop_is_closed() -> None:
    async def other() -> Any:
        return request_resources.RequestEndHook(lambda: pytest.fail("its loop is closed"))

    stand_in = await asyncio.to_thread(asyncio.run, other())
    stand_in.shutdown()


@pytest.fixture(params=["an asgiref without executors", "the setting"])
def without_executors(request: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "the setting":
        settings.TOASTS_SERVER_INTERNALS = False
    else:
        monkeypatch.setattr(request_resources, "SyncToAsync", object)


@pytest.mark.usefixtures("without_executors")
async def test_without_asgirefs_executors_the_thread_stays_and_nothing_breaks() -> None:
    async with ThreadSensitiveContext() as context:
        thread, driver = await sync_to_async(_work)()
        await release_request_resources(lambda: None)
        assert thread.is_alive()
        assert _closed(driver)
        executor = SyncToAsync.context_to_thread_executor[context]
        assert isinstance(executor, ThreadPoolExecutor)
