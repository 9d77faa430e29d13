"""The most important browser tests again, in stock Firefox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    close_button,
    expect_connection,
    expect_gone,
    expect_shown,
    soon,
    tab,
)
from tests.browser.test_access import (  # noqa: F401
    test_everything_has_a_role_and_a_name,
)
from tests.browser.test_bell import (  # noqa: F401
    test_a_copy_of_the_page_has_its_own_bell,
    test_every_tab_updates_the_unread_count_within_a_second,
    test_the_inbox_can_be_opened_read_and_closed_by_keyboard,
    test_the_panel_fits_a_window_of_320_pixels,
)
from tests.browser.test_delivery import (  # noqa: F401
    test_title_actions_link_and_progress_are_shown,
    test_update_toast_changes_the_same_element,
)
from tests.browser.test_inbox import (  # noqa: F401
    test_a_toast_whose_time_is_over_can_be_read_in_the_inbox_for_all_tabs,
)
from tests.browser.test_keyboard import (  # noqa: F401
    test_a_key_moves_the_focus_to_the_newest_toast_and_back,
)
from tests.browser.test_outages import (  # noqa: F401
    test_the_page_reconnects_after_a_server_stopped,
)
from tests.browser.test_page import (  # noqa: F401
    test_a_client_that_is_included_twice_starts_once,
    test_the_page_can_follow_and_close_its_toasts,
)
from tests.browser.test_policy import (  # noqa: F401
    test_the_bell_and_the_inbox_do_not_violate_a_strict_policy,
    test_toasts_do_not_violate_a_strict_policy,
)
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
ITS_OWN = re.compile("The connection to http://|Firefox can.t establish|favicon.ico|injection sink")
"""Firefox's own messages: a page was left, a server is down, a policy was enforced on purpose."""


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(firefox: Browser) -> AsyncIterator[Visitor]:
    visitor = Visitor(firefox)
    yield visitor
    for messages in (visitor.console, visitor.errors):
        messages[:] = [text for text in messages if not ITS_OWN.search(text)]
    await visitor.leave()


async def test_a_toast_closed_in_one_tab_is_removed_from_the_other(
    host: Host, server: Server, visitor: Visitor
) -> None:
    """Only one tab is in front. The other receives the dismissal, and shows it once in front.

    Until then it draws no frames, which Playwright would wait for between two checks.
    """
    alice = host.person()
    first = await visitor.open(server, alice)
    second = await tab(first.context)
    one, two = (host.toast(alice, text, duration=0) for text in ("one", "two"))
    await expect_shown(second, two, "two")
    await first.wait_for_function("toasts.list().length === 2", polling=50)
    await close_button(second, two).click()
    await expect_gone(second, two)
    await first.wait_for_function("toasts.list().length === 1", polling=50)
    await first.bring_to_front()
    await expect_shown(first, one, "one")
    await expect_gone(first, two)
    await soon(lambda: host.is_read(two))


async def test_toasts_and_bell_are_shown_after_going_back(
    host: Host, server: Server, visitor: Visitor
) -> None:
    """Firefox keeps no page with a stream in its cache, so the page loads again."""
    alice = host.person()
    page = await visitor.open(server, alice, "/bell/")
    pk = host.toast(alice, "stays", duration=0)
    await expect_shown(page, pk, "stays")
    await page.get_by_role("link", name="Another page").click()
    await expect(page).to_have_url(f"{server.url}/form/")
    await expect_shown(page, pk, "stays")
    await page.go_back(wait_until="commit")
    await expect(page).to_have_url(f"{server.url}/bell/")
    await expect_connection(page, "connected")
    await expect_shown(page, pk, "stays")
    await expect(page.locator("toast-bell > button")).to_have_attribute("data-count", "1")
    after = host.toast(alice, "after", duration=0)
    await expect_shown(page, after, "after")
    await expect(page.locator("toast-bell > button")).to_have_attribute("data-count", "2")
