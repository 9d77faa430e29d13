"""However a stream ends, no subscription and no task of it is left."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from tests.conftest import until
from tests.support.asgi_connections import Connection, make_application, open_stream
from tests.support.logins import sign_in
from toasts import async_create_toast
from toasts.asgi.application import StreamApplication
from toasts.delivery.hubs import current_hub
from toasts.delivery.source import ToastSource

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


@pytest.fixture
def key(alice: User) -> str:
    return sign_in(alice)


@pytest.fixture(params=["fast path", "via Django"])
def app(request: Any) -> StreamApplication:
    """The application, with and without its fast path."""
    return make_application(fast=request.param == "fast path")


@pytest.fixture
async def leaves_nothing(hubs: None) -> Any:
    """Check that only the test's own task is left once the hub has stopped, and no error."""
    errors: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: errors.append(context))
    yield
    assert current_hub().subscriptions() == []
    await current_hub().stop()
    gc.collect()
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    assert errors == []


@pytest.mark.usefixtures("leaves_nothing")
async def test_a_client_that_leaves_before_it_is_answered_is_forgotten(
    app: StreamApplication, key: str
) -> None:
    request = Connection(app, key).start()
    request.disconnect()
    await request.done()
    assert current_hub().subscriptions() == []


@pytest.mark.usefixtures("leaves_nothing")
async def test_a_client_that_is_gone_before_the_start_is_forgotten(
    app: StreamApplication, key: str
) -> None:
    request = Connection(app, key)
    request.events.get_nowait()
    request.disconnect()
    request.start()
    await request.done()


@pytest.mark.usefixtures("leaves_nothing")
async def test_a_client_that_leaves_during_the_read_of_its_state_is_forgotten(
    app: StreamApplication, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()
    read = ToastSource.read

    def slow(self: Any, topics: Any) -> Any:
        reading.set()
        go_on.wait(10)
        return read(self, topics)

    monkeypatch.setattr(ToastSource, "read", slow)
    request = Connection(app, key).start()
    await until(reading.is_set)
    request.disconnect()
    await request.done()
    go_on.set()
    assert current_hub().subscriptions() == []
    assert request.body == b""


@pytest.mark.usefixtures("leaves_nothing")
async def test_a_client_that_leaves_is_forgotten(app: StreamApplication, key: str) -> None:
    request = await open_stream(app, key)
    assert len(current_hub().subscriptions()) == 1
    await request.leave()


async def _blocked(app: StreamApplication, key: str, alice: User) -> tuple[Connection, list[str]]:
    """Open a stream whose `send` waits. The list gets what happens to that wait."""
    request = await open_stream(app, key)
    steps: list[str] = []

    async def wait(message: Any) -> None:
        steps.append("waits")
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("interrupted")

    request.on_send = wait
    await async_create_toast("never read", alice)
    await until(lambda: steps)
    return request, steps


@pytest.mark.usefixtures("leaves_nothing")
async def test_a_client_that_leaves_while_send_waits_is_forgotten(
    app: StreamApplication, key: str, alice: User
) -> None:
    request, steps = await _blocked(app, key, alice)
    await request.leave()
    await until(lambda: steps == ["waits", "interrupted"])


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("blocked", [False, True])
async def test_an_application_that_the_server_cancels_is_cancelled(
    app: StreamApplication, key: str, alice: User, blocked: bool
) -> None:
    request = (await _blocked(app, key, alice))[0] if blocked else await open_stream(app, key)
    request.application.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request.done()
    assert current_hub().subscriptions() == []


@pytest.mark.usefixtures("leaves_nothing")
async def test_an_application_that_is_cancelled_during_admission_is_forgotten(
    app: StreamApplication, key: str
) -> None:
    request = Connection(app, key).start()
    await asyncio.sleep(0)
    request.application.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request.done()


ERRORS = [OSError("gone"), RuntimeError("gone"), asyncio.CancelledError()]


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("nth", [2, 3], ids=["the snapshot", "an event"])
async def test_a_send_that_fails_ends_the_stream(
    app: StreamApplication, key: str, alice: User, error: BaseException, later: bool, nth: int
) -> None:
    sent = 0

    async def fail(message: Any) -> None:
        nonlocal sent
        sent += 1
        if sent == nth:
            if later:
                await asyncio.sleep(0)
            raise error

    request = Connection(app, key)
    request.on_send = fail
    request.start()
    if nth == 3:
        await until(lambda: "sync" in request.kinds())
        await async_create_toast("never read", alice)
    await request.done()
    assert current_hub().subscriptions() == []
    other = await open_stream(app, key)  # the hub keeps running
    await async_create_toast("read", alice)
    await until(lambda: "read" in other.messages())
    await other.leave()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # Django leaves its connection open
@pytest.mark.usefixtures("leaves_nothing")
async def test_an_error_of_send_at_the_response_start_is_raised_to_the_server(
    app: StreamApplication, key: str
) -> None:
    async def fail(message: Any) -> None:
        raise OSError("gone")

    request = Connection(app, key)
    request.on_send = fail
    request.start()
    with pytest.raises(OSError, match="gone"):
        await request.done()
    assert current_hub().subscriptions() == []


@pytest.mark.usefixtures("leaves_nothing")
async def test_streams_end_with_restart_when_the_server_stops(
    app: StreamApplication, key: str
) -> None:
    request = await open_stream(app, key)
    current_hub().drain_soon()
    await request.done()
    assert request.received()[-1] == ("bye", {"reason": "restart"})
    assert request.complete
    late = Connection(app, key).start()
    await late.done()
    assert late.received() == [("bye", {"reason": "restart"})]
    assert late.complete


@pytest.mark.usefixtures("leaves_nothing")
async def test_a_client_that_does_not_read_delays_the_stop_by_a_second_at_most(
    app: StreamApplication, key: str, alice: User
) -> None:
    request, steps = await _blocked(app, key, alice)
    started = asyncio.get_running_loop().time()
    current_hub().drain_soon()
    await request.done()
    assert asyncio.get_running_loop().time() - started < 2
    await until(lambda: steps == ["waits", "interrupted"])


@pytest.mark.usefixtures("leaves_nothing")
async def test_a_stream_that_ended_does_not_cancel_the_code_of_its_caller(
    app: StreamApplication, key: str, alice: User
) -> None:
    after: list[str] = []

    async def around(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        after.append(f"goes on, {task.cancelling()}")

    request = await open_stream(around, key)
    current_hub().drain_soon()
    await request.done()
    assert after == ["goes on, 0"]


@override_settings(TOASTS_ROTATE=(0.01, 0.01), TOASTS_RECONCILE=0.1)
@pytest.mark.usefixtures("leaves_nothing")
async def test_an_old_stream_ends_with_rotate(app: StreamApplication, key: str) -> None:
    request = await open_stream(app, key)
    await request.done()
    assert request.received()[-1] == ("bye", {"reason": "rotate"})
    assert request.complete
