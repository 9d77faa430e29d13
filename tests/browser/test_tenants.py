"""Tenants that share one host, each in a folder: tabs of one browser, and what it remembers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.inbox import expect_count
from tests.browser.pages import Visitor, close_button, expand, expect_gone, expect_shown, tab
from tests.browser.tabs import browser_of, leader_of
from tests.conftest import until
from tests.support.postgres import PostgresServer
from tests.support.servers import Server
from tests.tenants.sites import TenantSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CREATE = "create_toast(%r, user(), duration=0).pk"
UNREAD = "Toast.objects.unread().count()"


@pytest.fixture
def folders(postgres: PostgresServer) -> Iterator[Server]:
    site = TenantSite(postgres.create("browser_folders"), "own", TENANT_FOLDER="1")
    yield site.serve("uvicorn")
    site.close()


async def test_tenants_on_one_host_share_nothing_in_the_browser(
    folders: Server, visitor: Visitor, election: str
) -> None:
    site = folders.site
    assert isinstance(site, TenantSite)
    context = await browser_of(visitor, folders, None, election)
    for tenant, cookies in site.sign_in("red", "blue").items():
        key, folder = cookies["sessionid"], f"/clients/{tenant}"
        await context.add_cookies(
            [{"name": "sessionid", "value": key, "domain": "127.0.0.1", "path": folder}]
        )
    red, blue = [await tab(context, f"/clients/{tenant}/page/") for tenant in ("red", "blue")]
    for page in (red, blue):
        await leader_of([page])

    pk = site.do("red", CREATE % "of red")
    assert site.do("blue", CREATE % "of blue") == pk
    await expect_shown(red, pk, "of red")
    await expect_shown(blue, pk, "of blue")

    await expand(red)
    await close_button(red, pk).click()
    await expect_gone(red, pk)
    await until(lambda: site.do("red", UNREAD) == 0)
    await expect_count(red, 0)
    await expect_count(blue, 1)
    await blue.reload()
    await expect_shown(blue, pk, "of blue")
    assert site.do("blue", UNREAD) == 1
