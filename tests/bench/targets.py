"""The applications that are measured: the product and its baselines, on each server."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass

from tests.support.servers import COMMANDS, ROOT, Server, Site

STARTERS = {
    # Without access logs, whose cost would count for the baselines.
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
        name: the name in the tables.
        application: the module of its ASGI application.
        settings: the module of its Django settings.
        path: the path of a stream. # stands for the connection's number.
        ready: the event that shows that a stream is open.
        package: the package that must be installed.
        most: the greatest number of streams, where more would take hours. 0: no limit.
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
        """Whether the number of the connection, and not the user, names a stream."""
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
    most=1000,  # its layer searches all channels on each receive
)


class Served(Site):
    """The processes of a target, over a migrated database."""

    def __init__(self, database_url: str, target: Target, **environment: str) -> None:
        if importlib.util.find_spec(target.package) is None:
            raise RuntimeError(f"{target.package} is missing; run: make bench")
        self.target = target
        chosen = {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "DJANGO_SETTINGS_MODULE": target.settings,
            "TEST_DATABASE_URL": database_url,
        }
        self._use(**{**chosen, **environment})

    def serve(self, kind: str = "uvicorn", port: int | None = None) -> Server:
        application = f"{self.target.application}:application"
        COMMANDS[f"{kind} {application}"] = [*STARTERS[kind], application]
        return super().serve(f"{kind} {application}", port)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
