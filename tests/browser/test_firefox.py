"""The core of the browser tests once more, in stock Firefox: the same tests, another browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.host import Host
from tests.browser.pages import Visitor
from tests.browser.test_access import (  # noqa: F401
    test_a_key_leads_to_the_newest_toast_and_back,
    test_everything_has_a_role_and_a_name,
)
from tests.browser.test_delivery import (  # noqa: F401
    test_closed_in_one_tab_it_is_gone_in_the_other_and_read_in_the_database,
    test_title_actions_link_and_progress_are_shown,
    test_update_toast_changes_the_same_element,
)
from tests.browser.test_inbox import (  # noqa: F401
    test_a_copy_of_the_page_has_a_bell_of_its_own,
    test_a_page_from_the_back_forward_cache_starts_empty,
    test_every_tab_counts_what_is_unread_within_a_second,
    test_the_keyboard_opens_reads_and_comes_back,
    test_the_panel_is_in_a_window_of_320_pixels,
    test_what_hid_by_itself_is_found_again_and_read_there_for_all_tabs,
)
from tests.browser.test_outages import (  # noqa: F401
    test_told_to_stop_the_server_says_goodbye_and_the_page_comes_back,
)
from tests.browser.test_page import (  # noqa: F401
    test_back_from_another_page_the_stream_is_open_again,
    test_included_twice_it_boots_once,
    test_the_page_can_follow_and_close_its_toasts,
)
from tests.browser.test_policy import (  # noqa: F401
    test_a_strict_policy_has_nothing_to_object_to,
    test_a_strict_policy_has_nothing_to_object_to_in_the_bell_and_the_inbox,
)
from tests.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
ITS_OWN = ("The connection to http://", "Firefox can")
"""What Firefox's console says by itself of a page that is left and of a server that is down."""


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(firefox: Browser) -> AsyncIterator[Visitor]:
    visitor = Visitor(firefox)
    yield visitor
    print(visitor.console, visitor.errors)
    visitor.console = [text for text in visitor.console if not text.startswith(ITS_OWN)]
    await visitor.leave()


@pytest.fixture
def with_bfcache(firefox: Browser) -> Browser:
    return firefox  # which always has it


@pytest.fixture
def place(host: Host, server: Server) -> tuple[Host, Server]:
    return host, server
