"""supervisord runs docs/deploy/supervisor/mysite.conf."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.host import Host
from tests.conftest import until
from tests.deploy.deployment import Deployment
from tests.deploy.files import Values

pytestmark = pytest.mark.servers
MAIN = """
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
[unix_http_server]
file={folder}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/supervisor.sock
[include]
files={folder}/program.conf
"""


class Supervisor:
    def __init__(self, values: Values, folder: Path) -> None:
        here = {
            "user=mysite": f"user={getpass.getuser()}",
            "/var/log/supervisor": str(folder),
        }
        program = Values({**values.replaced, **here}).of("supervisor/mysite.conf")
        (folder / "program.conf").write_text(program)
        (folder / "supervisord.conf").write_text(MAIN.format(folder=folder))
        self._folder = folder
        self.process = subprocess.Popen(self._command("supervisord"), stdout=subprocess.DEVNULL)

    def _command(self, name: str) -> list[str]:
        program = Path(sys.executable).parent / name
        assert program.exists(), "supervisor is missing; run: make install"
        return [str(program), "-c", str(self._folder / "supervisord.conf")]

    def control(self, *words: str) -> str:
        done = subprocess.run(
            [*self._command("supervisorctl"), *words], capture_output=True, text=True, timeout=30
        )
        return done.stdout

    def pids(self) -> list[int]:
        """Return the ids of the running programs, in the order of their names."""
        lines = self.control("status").splitlines()
        return [int(line.split("pid ")[1].split(",")[0]) for line in lines if "RUNNING" in line]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def deployment(host: Host) -> Iterator[Deployment]:
    """nginx without a server behind it."""
    deployment = Deployment(host.environment["DATABASE_URL"], "mysite-daphne@.service")
    deployment.nginx.start()
    yield deployment
    deployment.close()


@pytest.fixture
def supervisor(deployment: Deployment) -> Iterator[Supervisor]:
    supervisor = Supervisor(deployment.values, deployment.folder)
    yield supervisor
    supervisor.stop()


async def test_its_programs_serve_restart_one_at_a_time_and_restart_when_killed(
    supervisor: Supervisor, deployment: Deployment
) -> None:
    async with deployment.client() as browser:

        async def serve() -> bool:
            return (await browser.get("/toasts/poll/")).status_code == 204

        await until(lambda: len(supervisor.pids()) == 2, 20)
        await until(serve, 20)
        first = supervisor.pids()
        output = supervisor.control("restart", f"mysite:{deployment.values.apply('8001')}")
        assert output.splitlines()[-1].endswith("started")
        again = supervisor.pids()
        assert len({*first, *again}) == 3
        for pid in again:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: len(set(supervisor.pids()) - {*again}) == 2, 20)
        await until(serve, 20)
