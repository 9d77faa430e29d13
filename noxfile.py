"""The versions that django-live-toasts supports: ``make matrix``.

A Python that this machine does not have is left out. One session alone::

    .venv/bin/nox -s "tests(python='3.13', django='6.1')"
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15"]
DJANGOS = ["5.2", "6.0", "6.1"]
SUPPORTED = [
    (python, django)
    for python in PYTHONS
    for django in DJANGOS
    if django == "5.2" or python != "3.11"
]
LOWEST = {
    "asgiref": "3.8.1",
    "daphne": "4.1.0",
    "django": "5.2.14",
    "djangorestframework": "3.16.0",
    "psycopg": "3.2.4",
    "psycopg-binary": "3.2.4",
    "redis": "5.0.8",
    "uvicorn": "0.30.0",
}
"""The lower bounds of pyproject.toml, and the oldest uvicorn that is supported."""
REQUIREMENTS = [f"requirements/{name}.txt" for name in ("site", "docs", "dev")]
LEFT_OUT = {"nox", "ruff", "uvicorn-worker"}
"""Of these: what no light test uses."""
BENCHMARKS = ["--ignore=tests/bench", "--ignore=tests/test_bench.py"]

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False
# pyenv's own commands start only the version that is switched on.
FOLDERS = [str(folder) for folder in sorted(Path.home().glob(".pyenv/versions/*/bin"))]
os.environ["PATH"] = os.pathsep.join([*FOLDERS, os.environ["PATH"]])
NEWEST = max(filter(lambda python: shutil.which(f"python{python}"), PYTHONS), key=PYTHONS.index)


@nox.session
@nox.parametrize("python,django", SUPPORTED)
def tests(session: nox.Session, django: str) -> None:
    """Run the light tests on both databases."""
    _test(session, {"django": f"{django}.*"})


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the light tests with the oldest Python and the oldest of each dependency."""
    _test(session, LOWEST)


@nox.session(python=NEWEST)
def newest(session: nox.Session) -> None:
    """Run the light tests with the newest Python and Django."""
    _test(session, {"django": f"{DJANGOS[-1]}.*"})


@nox.session(python=False)
def wide(session: nox.Session) -> None:
    """Run the combinations and sizes of which `make test` runs a representative."""
    session.run(".venv/bin/python", "-m", "tests", "wide", *session.posargs, external=True)


def _test(session: nox.Session, versions: dict[str, str]) -> None:
    session.install(*_pinned(versions))
    session.run("python", "-m", "tests", "matrix", *BENCHMARKS, *session.posargs)


def _pinned(versions: dict[str, str]) -> list[str]:
    """Return what the tests need, as requirements/ pin it except for these versions.

    Without the hashes: with them, pip takes none of the other versions.
    """
    lines = [line for path in REQUIREMENTS for line in Path(path).read_text().splitlines()]
    pins = {_name(line): line.rstrip("\\ ") for line in lines if "==" in line}
    chosen = {name: f"{name}=={version}" for name, version in versions.items()}
    return [line for name, line in {**pins, **chosen}.items() if name not in LEFT_OUT]


def _name(requirement: str) -> str:
    """Return the normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", requirement.partition("==")[0]).lower()
