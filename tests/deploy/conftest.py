from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from tests.browser.host import Host
from tests.deploy.deployment import SECRET_KEY, Deployment
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def host(postgres: PostgresServer) -> Iterator[Host]:
    """This repository's site over a database that all deployments share."""
    with mock.patch.dict(os.environ, SECRET_KEY=SECRET_KEY):
        host = Host(postgres.create("deploy"), settings="core.settings")
    yield host
    host.close()


@pytest.fixture
def deploy(host: Host) -> Iterator[Callable[..., Deployment]]:
    """Return a function that starts a deployment. It ends with the test."""
    running: list[Deployment] = []

    def deploy(unit: str, **more: Any) -> Deployment:
        running.append(Deployment(host.environment["DATABASE_URL"], unit, **more))
        return running[-1].start()

    yield deploy
    for deployment in running:
        deployment.close()


@pytest.fixture(scope="session")
def deployed(host: Host) -> Iterator[Callable[[str], Deployment]]:
    """Return a function that starts one deployment per service and keeps it for all tests."""
    running: dict[str, Deployment] = {}

    def deployed(unit: str) -> Deployment:
        if unit not in running:
            running[unit] = Deployment(host.environment["DATABASE_URL"], unit)
            running[unit].start()
        return running[unit]

    yield deployed
    for deployment in running.values():
        deployment.close()
