"""The documentation agrees with the code: names, numbers, links, samples and typed commands."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest

import toasts
from toasts.conf import SETTINGS
from toasts.html import INBOX_TEXTS, snippet

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", DOCS / "architecture.md"]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
CODE_PATH = re.compile(r"`((?:toasts|core|example|tests|docs|requirements)/[\w./-]*)`")
MAKE_TARGET = re.compile(r"\bmake ([a-z-]+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
TIMEOUT = 60


def page(name: str) -> str:
    return (DOCS / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, without the indent of a list that contains them."""
    return [
        "".join(line.removeprefix(indent) for line in code.splitlines(keepends=True))
        for indent, named, code in FENCE.findall(text)
        if named == language
    ]


def table(text: str) -> dict[str, list[str]]:
    """Return the other cells of each table row whose first cell is code, by that code."""
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in rows}


def plain(text: str) -> str:
    """Return the text without the marks of code and links."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).replace("`", "")


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", path.read_text())
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {word.strip().replace(" ", "-") for word in words}


def test_the_reference_has_the_table_of_settings() -> None:
    rows = {
        name: cells
        for name, cells in table(page("reference/settings.md")).items()
        if name.startswith("TOASTS_")
    }
    documented = [
        (name, ast.literal_eval(default.strip("`")), unit, plain(about))
        for name, (default, unit, about) in rows.items()
    ]
    assert documented == [
        (setting.name, setting.default, setting.unit, setting.about) for setting in SETTINGS
    ]


def test_every_check_is_documented() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "toasts" / "checks").glob("*.py"))
    known = set(re.findall(r'id="(toasts\.[EW]\d{3})"', sources))
    assert known
    assert set(table(page("reference/checks.md"))) == known


def test_every_public_name_and_argument_is_documented() -> None:
    text = page("reference/python.md")
    assert [name for name in toasts.__all__ if name not in text] == []
    arguments = set(inspect.signature(toasts.create_toast).parameters)
    assert arguments <= set(table(text))


def test_every_custom_property_is_documented_with_its_default() -> None:
    css = (ROOT / "toasts" / "client" / "toasts" / "stack.css").read_text()
    root = css[css.index(":where(:root)") : css.index("}")]
    values = dict(re.findall(r"(--toasts-[a-z]+): (.+);", root))
    cells = re.findall(r"^\| (`--.+?) \| (.*?) \|", page("howto/style.md"), re.MULTILINE)
    documented = {name: value for names, value in cells for name in re.findall(r"`(\S+)`", names)}
    assert documented.keys() == values.keys()
    exact = {name: value.strip("`") for name, value in documented.items() if value.startswith("`")}
    assert exact == {name: values[name] for name in exact}


def test_every_attribute_of_the_script_tag_is_documented_with_what_is_written() -> None:
    text = page("reference/javascript.md")
    section = text[text.index("## The script tag") : text.index("## Keyboard")]
    rows = re.findall(r"^\| (`data-.+?) \| (.*?) \|", section, re.MULTILINE)
    documented = {
        name: value
        for names, values in rows
        for name, value in zip_longest(re.findall("`(.+?)`", names), re.findall("`(.+?)`", values))
    }
    written = re.findall(r' (data-[a-z-]+)(?:="(.*?)")?', snippet().partition("<script")[2])
    assert documented == {name: value or None for name, value in written}


def test_every_text_of_the_inbox_is_documented() -> None:
    section = page("howto/inbox.md").split("## Texts")[1].split("## Appearance")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    assert {text for row in rows for text in re.findall("`([^`]+)`", row)} == set(INBOX_TEXTS)


def test_the_version_is_one_everywhere() -> None:
    latest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert latest is not None
    assert latest[1] == toasts.__version__
    for name in ("package.json", "package-lock.json"):
        assert json.loads((ROOT / name).read_text())["version"] == toasts.__version__


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_link_is_broken(path: Path) -> None:
    for target in LINK.findall(FENCE.sub("", path.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        aim = (path.parent / name).resolve() if name else path
        assert aim.exists(), f"{target} is no file"
        assert not anchor or anchor in anchors(aim), f"{target} names no heading"


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_every_file_and_command_that_a_guide_names_exists(path: Path) -> None:
    text = path.read_text()
    assert [name for name in CODE_PATH.findall(text) if not (ROOT / name).exists()] == []
    code = "".join(re.findall(r"`[^`]+`|^```sh\n(?:.*\n)*?```", text, re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MAKE_TARGET.findall(code)) <= targets


def test_every_page_is_in_the_index() -> None:
    listed = {(DOCS / target).resolve() for target in LINK.findall(page("index.md"))}
    assert set(DOCS.rglob("*.md")) - {DOCS / "index.md"} <= listed


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_sample_can_be_parsed(path: Path) -> None:
    for code in blocks(path.read_text(), "python"):
        ast.parse(code)
    for code in blocks(path.read_text(), "json"):
        json.loads(code)


def run(command: list[str], folder: Path, typed: str = "", **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, input=typed, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_quickstart_ends_with_a_toast(tmp_path: Path) -> None:
    settings, urls, asgi, first, never, change = blocks(page("quickstart.md"), "python")
    django = [sys.executable, "-m", "django"]
    run([*django, "startproject", "mysite", str(tmp_path)], tmp_path)
    with (tmp_path / "mysite" / "settings.py").open("a") as file:
        file.write(settings)
    (tmp_path / "mysite" / "urls.py").write_text(urls)
    (tmp_path / "mysite" / "asgi.py").write_text(asgi)

    def manage(*words: str, typed: str = "") -> str:
        command = [sys.executable, "manage.py", *words]
        return run(
            command, tmp_path, typed, PYTHONPATH=str(ROOT), DJANGO_SETTINGS_MODULE="mysite.settings"
        )

    assert "no issues" in manage("check")
    manage("migrate")
    manage("createsuperuser", "--username", "alice", "--email", "", "--no-input")
    query = "\nimport json; print(json.dumps(list(alice.toasts.values_list('message', 'level'))))\n"
    # A reader types this line by line. Here the shell gets it as one text.
    prelude = "from django.contrib.auth.models import User\n"
    typed = prelude + first + never + change.replace("sleep(1)", "sleep(0)") + query
    printed = manage("shell", "--verbosity", "0", typed=typed)
    assert json.loads(printed.splitlines()[-1]) == [
        ["holiday.zip", "success"], ["Hello, alice.", "info"]
    ]  # fmt: skip
    assert "StreamApplication" in manage(
        "shell", "-c", "from mysite.asgi import application as a; print(a)"
    )


def test_the_second_command_of_the_readme_makes_a_toast(tmp_path: Path) -> None:
    shell = blocks((ROOT / "README.md").read_text(), "sh")
    (command,) = [shlex.split(code) for code in shell if "create_toast" in code]
    assert command[:2] == [".venv/bin/python", "manage.py"]
    site = {
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "SECRET_KEY": "only-for-this-test",
    }
    for words in (["migrate", "--verbosity", "0"], ["demo_users"]):
        run([sys.executable, "manage.py", *words], ROOT, DEBUG="1", **site)
    run([sys.executable, *command[1:]], ROOT, **site)
    query = "from toasts.models import Toast; print([t.user.username for t in Toast.objects.all()])"
    printed = run([sys.executable, "manage.py", "shell", "-c", query], ROOT, **site)
    assert printed.splitlines()[-1] == "['alice']"
