"""The files of docs/deploy, and their description in its pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.host import Host
from tests.deploy.deployment import Deployment
from tests.deploy.files import DEPLOY, SERVICES, Values, programs
from tests.deploy.nginx import Nginx
from tests.support.servers import ROOT
from tests.test_docs import LINK, table
from toasts.asgi.websocket import MESSAGE_MAX
from toasts.conf import SETTINGS

FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".md")
INDEX = (DEPLOY / "index.md").read_text()


@pytest.mark.parametrize("unit", SERVICES)
def test_systemd_reports_no_problem_with_a_unit(unit: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "systemd-analyze is missing; run: .ci/need systemd"
    (tmp_path / unit).write_text(Values(programs()).of(f"systemd/{unit}"))
    done = subprocess.run([analyze, "verify", tmp_path / unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_reports_a_mistake_in_a_unit(tmp_path: Path) -> None:
    unit = Values(programs()).of(f"systemd/{SERVICES[0]}").replace("KillMode", "KilMode")
    (tmp_path / SERVICES[0]).write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / SERVICES[0]], capture_output=True, text=True
    )
    assert "KilMode" in done.stderr


def test_the_index_lists_every_file_with_its_target() -> None:
    linked = {(DEPLOY / target).resolve() for target in LINK.findall(INDEX)}
    assert set(FILES) <= linked
    for path in FILES:
        comment = path.read_text().splitlines()[0].lstrip("#; ")
        [place] = re.findall(r"^(/etc/[\w/@.-]*\w)", comment)
        [row] = [line for line in INDEX.splitlines() if f"({path.relative_to(DEPLOY)})" in line]
        assert f"`{place}`" in row


def test_the_index_lists_every_example_value_that_the_tests_replace(host: Host) -> None:
    deployment = Deployment(host.environment["DATABASE_URL"], SERVICES[0])
    try:
        replaced = set(deployment.nginx.values.replaced)
    finally:
        deployment.close()
    documented = set(table(INDEX[INDEX.index("## What to change") :]))
    # Only the tests replace these: paths and a user of Debian, and a redirect to port 443.
    own = {"user www-data;", "pid /run/nginx.pid;", "/var/log/nginx", "https://$http_host"}
    for value in replaced - own:
        assert any(value in name or name in value for name in documented), value
    for name in documented:
        assert any(name in path.read_text() for path in FILES), name


def test_timeouts_and_limits_are_consistent() -> None:
    proxy = (DEPLOY / "nginx" / "mysite-proxy.conf").read_text()
    [read_timeout] = re.findall(r"^proxy_read_timeout (\d+)s;", proxy, re.MULTILINE)
    defaults = {setting.name: setting.default for setting in SETTINGS}
    assert int(read_timeout) > defaults["TOASTS_MAX_WAIT"]
    for unit in SERVICES:
        text = (DEPLOY / "systemd" / unit).read_text()
        [stop] = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
        for graceful in re.findall(r"--(?:timeout-graceful-shutdown|graceful-timeout) (\d+)", text):
            assert int(stop) > int(graceful)
        assert "LimitNOFILE=65536" in text


@pytest.mark.servers
@pytest.mark.parametrize("site", ["mysite.conf", "mysite-subdirectory.conf", "mysite-http.conf"])
@pytest.mark.parametrize("upstream", ["mysite-upstream.conf", "mysite-upstream-unix.conf"])
def test_nginx_accepts_every_combination_of_its_files(
    tmp_path: Path, site: str, upstream: str
) -> None:
    values = Values({**programs(), "/run/mysite": str(tmp_path)})
    nginx = Nginx(tmp_path, values, upstream, site)
    done = subprocess.run([*nginx.command, "-t"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_uvicorn_keeps_no_more_of_a_message_than_a_feed_takes() -> None:
    """Unless it is told, it keeps up to 16 MiB of an unfinished message, for each WebSocket."""
    found = {}
    for path in (*FILES, ROOT / "compose.yaml", ROOT / "Dockerfile"):
        # A list in YAML or JSON becomes plain words, as a command is.
        words = re.sub(
            r'["\[\],]|^ *- |^Description=.*|^#.*', " ", path.read_text(), flags=re.M
        ).split()
        limits = [words[n + 1] for n, word in enumerate(words) if word == "--ws-max-size"]
        commands = [word for word in words if re.fullmatch(r"(ExecStart=.*/)?uvicorn", word)]
        assert limits == [str(MESSAGE_MAX)] * len(commands), path
        found[path.name] = len(commands)
    assert {name for name, number in found.items() if number} == {
        "mysite-uvicorn@.service", "compose.yaml", "Dockerfile",
    }  # fmt: skip
