"""Users whose keys are no integers: text that is compared without case, and types of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PostgresServer

DATABASES = ["sqlite", "postgres"]
ALICE, BOB, PLAIN = "for alice", "for bob", "of plain SQL"


@pytest.fixture
def scenario(postgres: PostgresServer, tmp_path: Path) -> Callable[..., Any]:
    def run(database: str, kind: str, *plain_ids: str) -> Any:
        name = f"keys {kind}"
        url = postgres.create(name) if database == "postgres" else f"sqlite:///{tmp_path}/db"
        answer = subprocess.run(
            [sys.executable, "-m", "tests.support.user_keys.scenario", *plain_ids],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.support.user_keys.settings",
                "USER_KEY": kind,
                "TEST_DATABASE_URL": url.replace(" ", "%20"),
                "TOASTS_RECONCILE": "1",
            },
            cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return run


def everywhere(*messages: str) -> dict[str, list[str]]:
    return dict.fromkeys(("stream", "poll", "list"), sorted(messages))


@pytest.mark.parametrize("kind", ["code", "uuid", "uuid text"])
@pytest.mark.parametrize("database", DATABASES)
def test_keys_of_any_python_type_get_their_toasts(
    scenario: Callable[..., Any], database: str, kind: str
) -> None:
    assert scenario(database, kind) == {"alice": everywhere(ALICE), "bob": everywhere(BOB)}


@pytest.mark.parametrize("database", DATABASES)
def test_a_row_that_names_its_user_in_other_letters_is_that_users_and_stops_nobody(
    scenario: Callable[..., Any], database: str
) -> None:
    assert scenario(database, "text", "Alice@Example.com") == {
        "alice": everywhere(PLAIN, ALICE),
        "bob": everywhere(BOB),
    }
