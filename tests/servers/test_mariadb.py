"""A site on MariaDB: its own time zone, two processes without another service, and with Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.support.mariadb import MariaDBServer
from tests.support.redis_server import RedisServer
from tests.support.servers import Site, stream, until_event

pytestmark = pytest.mark.servers
SETTINGS = "tests.support.mariadb_settings"
CREATE = """
import sys
from django.contrib.auth.models import User
from toasts import create_toast
create_toast(sys.argv[1], User.objects.get(username="alice"))
"""
CHECKS = """
import json
from django.core.checks import run_checks
from django.db import connection
found = [run_checks(tags=["toasts"])]
connection.settings_dict["OPTIONS"] = {}
found.append(run_checks(tags=["toasts"]))
print(json.dumps([[m.id for m in each if m.id == "toasts.W016"] for each in found]))
"""


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDBServer]:
    server = MariaDBServer(default_time_zone="+05:45").start()
    yield server
    server.remove()


@pytest.fixture
def sites(mariadb: MariaDBServer) -> Iterator[list[Site]]:
    opened: list[Site] = []
    yield opened
    for site in opened:
        site.close()


def open_site(sites: list[Site], server: MariaDBServer, name: str, **environment: str) -> Site:
    site = Site(server.create(name), DJANGO_SETTINGS_MODULE=SETTINGS, **environment)
    sites.append(site)
    site.users("alice")
    return site


async def seconds_to_page(site: Site) -> float:
    """Return how long a toast of another process takes to an open page, in seconds."""
    cookies = site.sessions("alice")["alice"]
    async with stream(site.serve(), cookies) as opened:
        await until_event(opened, "sync")
        await asyncio.to_thread(site.run, CREATE, "from elsewhere")
        started = time.monotonic()
        assert (await until_event(opened, "toast", 10))["message"] == "from elsewhere"
        return time.monotonic() - started


async def test_without_another_service_a_toast_of_another_process_comes_within_seconds(
    mariadb: MariaDBServer, sites: list[Site]
) -> None:
    site = open_site(sites, mariadb, "alone", TOASTS_RECONCILE="60")
    assert await seconds_to_page(site) < 5


async def test_with_redis_a_toast_of_another_process_comes_at_once(
    mariadb: MariaDBServer, sites: list[Site]
) -> None:
    redis = RedisServer().start()
    try:
        site = open_site(
            sites, mariadb, "with_redis",
            TOASTS_BROKER="redis", TOASTS_REDIS_URL=redis.url, TOASTS_RECONCILE="60",
        )  # fmt: skip
        assert await seconds_to_page(site) < 5
    finally:
        redis.remove()


def test_a_session_in_another_zone_is_reported(mariadb: MariaDBServer, sites: list[Site]) -> None:
    assert open_site(sites, mariadb, "checks").run(CHECKS) == [[], ["toasts.W016"]]
