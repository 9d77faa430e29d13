"""Each tenant has a database, which a router chooses by a context variable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PostgresServer
from tests.support.servers import Server
from tests.support.websocket_client import WebSocket
from tests.tenants.sites import DatabaseSite, client_of, next_event, stream_of

pytestmark = pytest.mark.servers

CREATE = "create_toast(%r, user()).pk"
TENANTS = ("red", "blue")


@pytest.fixture(scope="module", params=["middleware", "application"])
def server(request: Any, postgres: PostgresServer) -> Iterator[Server]:
    name = f"tenants_by_{request.param}"
    url = postgres.create(name)
    for tenant in TENANTS:
        postgres.recreate(f"{url.rpartition('/')[2]}_{tenant}")
    # Only hints arrive in time: no regular read, and no regular check.
    periods = {"TOASTS_RECONCILE": "600", "TOASTS_SWEEP": "600"}
    site = DatabaseSite(url, request.param, **periods)
    yield site.serve("uvicorn-databases")
    site.close()


@pytest.fixture
def site(server: Server) -> Iterator[DatabaseSite]:
    assert isinstance(server.site, DatabaseSite)
    yield server.site
    for tenant in TENANTS:
        server.site.do(tenant, "Toast.objects.all().delete()[0]")


async def test_streams_reads_and_hints_are_those_of_the_tenants_database(
    site: DatabaseSite, server: Server
) -> None:
    cookies = site.sign_in(*TENANTS)
    first = {tenant: site.do(tenant, CREATE % f"first of {tenant}") for tenant in TENANTS}
    async with (
        stream_of(server, "red", cookies["red"]) as red,
        stream_of(server, "blue", cookies["blue"]) as blue,
        client_of(server, "red", cookies["red"]) as browser,
    ):
        assert (await next_event(red, "toast"))["message"] == "first of red"
        assert (await next_event(blue, "toast"))["message"] == "first of blue"
        token = (await browser.get("/toasts/poll/?csrf=1")).headers["X-CSRFToken"]
        path = f"/toasts/api/toasts/{first['red']}/read/"
        await browser.post(path, headers={"X-CSRFToken": token})
        assert await next_event(red, "dismiss") == {"ids": [first["red"]]}
        site.do("blue", CREATE % "second of blue")
        assert (await next_event(blue, "toast"))["message"] == "second of blue"
        unread = "Toast.objects.unread().count()"
        assert [site.do(tenant, unread) for tenant in TENANTS] == [0, 2]


async def test_the_end_of_a_session_ends_the_stream_of_its_tenant(
    site: DatabaseSite, server: Server
) -> None:
    cookies = site.sign_in(*TENANTS)
    async with (
        stream_of(server, "red", cookies["red"]) as red,
        stream_of(server, "blue", cookies["blue"]) as blue,
    ):
        await next_event(red, "sync")
        await next_event(blue, "sync")
        change = "[setattr(each, 'is_active', %r) or each.save() for each in User.objects.all()]"
        site.do("red", change % False)
        assert await next_event(red, "bye") == {"reason": "auth"}
        site.do("blue", CREATE % "still open")
        assert (await next_event(blue, "toast"))["message"] == "still open"
        site.do("red", change % True)


async def test_a_message_over_a_websocket_is_written_in_the_tenants_database(
    site: DatabaseSite, server: Server
) -> None:
    cookies = site.sign_in(*TENANTS)
    key = cookies["red"]["sessionid"]
    socket = await WebSocket.open(server.port, "/feeds/names/", key, host="red.example.com")
    await socket.until("sync")
    socket.send({"data": "written in red", "ref": 1})
    answers = [await socket.next(), await socket.next()]
    await socket.leave()
    assert {answer["event"] for answer in answers} == {"reply", "change"}
    names = "[group.name for group in Group.objects.all()]"
    assert [site.do(tenant, names) for tenant in TENANTS] == [["written in red"], []]
    site.do("red", "Group.objects.all().delete()[0]")


@pytest.mark.parametrize("chosen_by", ["middleware", "application"])
async def test_without_the_setting_no_stream_opens(chosen_by: str, tmp_path: Path) -> None:
    site = DatabaseSite(f"sqlite:///{tmp_path}/site.sqlite3", chosen_by, TOASTS_TENANT="")
    with closing(site):
        cookies = site.sign_in(*TENANTS)
        server = site.serve("uvicorn-databases")
        async with client_of(server, "red", cookies["red"]) as browser:
            answer = await browser.get("/toasts/stream/")
        assert answer.status_code == 500
