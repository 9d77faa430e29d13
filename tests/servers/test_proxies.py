"""Proxies and poolers that the README names, where this machine has them. For `make matrix`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer
from tests.support.proxies import found, proxy
from tests.support.servers import Server, Site, stream, until_event

PROXIES = found("haproxy", "caddy")
POOLERS = found("pgbouncer")

pytestmark = [pytest.mark.servers, pytest.mark.wide]
TOAST = "import sys\nfrom toasts import create_toast\ncreate_toast(sys.argv[2], int(sys.argv[1]))"


@dataclass
class Behind:
    """A server behind a proxy."""

    url: str


async def expect_one_by_one(site: Site, server: Server | Behind, alice: int) -> None:
    """Expect that toasts of other processes arrive one by one, each within two seconds."""
    cookies = (await asyncio.to_thread(site.sessions, "alice"))["alice"]
    async with stream(server, cookies) as events:  # type: ignore[arg-type]
        await until_event(events, "sync", 20)
        for number in range(3):
            await asyncio.to_thread(site.run, TOAST, str(alice), str(number))
            assert (await until_event(events, "toast", 2))["message"] == str(number)


@pytest.mark.parametrize("name", PROXIES)
async def test_events_pass_a_proxy_one_by_one(
    postgres: PostgresServer, tmp_path: Path, name: str
) -> None:
    async with AsyncExitStack() as stack:
        url = await asyncio.to_thread(postgres.create, f"behind_{name}")
        site = await asyncio.to_thread(Site, url)
        stack.callback(site.close)
        alice = site.users("alice")["alice"]
        server = await asyncio.to_thread(site.serve, "uvicorn")
        port = stack.enter_context(proxy(name, server.port, tmp_path))
        await expect_one_by_one(site, Behind(f"http://127.0.0.1:{port}"), alice)


@pytest.mark.parametrize("name", POOLERS)
async def test_toasts_arrive_at_once_behind_a_pooler_with_a_connection_for_the_listener(
    postgres: PostgresServer, tmp_path: Path, name: str
) -> None:
    async with AsyncExitStack() as stack:
        direct = await asyncio.to_thread(postgres.create, f"behind_{name}")
        site = await asyncio.to_thread(Site, direct)
        stack.callback(site.close)
        alice = site.users("alice")["alice"]
        port = stack.enter_context(proxy(name, postgres.port, tmp_path))
        pooled = direct.replace(f":{postgres.port}/", f":{port}/")
        site.environment["TEST_DATABASE_URL"] = pooled
        site.environment["TOASTS_LISTEN_DSN"] = direct.replace("postgres://", "postgresql://")
        server = await asyncio.to_thread(site.serve, "uvicorn")
        await expect_one_by_one(site, server, alice)
