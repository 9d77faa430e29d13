"""Tenants of django-tenants that share one host, each in a folder of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer
from tests.support.servers import Server
from tests.tenants.sites import TenantSite, client_of, next_event, stream_of

pytestmark = pytest.mark.servers

CREATE = "create_toast(%r, user()).pk"


@pytest.fixture(scope="module")
def server(postgres: PostgresServer) -> Iterator[Server]:
    site = TenantSite(postgres.create("tenant_folders"), "own", TENANT_FOLDER="1")
    yield site.serve("uvicorn")
    site.close()


async def test_each_folder_has_streams_of_its_tenant(server: Server) -> None:
    site = server.site
    assert isinstance(site, TenantSite)
    cookies = site.sign_in("red", "blue")
    for tenant in ("red", "blue"):
        site.do(tenant, CREATE % f"of {tenant}")
        async with stream_of(server, tenant, cookies[tenant]) as events:
            assert (await next_event(events, "toast"))["message"] == f"of {tenant}"


async def test_the_pages_of_each_folder_have_addresses_of_their_own(server: Server) -> None:
    """Tabs share a connection and what they remember under the name of the stream's address."""
    site = server.site
    assert isinstance(site, TenantSite)
    cookies = site.sign_in("red", "blue")
    for tenant in ("red", "blue", "red"):
        async with client_of(server, tenant, cookies[tenant]) as browser:
            page = (await browser.get("/page/")).text
        found = dict(re.findall(r'data-(stream|poll|api)-url="([^"]+)"', page))
        folder = f"/clients/{tenant}/toasts"
        assert found == {
            "stream": f"{folder}/stream/",
            "poll": f"{folder}/poll/",
            "api": f"{folder}/api/toasts/",
        }
