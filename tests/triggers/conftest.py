from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer
from tests.support.trigger_database import USERS, Database


@pytest.fixture(scope="session")
def installed(postgres: PostgresServer) -> Iterator[Database]:
    database = Database(postgres, postgres.create("triggers"))
    try:
        database.writer.execute(USERS, [3000])
        database.run("install")
        yield database
    finally:
        database.close()


@pytest.fixture
def database(installed: Database) -> Database:
    installed.writer.execute("TRUNCATE toasts_toast RESTART IDENTITY")
    installed.messages()
    installed.warnings.clear()
    return installed


@pytest.fixture
def bare(postgres: PostgresServer) -> Iterator[Database]:
    """A separate database without triggers."""
    database = Database(postgres, postgres.create(f"bare_{uuid.uuid4().hex}"))
    yield database
    database.close()
