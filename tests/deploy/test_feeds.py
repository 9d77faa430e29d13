"""A feed over a WebSocket behind nginx, with each service of docs/deploy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.host import Host
from tests.deploy.deployment import Deployment
from tests.deploy.files import SERVICES
from tests.deploy.visits import WebSocket, stream, until_event, websocket

pytestmark = pytest.mark.servers
NAMES = "/feeds/names/"


async def _until(socket: WebSocket, event: str) -> dict[str, Any]:
    received: dict[str, Any] = {"event": None}
    while received["event"] != event:
        received = json.loads(await socket.receive())
    return received


@pytest.mark.parametrize("unit", SERVICES)
async def test_a_feed_sends_changes_over_a_websocket_and_an_event_stream(
    deploy: Callable[..., Deployment], host: Host, unit: str
) -> None:
    deployment = deploy(unit, DJANGO_SETTINGS_MODULE="tests.deploy.settings")
    session = host.person("alice").session
    cookie = (b"Cookie", f"sessionid={session}".encode())
    origin = (b"Origin", deployment.url.encode())
    async with (
        deployment.client(cookies={"sessionid": session}, http2=True) as browser,
        stream(browser, NAMES) as events,
        websocket(deployment, NAMES, cookie, origin) as socket,
    ):
        await until_event(events, "sync")
        await _until(socket, "sync")
        await socket.send(json.dumps({"data": f"made by {unit}", "ref": 1}))
        change = await _until(socket, "change")
        assert change["data"]["row"] == {"name": f"made by {unit}"}
        assert await until_event(events, "change") == change["data"]


async def test_a_foreign_origin_is_refused_behind_nginx(
    deploy: Callable[..., Deployment], host: Host
) -> None:
    deployment = deploy("mysite-uvicorn@.service", DJANGO_SETTINGS_MODULE="tests.deploy.settings")
    cookie = (b"Cookie", f"sessionid={host.person('alice').session}".encode())
    origin = (b"Origin", b"https://elsewhere.example")
    async with websocket(deployment, NAMES, cookie, origin) as socket:
        assert await socket.closed() == 4403
