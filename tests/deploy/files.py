"""The files of docs/deploy, with their example values replaced by those of this machine."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.servers import ROOT

DEPLOY = ROOT / "docs" / "deploy"
SERVICES = ("mysite-uvicorn@.service", "mysite-daphne@.service", "mysite-gunicorn.service")


@dataclass
class Values:
    """What stands in the files, by what takes its place. Nothing else of them is changed.

    docs/deploy/index.md tells the reader of the same values, see test_files.py.
    """

    replaced: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """The text of a file of docs/deploy."""
        return self.apply((DEPLOY / name).read_text())

    def apply(self, text: str) -> str:
        # The longest first: /srv/mysite/.venv/bin before /srv/mysite. No digit goes on: 80 in 8001.
        names = sorted(self.replaced, key=len, reverse=True)
        pattern = "|".join(rf"{re.escape(name)}(?!\d)" for name in names)
        return re.sub(pattern, lambda found: self.replaced[found[0]], text)


@dataclass(frozen=True)
class Command:
    """What a service manager would start."""

    arguments: list[str]
    folder: str
    environment_file: str


def service(text: str, instance: str = "") -> Command:
    """The command of a systemd unit; %i is `instance`."""
    lines = text.replace("\\\n", " ").replace("%i", instance).splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]\w+=", line))
    return Command(
        shlex.split(settings["ExecStart"]),
        settings["WorkingDirectory"],
        settings["EnvironmentFile"],
    )


def environment(text: str) -> dict[str, str]:
    """The variables of an EnvironmentFile without quotes."""
    return dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))


def programs() -> dict[str, str]:
    """Where the files look for the site and its programs, and where they are here."""
    return {
        "/srv/mysite": str(ROOT),
        "/srv/mysite/.venv/bin": str(Path(sys.executable).parent),
    }
