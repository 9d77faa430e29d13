from __future__ import annotations

import pytest

from tests.postgres import PostgresServer
from tests.realtime.line import Line


@pytest.fixture(scope="session")
def engine_database(postgres: PostgresServer) -> str:
    """The URL of a database that belongs to the engine's tests alone."""
    return postgres.create("engine")


@pytest.fixture
def line(engine_database: str) -> Line:
    """A channel that no other test uses."""
    return Line(engine_database)
