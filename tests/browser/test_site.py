"""The site's pages in Chromium: with and without script, light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.conftest import FLAGS, HEADLESS, chromium_path
from tests.support.core_site import CoreSite, sqlite_url
from tests.support.servers import ROOT, Server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreSite]:
    site = CoreSite(sqlite_url(tmp_path_factory.mktemp("site")))
    yield site
    site.close()


@pytest.fixture(scope="module")
def server(site: CoreSite) -> Server:
    return site.serve()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    path = chromium_path(HEADLESS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def signed_in(chromium: Browser, server: Server, **options: Any) -> AsyncIterator[Page]:
    context = await chromium.new_context(base_url=server.url, **options)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto("/accounts/login/?next=/demo/toast/")
    await page.get_by_label("Username").fill("alice")
    await page.get_by_label("Password").fill("alice")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{server.url}/demo/toast/")
    yield page
    await context.close()
    assert complaints == []


async def test_the_form_is_sent_without_leaving_the_page_and_the_toasts_arrive(
    chromium: Browser, server: Server
) -> None:
    async with signed_in(chromium, server) as page:
        await page.evaluate("window.same = true")
        await page.get_by_label("Message").fill("from the <b>task</b>")
        await page.get_by_label("Seconds").fill("1")
        await page.get_by_role("button", name="Start the task").click()
        titles = page.locator("[data-toast-title]")
        await expect(titles.filter(has_text="Task started")).to_be_visible()
        messages = page.locator("[data-toast-message]")
        await expect(messages.filter(has_text="from the <b>task</b>")).to_be_visible()
        assert await page.evaluate("window.same")


async def test_errors_are_shown_at_their_fields_and_disappear_when_corrected(
    chromium: Browser, server: Server
) -> None:
    async with signed_in(chromium, server) as page:
        message, seconds = page.get_by_label("Message"), page.get_by_label("Seconds")
        await message.fill("  ")
        await page.get_by_role("button", name="Start the task").click()
        await expect(page.get_by_text("Write a message.")).to_be_visible()
        await expect(message).to_be_focused()
        await expect(message).to_have_accessible_description(re.compile("Write a message"))
        assert await message.get_attribute("aria-invalid") == "true"
        await message.fill("mended")
        await seconds.fill("0")
        await page.get_by_role("button", name="Start the task").click()
        await expect(page.get_by_text("Write a message.")).to_be_hidden()
        assert await message.get_attribute("aria-invalid") is None


async def test_without_script_the_form_works_as_a_plain_form(
    chromium: Browser, server: Server
) -> None:
    async with signed_in(chromium, server, java_script_enabled=False) as page:
        await page.get_by_label("Message").fill(" ")
        await page.get_by_role("button", name="Start the task").click()
        await expect(page.get_by_text("Write a message.")).to_be_visible()
        await page.get_by_label("Message").fill("plain")
        await page.get_by_label("Seconds").fill("0")
        await page.get_by_role("button", name="Start the task").click()
        await expect(page.get_by_text("Write a message.")).to_be_hidden()
        await page.get_by_role("button", name="Warning").click()
        await expect(page).to_have_url(f"{server.url}/demo/toast/")


async def test_a_user_who_was_signed_out_meanwhile_is_asked_to_sign_in(
    chromium: Browser, server: Server
) -> None:
    async with signed_in(chromium, server) as page:
        await page.context.clear_cookies(name="sessionid")
        await page.get_by_role("button", name="Success").click()
        await expect(page).to_have_url(f"{server.url}/accounts/login/?next=/demo/toast/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_a_narrow_phone(
    chromium: Browser, server: Server, scheme: Any
) -> None:
    narrow = {"width": 360, "height": 740}
    async with signed_in(chromium, server, color_scheme=scheme, viewport=narrow) as page:
        for path in ("/", "/demo/toast/", "/none/"):
            await page.goto(path)
            assert await page.evaluate("document.documentElement.scrollWidth") == 360, path
        await page.goto("/")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
        for path in ("/", "/accounts/login/"):
            await page.goto(path)
            assert await page.evaluate("document.documentElement.scrollWidth") == 360, path


def colours(scheme: str) -> dict[str, str]:
    css = (ROOT / "static/site/base.css").read_text()
    light, dark = (css.split("@media (prefers-color-scheme: dark)")[part] for part in (0, 1))
    named = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return named | (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else {}
    )


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_with_its_background(scheme: str) -> None:
    pairs = [
        (text, ground)
        for text in ("ink", "ink-soft", "link")
        for ground in ("paper", "band", "card")
    ]
    pairs += [(text, "front") for text in ("front-ink", "front-soft", "ink")]
    pairs += [(text, "code") for text in ("code-ink", "code-soft", "code-key", "code-text")]
    pairs += [("on-press", "press"), ("on-press", "press-over"), ("error", "card")]
    named = colours(scheme)
    for text, ground in pairs:
        dark, light = sorted((luminance(named[text]), luminance(named[ground])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
