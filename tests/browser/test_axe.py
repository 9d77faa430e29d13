"""axe-core finds no violations: all rules, in every state, in every colour scheme."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.host import Host, Person
from tests.browser.pages import Visitor, expect_gone, expect_shown, region, toast
from tests.support.servers import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SCHEMES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}
# Rules that are off by default (experimental, AAA) are on as well.
RUN = """async () => {
  const on = ({ ruleId }) => [ruleId, { enabled: true }];
  const rules = Object.fromEntries(axe.getRules().map(on));
  const { violations, passes } = await axe.run(document, { rules });
  const found = violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]);
  return [found, passes.length];
}"""
STILL = "document.getAnimations().every(({ playState }) => playState !== 'running')"


async def violations(page: Page) -> list[Any]:
    await page.wait_for_function(STILL)
    found, passed = await page.evaluate(RUN)
    assert passed > 20  # the rules were run
    return list(found)


async def a_page(host: Host, server: Server, visitor: Visitor, scheme: str) -> tuple[Page, Person]:
    alice = host.person()
    options: dict[str, Any] = SCHEMES[scheme]
    page = await visitor.open(server, alice, "/bell/", reduced_motion="reduce", **options)
    # The background of the page, which axe assumes to be white.
    await page.add_style_tag(content="html { background: Canvas; color: CanvasText; }")
    await page.evaluate(AXE.read_text())
    assert await violations(page) == []
    return page, alice


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_no_violations_in_toasts(
    host: Host, server: Server, visitor: Visitor, scheme: str
) -> None:
    page, alice = await a_page(host, server, visitor, scheme)
    for level in ("info", "success", "warning", "error"):
        pk = host.toast(alice, "It is ready.", title=level, level=level, url="/form/", duration=0)
        await expect_shown(page, pk, "It is ready.")
        assert await violations(page) == []
        host.call("dismiss", pk)
        await expect_gone(page, pk)
    actions = [
        {"name": "open", "label": "Open", "url": "/form/"},
        {"name": "undo", "label": "Undo", "url": ""},
    ]
    with_action = host.toast(alice, "It is ready.", actions=actions, progress=40)
    await expect_shown(page, with_action, "It is ready.")
    assert await violations(page) == []


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_no_violations_in_a_stack(
    host: Host, server: Server, visitor: Visitor, scheme: str
) -> None:
    page, alice = await a_page(host, server, visitor, scheme)
    for number in range(6):
        pk = host.toast(alice, f"Number {number}", title="Title" * (number % 2), duration=0)
    await expect_shown(page, pk, "Number 5")
    assert await violations(page) == []
    await page.keyboard.press("F6")  # moves the focus into the stack, which expands
    await expect(toast(page, pk)).to_be_focused()
    assert await violations(page) == []
    await region(page).get_by_role("button", name="more").click()
    assert await violations(page) == []


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_no_violations_in_the_inbox(
    host: Host, server: Server, visitor: Visitor, scheme: str
) -> None:
    page, alice = await a_page(host, server, visitor, scheme)
    panel = page.get_by_role("region", name="Inbox")
    await page.locator("toast-bell > button").click()
    await expect(panel.get_by_role("status")).to_have_text("Nothing here yet.")
    assert await violations(page) == []
    for level in ("info", "success", "warning", "error"):
        pk = host.toast(alice, "It is ready.", title=level, level=level, url="/form/", duration=0)
    await expect(panel.get_by_role("listitem")).to_have_count(4)
    assert await violations(page) == []
    host.call("dismiss", pk)
    await expect(panel.locator('[data-read="true"]')).to_have_count(1)
    assert await violations(page) == []
