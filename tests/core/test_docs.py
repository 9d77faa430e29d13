"""The documentation: Sphinx builds it, and the site serves it, built or not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urljoin

import httpx
import pytest

from core.docs import CONTENT_TYPES
from tests.support.core_site import CoreSite, sqlite_url
from tests.support.servers import ROOT, Server

PAGES = sorted(path.relative_to(ROOT / "docs") for path in ROOT.glob("docs/**/*.md"))
TARGET = re.compile(r'(?:href|src)="([^"]+)"')
BUILT_FILES = {
    "index.html": "<!doctype html><title>Built</title><body>built index</body>",
    "howto/send.html": "<!doctype html><title>Built</title><body>built page</body>",
    "_static/style.css": "body {}",
    "_static/search.js": "search()",
    "_static/search.js.map": "{}",
    "_static/sign.svg": "<svg/>",
    "_images/stack.png": "PNG",
    "objects.inv": "inventory",
    "_downloads/nginx.conf": "server {}",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The site, without built documentation."""
    nothing = tmp_path_factory.mktemp("not-built")
    site = CoreSite(sqlite_url(tmp_path_factory.mktemp("docs")), DOCS_ROOT=str(nothing))
    yield site.serve()
    site.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The site, with a built index, one built page and a file of each type."""
    folder = tmp_path_factory.mktemp("built")
    for name, text in BUILT_FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    site = CoreSite(sqlite_url(tmp_path_factory.mktemp("docs")), DOCS_ROOT=str(folder))
    yield site.serve()
    site.close()


def test_sphinx_builds_every_page_without_a_warning(tmp_path: Path) -> None:
    # One test, since the build takes seconds.
    output = tmp_path / "html"
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*build, "-d", str(tmp_path / "doctrees"), "docs", str(output)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    index = (output / "index.html").read_text()
    for page in PAGES:
        assert f'href="{page.with_suffix(".html").as_posix()}"' in index or page.stem == "index"
    assert "copybutton.js" in index
    assert '"reference/settings"' in (output / "searchindex.js").read_text()
    for path in output.rglob("*.html"):
        assert missing_targets(path) == [], path
    suffixes = {path.suffix for path in (output / "_static").rglob("*.*")}
    assert suffixes <= {*CONTENT_TYPES, ".txt"}


def missing_targets(page: Path) -> list[str]:
    """Return the page's relative links that lead to no file, or to no element of that file."""
    text = page.read_text()
    return [
        target
        for target in map(unescape, TARGET.findall(text))
        if not re.match("[a-z]+:|//", target) and not _leads_somewhere(page, target)
    ]


def _leads_somewhere(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (page.parent / unquote(name.partition("?")[0])) if name else page
    return path.is_file() and (not anchor or f'id="{anchor}"' in path.read_text())


@pytest.mark.servers
def test_every_file_is_a_page_and_every_link_leads_somewhere(server: Server) -> None:
    seen, todo = set(), ["/docs/index.md"]
    while todo:
        address = todo.pop()
        answer = httpx.get(f"{server.url}{address}")
        assert answer.status_code == 200, address
        seen.add(address)
        if not address.endswith(".md"):
            continue
        article = answer.text.split('<article class="wrap docs">')[1].split("</article>")[0]
        for target in map(unescape, TARGET.findall(article)):
            if re.match("[a-z]+:", target):
                continue
            path, _, anchor = urljoin(address, target).partition("#")
            if path not in seen and path not in todo:
                todo.append(path)
            if path == address and anchor:
                assert f'id="{anchor}"' in answer.text, target
    assert {f"/docs/{page.as_posix()}" for page in PAGES} <= seen


@pytest.mark.servers
def test_a_page_has_its_title_its_tables_and_its_code(server: Server) -> None:
    text = httpx.get(f"{server.url}/docs/reference/settings.md").text
    assert "<title>Settings · Live Toasts</title>" in text
    assert "<td><code>TOASTS_BROKER</code></td>" in text
    assert '<h2 id="brokers">Brokers</h2>' in text


@pytest.mark.servers
def test_the_address_of_a_built_page_leads_to_the_rendered_one_meanwhile(server: Server) -> None:
    text = httpx.get(f"{server.url}/docs/reference/settings.html").text
    assert "<title>Settings · Live Toasts</title>" in text


@pytest.mark.servers
@pytest.mark.parametrize("address", ["howto/send.md", "howto/send.html"])
def test_a_built_page_is_served_at_both_of_its_addresses(built: Server, address: str) -> None:
    answer = httpx.get(f"{built.url}/docs/{address}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "built page" in answer.text


@pytest.mark.servers
def test_a_page_that_is_not_built_yet_is_rendered(built: Server) -> None:
    text = httpx.get(f"{built.url}/docs/reference/settings.md").text
    assert "<title>Settings · Live Toasts</title>" in text


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("_static/style.css", "text/css; charset=utf-8"),
        ("_static/search.js", "text/javascript; charset=utf-8"),
        ("_static/search.js.map", "application/json"),
        ("_static/sign.svg", "image/svg+xml"),
        ("_images/stack.png", "image/png"),
        ("objects.inv", "application/octet-stream"),
        ("_downloads/nginx.conf", "text/plain; charset=utf-8"),
        ("deploy/nginx/nginx.conf", "text/plain; charset=utf-8"),
        ("images/stack.png", "image/png"),
    ],
)
def test_a_file_has_its_content_type(built: Server, name: str, content_type: str) -> None:
    answer = httpx.get(f"{built.url}/docs/{name}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert name not in BUILT_FILES or answer.text == BUILT_FILES[name]


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["server", "built"])
@pytest.mark.parametrize(
    "path", ["none.md", "none.html", "howto", "../README.md", "%2e%2e/manage.py", "a%00.md"]
)
def test_a_path_that_is_not_in_docs_is_not_found(
    request: pytest.FixtureRequest, kind: str, path: str
) -> None:
    # httpx would remove the dots.
    url = request.getfixturevalue(kind).url
    answer = httpx.get(f"{url}/docs/{path.replace('../', '%2e%2e%2f')}")
    assert answer.status_code == 404


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["server", "built"])
def test_the_address_without_a_name_leads_to_the_index(
    request: pytest.FixtureRequest, kind: str
) -> None:
    answer = httpx.get(f"{request.getfixturevalue(kind).url}/docs/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs/index.md")
