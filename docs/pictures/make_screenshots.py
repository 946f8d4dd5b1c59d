"""Makes the pictures of the guides: the room as a browser shows it, in the made-up storm at its worst.

The pages and the merge are the real ones, at a fixed instant and without a bus, so that the pictures change only when
the room does. Run by `make pictures`; needs Chromium (`apt-get install chromium`).
"""

from __future__ import annotations

import shutil
import struct
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bus.vocabulary import MessageStatus
from consumers.room.page import Page
from consumers.room.sight import Wish
from tests.browser import CHROMIUM_ARGUMENTS
from tests.room.sights import OFFICER, storm_sight

HERE = Path(__file__).parent
DESK, PHONE = (1440, 900), (390, 844)
PICTURES: dict[str, tuple[MessageStatus, str, tuple[int, int], dict[str, Any]]] = {
    "room-desk": (MessageStatus.ACTUAL, "/?lang=sv", DESK, {}),
    "room-exercise": (MessageStatus.EXERCISE, "/?lang=sv", DESK, {"color_scheme": "dark"}),
    "room-measures": (MessageStatus.ACTUAL, "/?lang=sv&tab=measures", DESK, {}),
    "room-phone": (MessageStatus.ACTUAL, "/?lang=sv", PHONE, {}),
}
"""By name: real or exercise, the address, the size in pixels, and what the browser is told to prefer."""


def room(status: MessageStatus) -> Starlette:
    """The storm's room, for reading."""
    page = Page()

    async def whole(request: Request) -> Response:
        wish = Wish.of(dict(request.query_params))
        html = page.whole(storm_sight(wish, status), OFFICER, wish)
        return HTMLResponse(html.replace("data-stream=", "data-no-stream="))  # nothing is told live here

    async def file(request: Request) -> Response:
        return page.static.answer(request)

    return Starlette(routes=[Route("/", whole), Route("/static/{mark}/{name:path}", file)])


@contextmanager
def serving(application: Starlette) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def packed(png: bytes) -> bytes:
    """The same picture in fewer bytes: its data compressed with more patience, and nothing but what is needed."""
    chunks: dict[bytes, bytes] = {}
    place = 8
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        chunks[kind] = chunks.get(kind, b"") + png[place + 8 : place + 8 + length]
        place += length + 12
    chunks[b"IDAT"] = zlib.compress(zlib.decompress(chunks[b"IDAT"]), 9)
    told = (
        struct.pack(">I", len(chunks[kind])) + kind + chunks[kind] + struct.pack(">I", zlib.crc32(kind + chunks[kind]))
        for kind in (b"IHDR", b"IDAT", b"IEND")
    )
    return png[:8] + b"".join(told)


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not here; remedy: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        for name, (status, path, (width, height), options) in PICTURES.items():
            with serving(room(status)) as address:
                context = browser.new_context(viewport={"width": width, "height": height}, locale="sv-SE", **options)
                page = context.new_page()
                page.goto(address + path)
                page.locator(".header").wait_for()
                (HERE / f"{name}.png").write_bytes(packed(page.screenshot()))
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
