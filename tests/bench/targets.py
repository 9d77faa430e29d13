"""What is measured: the product and its baselines, behind each server."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import COMMANDS, Server, Site

STARTERS = {
    # Without access logs: no baseline shall pay for lines that nobody reads.
    "daphne": ["-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", "{port}"],
    "uvicorn": [
        "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning",
        "--no-access-log", "--lifespan", "off", "--loop", "uvloop",
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One application.

    Args:
        name: as the tables say it.
        application: its ASGI application.
        settings: its Django settings.
        path: of a stream; # is the connection's number.
        ready: the first event that every stream gets once it is set up.
        package: what must be installed for it, but Django.
        most: streams at most, where more would take hours; 0: as many as the product.
    """

    name: str
    application: str
    settings: str
    path: str
    ready: str = "sync"
    package: str = "toasts"
    most: int = 0

    @property
    def by_number(self) -> bool:
        """Whether streams are named by the connection's number, not by their user."""
        return "#" in self.path


BASELINES = "tests.bench.baselines"
TOASTS = Target("toasts", "tests.support.asgi", "tests.settings", "/toasts/stream/")
BARE = Target("bare ASGI app", f"{BASELINES}.bare", "tests.settings", "/stream/#")
EVENTSTREAM = Target(
    "django-eventstream",
    f"{BASELINES}.eventstream_site",
    f"{BASELINES}.eventstream_settings",
    "/stream/",
    ready="stream-open",
    package="django_eventstream",
)
CHANNELS = Target(
    "channels, in memory",
    f"{BASELINES}.channels_site",
    f"{BASELINES}.channels_settings",
    "/stream/",
    package="channels",
    most=1000,  # its layer looks through all channels at each receive
)


class Served(Site):
    """One target's processes, over a database that is migrated already."""

    def __init__(self, database_url: str, target: Target, **environment: str) -> None:
        if importlib.util.find_spec(target.package) is None:
            raise RuntimeError(f"{target.package} is missing; run: make bench")
        self.target = target
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
            ),
            "DJANGO_SETTINGS_MODULE": target.settings,
            "TEST_DATABASE_URL": database_url,
            **environment,
        }
        self.servers: list[Server] = []

    def serve(self, kind: str = "uvicorn", port: int | None = None) -> Server:
        application = f"{self.target.application}:application"
        COMMANDS[f"{kind} {application}"] = [*STARTERS[kind], application]
        return super().serve(f"{kind} {application}", port)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
