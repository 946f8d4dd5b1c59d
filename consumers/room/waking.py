"""Whom this hub wakes for what, and trying whether it arrives: a test alert at the press of a button."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from bus.errors import AlertFailed
from bus.topics import Realm
from consumers.alerts.rules import AlertRules, Channel
from consumers.alerts.schedule import trial
from consumers.alerts.sending import send
from consumers.alerts.wording import worded
from consumers.room.asked import visitor_of, wish_of
from consumers.room.forms import BadForm, signed_form
from consumers.room.page import Page
from consumers.room.said import Said, said
from consumers.room.sight import RoomRole, Wish

log = structlog.get_logger(__name__)


class Waking:
    """The address `/alerts/test`."""

    def __init__(self, rules: AlertRules, page: Page, realm: Realm) -> None:
        self._rules = rules
        self._page = page
        self._realm = realm
        self._turn = asyncio.Lock()

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route("/alerts/test", self._test, methods=["POST"])]

    async def _test(self, request: Request) -> Response:
        """Send a test through every channel, and say which took it."""
        wish, visitor = wish_of(request), visitor_of(request)
        try:
            await signed_form(request, visitor)
        except BadForm as error:
            return self._problem(error.status, Said.STALE_FORM, wish)
        if visitor.role is not RoomRole.ADMINISTRATOR:
            return self._problem(HTTPStatus.FORBIDDEN, Said.NOT_ADMINISTRATOR, wish)
        async with self._turn:
            told = await asyncio.gather(*map(self._try, self._rules.channels))
        tried = {channel.name: reason for channel, reason in zip(self._rules.channels, told, strict=True)}
        log.info("alerts_tried", account=visitor.name, failed=[name for name, reason in tried.items() if reason])
        return HTMLResponse(self._page.tried(tried, wish), headers={"cache-control": "no-store"})

    async def _try(self, channel: Channel) -> str:
        """Why the channel did not take it; empty where it did."""
        now = datetime.now(UTC)
        try:
            await send(worded(trial(channel, now), self._realm, now, self._rules.link), channel, now)
        except AlertFailed as error:
            return str(error)
        return ""

    def _problem(self, status: HTTPStatus, occasion: Said, wish: Wish) -> Response:
        return HTMLResponse(self._page.problem(status, said(occasion, wish.language), wish), status)
