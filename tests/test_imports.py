"""The import contracts of pyproject.toml refuse what no contract allows by name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEW_MODULES = {
    "toasts/feeds/listening.py": "import psycopg",
    "toasts/delivery/caching.py": "import redis",
    "toasts/auth/permissions.py": "from rest_framework import permissions",
    "toasts/checks/engine.py": "from ..realtime import hub",
    "toasts/novelty.py": "from . import conf",
    "toasts/realtime/novelty.py": "from . import hub",
    "toasts/realtime/brokers/aware.py": "from django.conf import settings",
    "toasts/users.py": "from . import api",
    "toasts/delivery/one.py": "from . import other",
    "toasts/delivery/other.py": "from . import one",
    "example/novelty.py": "from toasts.delivery import hubs",
    "toasts/asgi/site.py": "import core.settings",
}
COPIED = ("toasts", "core", "example")
REFUSALS = [
    "toasts.feeds.listening -> psycopg",
    "toasts.delivery.caching -> redis",
    "toasts.auth.permissions -> rest_framework",
    "toasts.checks.engine -> toasts.realtime.hub",
    "- toasts.novelty",
    "- toasts.realtime.novelty",
    "toasts.realtime.brokers.aware -> django",
    "toasts.users -> toasts.api",
    "No cycles are allowed in toasts.delivery",
    "example.novelty -> toasts.delivery.hubs",
    "toasts.asgi.site -> core.settings",
]


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what the contracts cover."""
    folder = tmp_path_factory.mktemp("imports")
    for package in COPIED:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("*.js"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def refused(copy: Path) -> str:
    """Return what is printed once modules were added that import what they may not."""
    assert _lint(copy).returncode == 0
    for name, line in NEW_MODULES.items():
        with (copy / name).open("a") as file:
            file.write(f"\n{line}\n")
    linted = _lint(copy)
    assert linted.returncode == 1
    return linted.stdout


@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_import_that_no_contract_allows_is_refused(refused: str, refusal: str) -> None:
    assert refusal in refused
