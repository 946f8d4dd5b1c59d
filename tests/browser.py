"""A real browser, for the tests that look at a page: the room's and the form's."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
)


@asynccontextmanager
async def chromium_running() -> AsyncIterator[Browser]:
    """This machine's Chromium. Without one the test fails, and says how to get it."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("pages are tested in Chromium, which is not here; remedy: apt-get install chromium", pytrace=False)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()
