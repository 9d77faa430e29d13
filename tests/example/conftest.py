"""The site of the demos, on both databases, for tests that drive real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.core_site import CoreSite, sqlite_url
from tests.support.postgres import PostgresServer
from tests.support.servers import Server


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: PostgresServer,
) -> Iterator[CoreSite]:
    folder = tmp_path_factory.mktemp("site")
    url = sqlite_url(folder) if request.param == "sqlite" else postgres.create("example_site")
    site = CoreSite(url)
    yield site
    site.close()


@pytest.fixture(scope="module")
def two(site: CoreSite) -> tuple[Server, Server]:
    """Two processes of the same site."""
    return site.serve(), site.serve("core-uvicorn")
