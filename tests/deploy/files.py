"""The files of docs/deploy, with their example values replaced by values of this machine."""

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
    """Replacements for the example values in the files, new text by old text.

    docs/deploy/index.md asks the reader to replace the same values. See test_files.py.
    """

    replaced: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """Return the text of a file of docs/deploy, with its values replaced."""
        return self.apply((DEPLOY / name).read_text())

    def apply(self, text: str) -> str:
        # Longer names come first: /srv/mysite/.venv/bin before /srv/mysite. A name that a digit
        # follows does not match: 80 in 8001.
        names = sorted(self.replaced, key=len, reverse=True)
        pattern = "|".join(rf"{re.escape(name)}(?!\d)" for name in names)
        return re.sub(pattern, lambda found: self.replaced[found[0]], text)


@dataclass(frozen=True)
class Command:
    """A command that a service manager would run."""

    arguments: list[str]
    folder: str
    environment_file: str


def service(text: str, instance: str = "") -> Command:
    """Return the command of a systemd unit. `instance` replaces %i."""
    lines = text.replace("\\\n", " ").replace("%i", instance).splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]\w+=", line))
    return Command(
        shlex.split(settings["ExecStart"]),
        settings["WorkingDirectory"],
        settings["EnvironmentFile"],
    )


def environment(text: str) -> dict[str, str]:
    """Return the variables of an EnvironmentFile that has no quotes."""
    return dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))


def programs() -> dict[str, str]:
    """Return the paths of the site and its programs on this machine, by their example paths."""
    return {
        "/srv/mysite": str(ROOT),
        "/srv/mysite/.venv/bin": str(Path(sys.executable).parent),
    }
