"""The wheel: what it contains, and that it works in a project without this repository."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

import toasts

ROOT = Path(__file__).parent.parent

# A project with a `core` of its own, users with UUIDs that no admin knows, and tokens.
HOST = {
    "core/__init__.py": "",
    "core/models.py": """
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models

class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
""",
    "core/urls.py": """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("t/", include("toasts.urls")), path("admin/", admin.site.urls)]
""",
    "core/settings.py": """
import os
import dj_database_url

SECRET_KEY = "host"
USE_TZ = True
ROOT_URLCONF = "core.urls"
ALLOWED_HOSTS = ["*"]
AUTH_USER_MODEL = "core.User"
DATABASES = {"default": dj_database_url.parse(os.environ["HOST_DATABASE_URL"])}
STATIC_URL = "static/"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "core",
    "toasts",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "toasts.middleware.ToastMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "3/day"},
}
""",
    "script.py": """
import json
import django

django.setup()

from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token

import core
import toasts
from toasts import create_toast
from toasts.models import Toast, wire

call_command("makemigrations", "core", verbosity=0)
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
call_command("check", fail_level="ERROR")

alice = get_user_model().objects.create_user("alice")
toast = create_toast("hello", alice.pk)
(row,) = Toast.objects.newest_active([alice.pk], 200)
client, url = Client(enforce_csrf_checks=True), "/t/api/toasts/"
bearer = {"Authorization": f"Token {Token.objects.create(user=alice)}"}
unknown = client.get(url)
listed = client.get(url, headers=bearer)
read = client.post(f"{url}{toast.pk}/read/", headers=bearer)
rest = [client.post(f"{url}read-all/", headers=bearer).status_code for attempt in range(2)]
print(json.dumps({
    "core": core.__file__,
    "toasts": toasts.__file__,
    "static": [finders.find(f"toasts/toasts.{kind}") for kind in ("js", "css")],
    "wire": wire(row),
    "list": listed.json()["results"],
    "read": read.json()["read"],
    "unknown": [unknown.status_code, unknown["WWW-Authenticate"]],
    "rest": rest,
}))
""",
}


def run(*command: str | Path, **options: Any) -> str:
    done: subprocess.CompletedProcess[str]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    run(*build)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_is_called_by_the_distributions_name(wheel: Path) -> None:
    assert wheel.name == f"django_live_toasts-{toasts.__version__}-py3-none-any.whl"


def test_the_wheel_holds_toasts_alone(names: set[str]) -> None:
    info = f"django_live_toasts-{toasts.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"toasts", info}
    assert f"{info}/licenses/LICENSE" in names


def test_the_wheel_holds_all_of_toasts(names: set[str]) -> None:
    files = (path for path in (ROOT / "toasts").rglob("*") if path.is_file())
    shipped = {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}
    assert {name for name in shipped if not name.startswith("toasts/client/")} <= names
    assert {
        "toasts/py.typed",
        "toasts/migrations/0001_initial.py",
        "toasts/migrations/__init__.py",
        "toasts/templatetags/toasts.py",
        "toasts/static/toasts/toasts.js",
        "toasts/static/toasts/toasts.css",
        "toasts/static/toasts/toasts.d.ts",
        "toasts/static/toasts/inbox.js",
        "toasts/static/toasts/inbox.css",
        "toasts/static/toasts/feeds.js",
    } <= names


def test_the_wheel_holds_the_built_client_without_its_sources_and_build(names: set[str]) -> None:
    assert not [name for name in names if name.startswith("toasts/client/")]
    assert not [name for name in names if name.endswith((".mjs", ".json"))]


def test_the_wheel_holds_nothing_that_only_a_workplace_has(names: set[str]) -> None:
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".map"))]
    assert not [name for name in names if "node_modules" in name or "/tests/" in name]
    assert not [name for name in names if "/test_" in name or "conftest" in name]


def test_the_wheel_requires_what_it_imports_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        metadata = Parser().parsestr(archive.read(path).decode())
    needed = metadata.get_all("Requires-Dist") or []
    always = {line.split(">")[0].split("!")[0].split("<")[0] for line in needed if ";" not in line}
    assert always == {"django", "djangorestframework", "asgiref"}
    assert metadata.get_all("Provides-Extra") == ["daphne", "postgres", "redis"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_payload()


def imported(source: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_shipped_module_refers_to_the_site(wheel: Path) -> None:
    rooms = ("core", "example", "tests")
    with zipfile.ZipFile(wheel) as archive:
        for name in (name for name in archive.namelist() if name.endswith(".py")):
            for words in imported(archive.read(name)):
                assert not words.startswith(tuple(f"{room}." for room in rooms)), (name, words)
                assert words not in rooms, (name, words)


def test_the_wheel_works_in_a_project_with_a_core_of_its_own(
    wheel: Path, tmp_path: Path, on_postgres: bool, request: pytest.FixtureRequest
) -> None:
    target, host = tmp_path / "target", tmp_path / "host"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index")
    run(*pip, "--no-deps", "--target", target, wheel)
    for name, text in HOST.items():
        (host / name).parent.mkdir(parents=True, exist_ok=True)
        (host / name).write_text(text)
    database = f"sqlite:///{host}/db.sqlite3"
    if on_postgres:
        database = request.getfixturevalue("postgres").create("host")
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO")},
        "PYTHONPATH": str(target),
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "HOST_DATABASE_URL": database,
    }
    output = json.loads(run(sys.executable, "-W", "error", "script.py", cwd=host, env=env).strip())
    assert Path(output["core"]).is_relative_to(host)
    assert Path(output["toasts"]).is_relative_to(target)
    assert all(Path(path).is_relative_to(target) for path in output["static"])
    assert output["wire"]["message"] == "hello"
    assert output["list"] == [output["wire"]]
    assert output["read"] is True
    assert output["unknown"] == [401, "Token"]
    assert output["rest"] == [200, 429]  # the site's own throttle: three requests a day
