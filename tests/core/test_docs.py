"""The files of docs/ as pages of the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.core_site import CoreSite, sqlite_url
from tests.support.servers import ROOT, Server

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    site = CoreSite(sqlite_url(tmp_path_factory.mktemp("docs")))
    yield site.serve()
    site.close()


def test_every_file_is_a_page_and_every_link_leads_somewhere(server: Server) -> None:
    met, todo = set(), ["/docs/index.md"]
    while todo:
        address = todo.pop()
        answer = httpx.get(f"{server.url}{address}")
        assert answer.status_code == 200, address
        met.add(address)
        if not address.endswith(".md"):
            continue
        article = answer.text.split('<article class="wrap docs">')[1].split("</article>")[0]
        for target in map(unescape, re.findall(r'(?:href|src)="([^"]+)"', article)):
            if re.match("[a-z]+:", target):
                continue
            path, _, anchor = urljoin(address, target).partition("#")
            if path not in met and path not in todo:
                todo.append(path)
            if path == address and anchor:
                assert f'id="{anchor}"' in answer.text, target
    files = {f"/docs/{path.relative_to(ROOT / 'docs')}" for path in ROOT.glob("docs/**/*.md")}
    assert files <= met


def test_a_page_has_its_title_its_tables_and_its_code(server: Server) -> None:
    text = httpx.get(f"{server.url}/docs/reference/settings.md").text
    assert "<title>Settings · Live Toasts</title>" in text
    assert "<td><code>TOASTS_BROKER</code></td>" in text
    assert '<h2 id="brokers">Brokers</h2>' in text


@pytest.mark.parametrize(
    "path", ["none.md", "howto", "../README.md", "%2e%2e/manage.py", "a%00.md"]
)
def test_what_is_no_page_of_docs_is_not_found(server: Server, path: str) -> None:
    # httpx would tidy the dots away.
    answer = httpx.get(f"{server.url}/docs/{path.replace('../', '%2e%2e%2f')}")
    assert answer.status_code == 404


def test_the_address_without_a_name_leads_to_the_index(server: Server) -> None:
    answer = httpx.get(f"{server.url}/docs/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs/index.md")
