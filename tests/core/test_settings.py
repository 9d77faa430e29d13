"""The settings of the site, its commands and its requirements."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.core_site import sqlite_url
from tests.support.servers import ROOT

PRINT = (
    "import json\nfrom core import settings\n"
    "print(json.dumps({name: value for name, value in vars(settings).items()"
    " if name.isupper()}, default=str))"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the settings only, without a secret key or a database."""
    shutil.copytree(ROOT / "core", tmp_path / "core")
    return tmp_path


def load(folder: Path, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def test_without_debug_a_missing_secret_key_is_an_error_that_says_what_to_do(copy: Path) -> None:
    with pytest.raises(RuntimeError, match=r"SECRET_KEY is not set\. Set the environment variable"):
        load(copy)


def test_the_secret_key_of_make_is_used_unless_the_environment_has_one(
    copy: Path,
) -> None:
    (copy / ".state").mkdir()
    (copy / ".state" / "secret-key").write_text("kept\n")
    assert load(copy)["SECRET_KEY"] == "kept"
    assert load(copy, SECRET_KEY="named")["SECRET_KEY"] == "named"


def test_a_key_that_the_documentation_shows_is_refused_outside_debug(copy: Path) -> None:
    sample = (ROOT / "docs" / "deploy" / "mysite.env").read_text()
    [key] = re.findall(r"^SECRET_KEY=(.+)$", sample, re.MULTILINE)
    for published in (key, load(copy, DEBUG="1")["SECRET_KEY"]):
        with pytest.raises(RuntimeError, match=f"SECRET_KEY={published} is published"):
            load(copy, SECRET_KEY=published)
    assert load(copy, SECRET_KEY=key, DEBUG="1")["SECRET_KEY"] == key


def test_debug_needs_no_key_and_is_off_unless_asked_for(copy: Path) -> None:
    assert load(copy, DEBUG="1")["DEBUG"] is True
    assert load(copy, DEBUG="0", SECRET_KEY="x")["DEBUG"] is False
    assert load(copy, SECRET_KEY="x")["DEBUG"] is False


@pytest.mark.parametrize("name", ["DEBUG", "HTTPS"])
def test_a_flag_that_is_neither_yes_nor_no_is_refused_by_name(copy: Path, name: str) -> None:
    with pytest.raises(RuntimeError, match=f"{name}='maybe' is neither yes nor no"):
        load(copy, SECRET_KEY="x", **{name: "maybe"})


def test_the_database_is_a_sqlite_file_in_the_root_ready_for_many_processes(copy: Path) -> None:
    database = load(copy, SECRET_KEY="x")["DATABASES"]["default"]
    assert database["NAME"] == str(copy / "db.sqlite3")
    assert database["CONN_MAX_AGE"] == 0
    assert database["OPTIONS"] == {
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000"
        ),
    }


def test_database_url_chooses_another_database(copy: Path) -> None:
    url = "postgresql://me:secret@db.example:5433/site?sslmode=require"
    database = load(copy, SECRET_KEY="x", DATABASE_URL=url)["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "site")
    assert (database["CONN_MAX_AGE"], database["OPTIONS"]) == (0, {"sslmode": "require"})


def test_hosts_broker_and_redis_come_from_the_environment(copy: Path) -> None:
    defaults = load(copy, SECRET_KEY="x")
    assert defaults["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert (defaults["TOASTS_BROKER"], defaults["REDIS_URL"]) == ("auto", "")
    chosen = load(
        copy, SECRET_KEY="x", ALLOWED_HOSTS="a.example, b.example", TOASTS_BROKER="local",
        REDIS_URL="redis://r",
    )  # fmt: skip
    assert chosen["ALLOWED_HOSTS"] == ["a.example", "b.example"]
    assert (chosen["TOASTS_BROKER"], chosen["REDIS_URL"]) == ("local", "redis://r")


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env={"SECRET_KEY": "x" * 50 + "yz0123456789", **environment},
        capture_output=True, text=True,
    )  # fmt: skip


def test_the_system_checks_find_nothing() -> None:
    done = manage("check", "--fail-level", "WARNING", DATABASE_URL="sqlite://:memory:")
    assert done.returncode == 0, done.stderr


def test_demo_users_are_refused_without_debug(tmp_path: Path) -> None:
    done = manage("demo_users", DATABASE_URL=sqlite_url(tmp_path))
    assert done.returncode == 1
    assert "passwords everybody knows" in done.stderr
    assert "createsuperuser" in done.stderr


def test_demo_users_are_created_once(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": sqlite_url(tmp_path), "DEBUG": "1"}
    assert manage("migrate", "--verbosity", "0", **environment).returncode == 0
    assert manage("demo_users", **environment).stdout.splitlines() == [
        "Created alice (password: alice).",
        "Created bob (password: bob).",
        "Created admin (password: admin).",
    ]
    again = manage("demo_users", **environment)
    assert (again.returncode, again.stdout) == (0, "")


def pins(name: str) -> dict[str, str]:
    """The versions by name. Each needs a hash: with one, pip refuses all that have none."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    pinned = [line for line in text.splitlines() if line and not line.startswith(("#", "-r "))]
    for line in pinned:
        assert re.fullmatch(
            r"[\w.-]+==[\w.]+( ; [a-z_]+ [!=<]+ '[\w.]+')?(\s+--hash=sha256:[0-9a-f]{64})+", line
        ), line
    pairs = (line.split()[0].lower().replace("_", "-").split("==") for line in pinned)
    return dict(pairs)


def test_the_requirements_are_pinned_by_hashes_without_addresses_and_cover_the_project() -> None:
    site, dev = pins("site.txt"), pins("dev.txt")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    assert {name.split("[")[0].lower() for name in groups["site"]} <= set(site)
    required = {re.split(r"[\[>]", name)[0].lower() for name in project["project"]["dependencies"]}
    assert required <= set(site)
    for name in groups["dev"]:
        assert not isinstance(name, str) or name.lower() in dev, name
    assert pins("bench.txt")
    assert pins("docs.txt")


def test_make_lists_its_targets() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "install", "test", "check", "bench"):
        assert re.search(rf"^  make {target} ", listed, re.MULTILINE), target
