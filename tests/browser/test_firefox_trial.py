import pytest, pytest_asyncio
from tests.browser.pages import Visitor
from tests.browser.test_delivery import *
from tests.browser.test_page import *
from tests.browser.test_outages import *
from tests.browser.test_sessions import *
from tests.browser.test_access import *
from tests.browser.test_policy import *
from tests.browser.test_inbox import *

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(firefox):
    visitor = Visitor(firefox)
    yield visitor
    await visitor.leave()
