"""Dockerfile and compose.yaml, as far as they can be tested without Docker."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.browser.host import Host
from tests.deploy.deployment import Deployment
from tests.deploy.files import DEPLOY, service
from tests.deploy.nginx import HOST
from tests.deploy.visits import sign_in, stream, until_event
from tests.support.servers import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UVICORN = "mysite-uvicorn@.service"
ETC = "/etc/nginx/"

VISIT = """
import sys
sys.path.insert(0, ".")
from core.asgi import application
from django.test import Client
import toasts
paths = ("/", "/accounts/login/", "/docs/index.md", "/static/toasts/toasts.js")
print(toasts.__file__)
print({Client(headers={"Host": "localhost"}).get(path).status_code for path in paths})
"""


def mounts(name: str) -> dict[str, str]:
    """Return the mount targets of a service by their sources."""
    volumes = [entry.split(":") for entry in COMPOSE["services"][name]["volumes"]]
    return {parts[0]: parts[1] for parts in volumes}


def test_compose_starts_the_same_commands_as_systemd() -> None:
    unit = (DEPLOY / "systemd" / UVICORN).read_text().replace("mysite.asgi", "core.asgi")
    for number in ("1", "2"):
        program, *options = service(unit, number).arguments
        written = COMPOSE["services"][f"app-{number}"]["command"]
        assert written == [Path(program).name, *options]


def test_the_files_of_nginx_are_mounted_where_their_first_lines_say() -> None:
    files = {source: place for source, place in mounts("nginx").items() if source[0] == "."}
    for source, place in files.items():
        first_line = (ROOT / source).read_text().splitlines()[0]
        if not source.endswith("mysite-http.conf"):
            assert first_line.removeprefix("# ").split(":")[0].split(". ")[0] == place
    assert files["./docs/deploy/nginx/mysite-http.conf"] == f"{ETC}conf.d/default.conf"
    assert mounts("nginx")["sockets"] == mounts("app-1")["sockets"] == "/run/mysite"


def test_services_depend_only_on_services_and_volumes_that_exist() -> None:
    services = COMPOSE["services"]
    for name, written in services.items():
        assert set(written.get("depends_on", ())) <= set(services), name
        named = {entry.split(":")[0] for entry in written.get("volumes", ()) if entry[0] != "."}
        assert named <= set(COMPOSE["volumes"]), name


@pytest.mark.servers
async def test_the_command_in_compose_serves_the_site(
    deploy: Callable[..., Deployment], host: Host
) -> None:
    written = COMPOSE["services"]["app-1"]["environment"]
    variables = {name: value for name, value in written.items() if "$" not in value}
    site_path = mounts("nginx")["./docs/deploy/nginx/mysite-http.conf"].removeprefix(ETC)
    without = {"HTTPS=1\n": "", f"ALLOWED_HOSTS={HOST}": ""}
    deployment = deploy(
        UVICORN, site="mysite-http.conf", site_path=site_path, changed=without, **variables
    )
    user, _ = host.call("sign_in", "in compose")
    async with deployment.client() as browser:
        await sign_in(browser, "in compose")
        async with stream(browser) as events:
            await until_event(events, "sync")
            host.call("create_toast", "hello", user)
            assert (await until_event(events, "toast"))["message"] == "hello"


def test_the_image_contains_all_files_that_the_site_needs(tmp_path: Path) -> None:
    for source, target in re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE):
        place = tmp_path / target
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, place)
    done = subprocess.run(
        [sys.executable, "-P", "-c", VISIT], cwd=tmp_path, env={"SECRET_KEY": "of the tests"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [str(tmp_path / "toasts/__init__.py"), "{200}"]


def test_the_build_context_contains_only_the_files_that_are_copied() -> None:
    copied = re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE)
    let_in = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(let_in)


def test_the_image_serves_on_the_documented_port() -> None:
    [written] = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    program, *options = json.loads(written)
    assert program == "uvicorn"
    documented = (DEPLOY / "containers.md").read_text()
    assert "8000:8000" in documented
    assert options[:4] == shlex.split("--host 0.0.0.0 --port 8000")
