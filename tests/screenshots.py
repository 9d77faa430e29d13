"""The pictures of README and docs/, taken from the real site: ``make screenshots``."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.conftest import FLAGS, chromium_path
from tests.browser.pages import expand, expect_connection, region
from tests.support.core_site import CoreSite, sqlite_url
from tests.support.servers import ROOT, Server

IMAGES = ROOT / "docs" / "images"
WINDOW: Any = {"width": 1280, "height": 760}
PHONE: Any = {"width": 390, "height": 780}
LEVELS = """
import sys
from django.contrib.auth.models import User
from toasts import create_toast
from toasts.models import Toast
user = User.objects.get(username=sys.argv[1])
Toast.objects.all().delete()
create_toast("Maintenance tonight from 22:00 to 22:15 UTC.", user, duration=0)
create_toast("You have used 90% of your storage.", user, level="warning", duration=0)
create_toast("The payment was refused.", user, title="Not paid", level="error", actions=[
    {"name": "retry", "label": "Try again", "url": "/demo/toast/"},
    {"name": "later", "label": "Later", "url": ""}])
create_toast("Your changes are saved.", user, level="success", duration=0)
"""
PROGRESS = """
import sys
from django.contrib.auth.models import User
from toasts import create_toast
user = User.objects.get(username=sys.argv[1])
create_toast("holiday.zip", user, title="Uploading", progress=64, duration=0)
"""
# Before the deferred script reads it.
FOUR = """
document.addEventListener("readystatechange", () => {
  const script = document.querySelector("script[data-toasts]");
  if (script) script.dataset.limit = 4;
}, { once: true });
"""
STILL = "document.getAnimations().every(({ playState }) => playState !== 'running')"


async def open_demo(browser: Browser, server: Server, **options: Any) -> Page:
    """The demo, signed in as alice."""
    context = await browser.new_context(base_url=server.url, **options)
    page = await context.new_page()
    await page.goto("/accounts/login/?next=/demo/toast/")
    await page.get_by_label("Username").fill("alice")
    await page.get_by_label("Password").fill("alice")
    await page.get_by_role("button", name="Sign in").click()
    await expect_connection(page, "connected")
    return page


async def shoot(page: Page, name: str, width: int | None = None, height: int | None = None) -> None:
    """The whole window, or its lower right corner."""
    await page.wait_for_function(STILL)
    size = page.viewport_size or WINDOW
    width, height = width or size["width"], height or size["height"]
    x, y = size["width"] - width, size["height"] - height
    clip: Any = {"x": x, "y": y, "width": width, "height": height}
    path = IMAGES / f"{name}.png"
    await page.screenshot(path=path, clip=clip)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


async def toasts(browser: Browser, site: CoreSite, server: Server, scheme: Any, end: str) -> None:
    page = await open_demo(browser, server, color_scheme=scheme, viewport=WINDOW)
    site.run(LEVELS, "alice")
    await expect(region(page)).to_contain_text("changes are saved")
    await shoot(page, f"stack{end}", 440, 300)
    await page.add_init_script(FOUR)
    await page.reload()
    await expect(region(page)).to_contain_text("changes are saved")
    await expand(page)
    await shoot(page, f"levels{end}", 440, 540)
    site.run(PROGRESS, "alice")
    await expect(region(page)).to_contain_text("holiday.zip")
    await page.mouse.move(0, 0)
    await page.locator("toast-bell > button").click()
    await expect(page.locator("toast-bell").get_by_role("listitem")).to_have_count(5)
    await shoot(page, f"inbox{end}")
    await page.context.close()


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        site = CoreSite(sqlite_url(Path(folder)))
        try:
            server = site.serve()
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=chromium_path(), args=FLAGS
                )
                await toasts(browser, site, server, "light", "")
                await toasts(browser, site, server, "dark", "-dark")
                page = await open_demo(browser, server, viewport=PHONE, has_touch=True)
                site.run(LEVELS, "alice")
                await expect(region(page)).to_contain_text("changes are saved")
                await shoot(page, "phone")
                await browser.close()
        finally:
            site.close()


if __name__ == "__main__":
    asyncio.run(main())
