"""Several server processes on one database: all tabs agree, whichever process they use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import until
from tests.servers.test_chaos import open_pages
from tests.support.balancer import balancer
from tests.support.open_pages import Page
from tests.support.postgres import PostgresServer
from tests.support.servers import Site

pytestmark = pytest.mark.servers
TABS = 8


@pytest.fixture
def site(postgres: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    site = Site(postgres.create(f"several_{tmp_path.name}"))
    yield site
    site.close()


async def _agree(pages: list[Page], shown: set[str], seconds: float = 1.0) -> None:
    def all_show() -> bool:
        return all({t["message"] for t in page.toasts.values()} == shown for page in pages)

    await until(all_show, seconds)


async def test_tabs_on_four_processes_show_the_same_within_a_second(site: Site) -> None:
    names = ["alice", "bob"]
    ids, cookies = site.users(*names), site.sessions(*names)
    kinds = ["uvicorn", "daphne", "uvicorn", "daphne"]
    servers = [site.serve(kind) for kind in kinds]
    async with balancer([server.port for server in servers]) as port:
        hers = [Page(port, cookies["alice"]["sessionid"]) for _ in range(TABS)]
        his = Page(port, cookies["bob"]["sessionid"])
        async with open_pages([*hers, his]):
            made = await _elsewhere(site, "create_toast('one', user).pk", ids["alice"])
            await _agree(hers, {"one"})
            await _dismiss(servers[0].url, cookies["alice"], made)
            await _agree(hers, set())
            await _elsewhere(site, "create_toasts('all', [user])", ids["alice"])
            await _agree(hers, {"all"})
            servers[1].kill()
            await _elsewhere(site, "create_toast('after', user).pk", ids["alice"])
            await _agree(hers, {"all", "after"}, 10)
            assert not his.toasts
            assert {count for page in hers for count in page.shown.values()} == {1}


async def _elsewhere(site: Site, code: str, user_id: int) -> Any:
    """Run this in another process, and return as soon as it has committed."""
    script = (
        "import json, sys\nfrom toasts import create_toast, create_toasts\n"
        "user = int(sys.argv[1])\n"
        f"print(json.dumps({code}))"
    )
    return await asyncio.to_thread(site.run, script, str(user_id))


async def _dismiss(url: str, cookies: dict[str, str], toast_id: int) -> None:
    async with httpx.AsyncClient(base_url=url, cookies=cookies) as client:
        token = (await client.get("/toasts/poll/?csrf=1")).headers["X-CSRFToken"]
        answer = await client.post(
            f"/toasts/api/toasts/{toast_id}/read/",
            headers={"X-CSRFToken": token, "Referer": url},
        )
        assert answer.status_code == 200, answer.text
