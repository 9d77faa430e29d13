"""Whatever happens to a stream of the view, its subscription ends with it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, override_settings

from tests.conftest import signed_in, until
from tests.support.asgi_calls import Call
from tests.support.streams import STREAM
from toasts.delivery import request_resources
from toasts.delivery.hubs import current_hub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


async def _opened(client: AsyncClient, on_body: Any = None) -> Call:
    call = Call(client, STREAM)
    call.on_body = on_body
    call.start()
    await until(lambda: call.body)
    return call


async def test_a_client_that_leaves_while_nothing_happens_is_forgotten(alice: User) -> None:
    call = await _opened(await signed_in(alice))
    await until(lambda: b"event: sync" in call.body)
    assert len(current_hub().subscriptions()) == 1
    call.disconnect()
    await asyncio.wait_for(call.application, 5)
    assert current_hub().subscriptions() == []


async def test_a_client_that_leaves_while_it_reads_nothing_is_forgotten(alice: User) -> None:
    client = await signed_in(alice)
    call = await _opened(client, on_body=asyncio.Event().wait)
    # Django takes the next part once the first was sent: the subscription already stands.
    await until(lambda: current_hub().subscriptions())
    call.disconnect()
    await asyncio.wait_for(call.application, 5)
    assert current_hub().subscriptions() == []


@pytest.mark.parametrize("blocked", [False, True], ids=["waiting", "in send"])
async def test_no_stream_is_left_when_the_server_cancels_the_application(
    alice: User, blocked: bool
) -> None:
    client = await signed_in(alice)
    call = await _opened(client, on_body=asyncio.Event().wait if blocked else None)
    await until(lambda: current_hub().subscriptions())
    if not blocked:
        await until(lambda: b"event: sync" in call.body)
    await call.cancel()
    await until(lambda: current_hub().subscriptions() == [])


async def test_a_send_that_fails_ends_the_stream(alice: User) -> None:
    async def broken() -> None:
        if b"event: sync" in call.body:
            raise OSError("gone")

    client = await signed_in(alice)
    call = Call(client, STREAM)
    call.on_body = broken
    call.start()
    with pytest.raises(OSError, match="gone"):
        await asyncio.wait_for(call.application, 5)
    call.handler.body_file.close()
    assert current_hub().subscriptions() == []


@pytest.mark.parametrize("blocked", [False, True], ids=["waiting", "in send"])
async def test_without_asgirefs_executors_the_streams_own_task_ends_its_subscription(
    alice: User, monkeypatch: pytest.MonkeyPatch, blocked: bool
) -> None:
    monkeypatch.setattr(request_resources, "SyncToAsync", object)
    client = await signed_in(alice)
    call = await _opened(client, on_body=asyncio.Event().wait if blocked else None)
    await until(lambda: current_hub().subscriptions())
    call.disconnect()
    await asyncio.wait_for(call.application, 5)
    assert current_hub().subscriptions() == []


async def test_a_stream_that_ended_by_itself_ends_its_application(alice: User) -> None:
    with override_settings(TOASTS_ROTATE=(0.0, 0.0)):
        call = await _opened(await signed_in(alice))
        await asyncio.wait_for(call.application, 5)
    assert b'"rotate"' in call.body
    assert call.sent[-1] == {"type": "http.response.body"}
    assert current_hub().subscriptions() == []


async def test_a_client_that_never_reads_is_cut_off(alice: User) -> None:
    client = await signed_in(alice)
    call = await _opened(client, on_body=asyncio.Event().wait)
    [stream] = await until(lambda: current_hub().subscriptions())
    stream.write_timeout = 0.1
    await asyncio.wait_for(call.application, 10)  # without an error, for the server to log
    assert call.application.cancelling() == 0
    assert current_hub().subscriptions() == []


async def test_streams_hold_no_thread(alice: User) -> None:
    client = await signed_in(alice)
    call = await _opened(client)
    await until(lambda: b"event: sync" in call.body)
    threads = threading.active_count()
    more = [await _opened(client) for _ in range(10)]
    await until(lambda: threading.active_count() <= threads)
    for each in (call, *more):
        each.disconnect()
        await asyncio.wait_for(each.application, 10)
    assert current_hub().subscriptions() == []
    await until(lambda: threading.active_count() <= threads)
