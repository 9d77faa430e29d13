from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import User
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.models.signals import post_migrate
from django.test import AsyncClient

from tests.support import shared
from tests.support.brokers import Recorder
from tests.support.core_site import sqlite_url
from tests.support.demos import Demo
from tests.support.postgres import PostgresServer, SharedPostgres
from toasts.delivery import hubs as hubs_module
from toasts.testing import stop_hubs


def pytest_configure(config: pytest.Config) -> None:
    """Give the run its shared folder, and SIGINT and SIGQUIT their default handlers.

    A shell ignores both in what it starts in the background (`make test &`), and every process
    that a test starts would inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    run = ExitStack()
    run.enter_context(shared.shared_folder())
    config.add_cleanup(run.close)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Set the database up, without new content types and permissions after each flush.

    Django creates them after every test that commits, which took a fifth of the suite's time.
    PostgreSQL drops no database that has connections. So those of streams and of asynchronous code
    are closed before Django drops it, whichever test was the last.
    """
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    yield
    stop_hubs()
    asyncio.run(_close_connections())


async def _close_connections() -> None:
    """Close those of the thread that `sync_to_async` has for code outside a request."""
    await sync_to_async(connections.close_all)()


@pytest.fixture(autouse=True)
def _no_stale_content_types() -> None:
    """Forget the content types that another test's flush has deleted."""
    ContentType.objects.clear_cache()


@pytest.fixture
def permissions(db: None) -> None:
    """The permissions of all models, as `migrate` makes them."""
    for config in apps.get_app_configs():
        create_permissions(config, verbosity=0)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for the tests that need one whatever database the run is on."""
    address = os.environ.get(shared.POSTGRES)
    server = (SharedPostgres(address) if address else PostgresServer()).start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def demo_on(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Demo]]:
    """The site with its demos on this kind of database: one for all tests."""
    demos: dict[str, Demo] = {}

    def demo_on(database: str) -> Demo:
        if database not in demos:
            on_postgres = database == "postgres"
            folder = tmp_path_factory.mktemp("demo")
            demos[database] = Demo(postgres.create("demos") if on_postgres else sqlite_url(folder))
        return demos[database]

    yield demo_on
    for demo in demos.values():
        demo.close()


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", "alice@example.com", "alice")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", "bob@example.com", "bob")


@pytest.fixture
async def hubs() -> AsyncIterator[None]:
    """End the hubs of a test that opens streams in this process."""
    yield
    await asyncio.gather(*(hub.stop() for hub in list(hubs_module._hubs.values())))
    hubs_module._hubs.clear()
    # Otherwise the thread of sync_to_async for code outside a request keeps its connection.
    await sync_to_async(connections.close_all)()


@pytest.fixture
def hints(settings: Any) -> list[str]:
    """The users' topics that are announced while the test runs, in order, after COMMIT."""
    settings.TOASTS_BROKER = "tests.support.brokers.Recorder"
    Recorder.sent = []
    return Recorder.sent


@pytest.fixture
def all_hints(hints: list[str], settings: Any) -> list[str]:
    """All hints that are published while the test runs, in order."""
    settings.TOASTS_BROKER = "tests.support.brokers.HintRecorder"
    return hints


@pytest.fixture
def on_postgres() -> bool:
    return os.environ.get("TEST_DATABASE_URL", "").startswith("postgres")


async def until(
    condition: Callable[[], Any] | Callable[[], Awaitable[Any]], seconds: float = 10.0
) -> Any:
    """Wait for a condition, with a bound. Return its first true value."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {seconds} s: {condition}")
        await asyncio.sleep(0.01)


async def signed_in(user: User) -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(user)
    return client


class Elsewhere:
    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "other"


@pytest.fixture
def keep_in(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Keep the toasts in another database, to which nothing connects."""

    def keep(engine: str, **parameters: Any) -> None:
        chosen = {"ENGINE": f"django.db.backends.{engine}", "NAME": "other", **parameters}
        complete = connections.configure_settings({"default": {}, "other": chosen})
        monkeypatch.setitem(connections.settings, "other", complete["other"])
        settings.DATABASE_ROUTERS = [Elsewhere()]

    yield keep
    if hasattr(connections._connections, "other"):  # type: ignore[attr-defined]
        del connections["other"]
