"""Each tenant of django-tenants has users and toasts of its own, or toasts of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.postgres import PostgresServer
from tests.support.servers import Server
from tests.support.websocket_client import WebSocket
from tests.tenants.sites import TenantSite, client_of, next_event, stream_of

pytestmark = pytest.mark.servers

CREATE = "create_toast(%r, user()).pk"


@pytest.fixture(scope="module", params=["own", "both", "users"])
def server(request: Any, postgres: PostgresServer) -> Iterator[Server]:
    # Only hints arrive in time: no regular read, and no regular check.
    periods = {"TOASTS_RECONCILE": "600", "TOASTS_SWEEP": "600"}
    site = TenantSite(postgres.create(f"tenants_{request.param}"), request.param, **periods)
    yield site.serve("uvicorn")
    site.close()


@pytest.fixture
def site(server: Server) -> Iterator[TenantSite]:
    assert isinstance(server.site, TenantSite)
    yield server.site
    for tenant in tenants(server.site):
        server.site.do(tenant, "Toast.objects.all().delete()[0]")


def tenants(site: TenantSite) -> list[str]:
    return ["red", "blue", "public"] if site.layout == "both" else ["red", "blue"]


async def test_a_stream_shows_the_toasts_of_its_tenant_alone(
    site: TenantSite, server: Server
) -> None:
    cookies = site.sign_in(*tenants(site))
    first = {tenant: site.do(tenant, CREATE % f"first of {tenant}") for tenant in tenants(site)}
    async with (
        stream_of(server, "red", cookies["red"]) as red,
        stream_of(server, "blue", cookies["blue"]) as blue,
    ):
        assert (await next_event(red, "toast"))["message"] == "first of red"
        assert await next_event(red, "sync") == {"ids": [first["red"]]}
        assert (await next_event(blue, "toast"))["message"] == "first of blue"
        for tenant in reversed(tenants(site)):
            site.do(tenant, CREATE % f"second of {tenant}")
        assert (await next_event(red, "toast"))["message"] == "second of red"
        assert (await next_event(blue, "toast"))["message"] == "second of blue"


async def test_closing_a_toast_reads_that_of_the_tenant_alone(
    site: TenantSite, server: Server
) -> None:
    cookies = site.sign_in(*tenants(site))
    ids = {tenant: site.do(tenant, CREATE % tenant) for tenant in tenants(site)}
    async with (
        stream_of(server, "blue", cookies["blue"]) as blue,
        stream_of(server, "red", cookies["red"]) as red,
        client_of(server, "red", cookies["red"]) as browser,
    ):
        await next_event(red, "sync")
        await next_event(blue, "sync")
        token = (await browser.get("/toasts/poll/?csrf=1")).headers["X-CSRFToken"]
        answer = await browser.post(
            f"/toasts/api/toasts/{ids['red']}/read/", headers={"X-CSRFToken": token}
        )
        assert answer.json()["message"] == "red"
        assert await next_event(red, "dismiss") == {"ids": [ids["red"]]}
        unread = "Toast.objects.unread().count()"
        assert [site.do(tenant, unread) for tenant in ("red", "blue")] == [0, 1]


async def test_a_long_poll_waits_for_its_tenant_and_has_a_cursor_of_its_own(
    site: TenantSite, server: Server
) -> None:
    cookies = site.sign_in(*tenants(site))
    cursors = {}
    for tenant in ("red", "blue"):
        async with client_of(server, tenant, cookies[tenant]) as browser:
            cursors[tenant] = (await browser.get("/toasts/poll/")).json()["cursor"]
    owners = {cursor.partition(".")[0] for cursor in cursors.values()}
    assert len(owners) == 2
    async with client_of(server, "red", cookies["red"]) as browser:
        query = {"wait": "20", "cursor": cursors["red"]}
        waiting = browser.build_request("GET", "/toasts/poll/", params=query)
        sent = browser.send(waiting)
        site.do("blue", CREATE % "of blue")
        site.do("red", CREATE % "of red")
        answer = (await sent).json()
    assert [toast["message"] for toast in answer["toasts"]] == ["of red"]


async def test_the_end_of_a_session_ends_the_stream_of_its_tenant_alone(
    site: TenantSite, server: Server
) -> None:
    cookies = site.sign_in(*tenants(site))
    async with (
        stream_of(server, "red", cookies["red"]) as red,
        stream_of(server, "blue", cookies["blue"]) as blue,
    ):
        await next_event(red, "sync")
        await next_event(blue, "sync")
        key = cookies["red"]["sessionid"]
        site.do(
            "red",
            f"Session.objects.get(pk={key!r}).delete()[0]",
        )
        assert await next_event(red, "bye") == {"reason": "auth"}
        site.do("blue", CREATE % "still open")
        assert (await next_event(blue, "toast"))["message"] == "still open"


async def test_a_deactivated_user_loses_the_streams_at_once(
    site: TenantSite, server: Server
) -> None:
    cookies = site.sign_in(*tenants(site))
    everywhere = site.layout == "users"
    where = "public" if everywhere else "red"
    change = "[setattr(each, 'is_active', %r) or each.save() for each in User.objects.all()]"
    async with (
        stream_of(server, "red", cookies["red"]) as red,
        stream_of(server, "blue", cookies["blue"]) as blue,
    ):
        await next_event(red, "sync")
        await next_event(blue, "sync")
        site.do(where, change % False)
        try:
            assert await next_event(red, "bye") == {"reason": "auth"}
            if everywhere:
                assert await next_event(blue, "bye") == {"reason": "auth"}
        finally:
            site.do(where, change % True)


async def test_a_feed_reads_and_writes_the_rows_of_its_tenant(
    site: TenantSite, server: Server
) -> None:
    if site.layout == "users":  # all tenants share the groups, too
        site.do("public", "Group.objects.all().delete()[0]")
    cookies = site.sign_in(*tenants(site))
    key, name = cookies["red"]["sessionid"], "written in red"
    async with stream_of(server, "blue", cookies["blue"], "/feeds/names/") as blue:
        assert await next_event(blue, "sync") == {"keys": []}
        socket = await WebSocket.open(server.port, "/feeds/names/", key, host="red.example.com")
        await socket.until("sync")
        socket.send({"data": name, "ref": 1})
        answers = [await socket.next(), await socket.next()]
        await socket.leave()
        assert {answer["event"] for answer in answers} == {"reply", "change"}
        names = "[group.name for group in Group.objects.all()]"
        expected = [name] if site.layout == "users" else []
        assert site.do("blue", names) == expected
        assert site.do("red", names) == [name]


async def test_djangos_own_handler_serves_each_tenant_its_own(postgres: PostgresServer) -> None:
    periods = {"TOASTS_RECONCILE": "600", "TOASTS_SWEEP": "600"}
    url = postgres.create("tenants_of_django")
    site = TenantSite(url, "both", TEST_HANDLER="django", **periods)
    with contextlib.closing(site):
        server = site.serve("uvicorn")
        cookies = site.sign_in("red", "blue", "public")
        async with (
            stream_of(server, "red", cookies["red"]) as red,
            stream_of(server, "blue", cookies["blue"]) as blue,
        ):
            assert await next_event(red, "sync") == {"ids": []}
            assert await next_event(blue, "sync") == {"ids": []}
            for tenant in ("public", "blue", "red"):
                site.do(tenant, CREATE % f"of {tenant}")
            assert (await next_event(red, "toast"))["message"] == "of red"
            assert (await next_event(blue, "toast"))["message"] == "of blue"


GREEN = """
from tests.tenants.customers.models import Customer, Domain
customer = Customer(schema_name="green")
customer.save(verbosity=0)
Domain.objects.create(domain="green.example.com", tenant=customer, is_primary=True)
"""
DELETE = """
from tests.tenants.customers.models import Customer
Customer.objects.get(schema_name="green").delete()
"""


async def test_a_tenant_that_is_gone_shows_nobody_elses_toasts(postgres: PostgresServer) -> None:
    """In place of its tables, PostgreSQL would find those of the public schema."""
    site = TenantSite(
        postgres.create("tenants_gone"), "both", TOASTS_RECONCILE="0.5", TOASTS_SWEEP="3"
    )
    with contextlib.closing(site):
        server = site.serve("uvicorn")
        site.run(GREEN)
        cookies = site.sign_in("green", "public")
        site.do("public", CREATE % "of the public schema")
        async with stream_of(server, "green", cookies["green"]) as green:
            assert await next_event(green, "sync") == {"ids": []}
            site.run(DELETE)
            async with asyncio.timeout(20):
                kinds = [kind async for kind, _ in green]
        assert [kind for kind in kinds if kind != "ping"] == ["bye"]


@pytest.mark.parametrize("server", ["users"], indirect=True)
async def test_pages_of_the_public_schema_get_no_stream_if_it_has_no_toasts(
    site: TenantSite, server: Server
) -> None:
    cookies = site.sign_in("public")
    async with client_of(server, "public", cookies["public"]) as browser:
        for path in ("/toasts/stream/", "/toasts/poll/"):
            assert (await browser.get(path)).status_code == 204
    async with stream_of(server, "public", cookies["public"], "/feeds/names/") as feed:
        assert "keys" in await next_event(feed, "sync")
