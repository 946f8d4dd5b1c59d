"""Puts the parts of the room together: who may enter, what people see, what programs ask, what changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from bus.vocabulary import Audience
from consumers.alerts.rules import AlertRules
from consumers.fold import Fold
from consumers.report.archive import Archive
from consumers.room.access import Access, who_asks
from consumers.room.accounts import Accounts
from consumers.room.acting import Acting
from consumers.room.desk import Desk
from consumers.room.door import Door
from consumers.room.filing import Filing
from consumers.room.live import Changes, Live
from consumers.room.page import Page
from consumers.room.pages import Pages
from consumers.room.past import Past
from consumers.room.pictures import Pictures
from consumers.room.rest import Rest
from consumers.room.sights import Sights
from consumers.room.source import Source
from consumers.room.waking import Waking

ACCOUNTS = "room.sqlite"
"""The file of the accounts, in the hub's directory."""


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """How the room of a hub is run."""

    accounts: Path | None = None
    """The file of the accounts. None: `room.sqlite` in the hub's directory."""
    is_open: bool = False
    """Whoever sits at this machine may read without an account: for a demo or a developer."""
    acting: Acting | None = None
    """As whom staff act. None: the room is for reading."""
    reports: Path | None = None
    """Where situation reports are kept. None: none are made in the room."""


class Room:
    """The room of one hub."""

    def __init__(
        self, source: Source, accounts: Accounts, settings: RoomSettings, alerts: AlertRules | None = None
    ) -> None:
        """`alerts`: whom the hub wakes for what; None: nobody."""
        self._live = Live(source)
        self._past = Past(source)
        self._accounts = accounts
        self._is_open = settings.is_open
        page = Page()
        pictures = Pictures(source, self._live, self._past)
        reports = settings.reports
        filing = None if reports is None else Filing(pictures, page, Archive(reports), source.realm)
        acting_as = None if settings.acting is None else settings.acting.actor
        filed = None if filing is None else filing.filed
        self._sights = sights = Sights(source, accounts, pictures, acting_as, filed, alerts)
        self._parts: Sequence[Filing | Waking | Pages | Desk | Door | Rest] = (
            *([] if filing is None else [filing]),
            *([] if alerts is None else [Waking(alerts, page, source.realm)]),
            Pages(sights, page),
            Desk(source, sights, page, settings.acting),
            Door(accounts, page),
            Rest(source, pictures, self._live, self._still_known),
        )

    @property
    def routes(self) -> list[BaseRoute]:
        return [route for part in self._parts for route in part.routes]

    def guarding(self, application: ASGIApp) -> Access:
        """The application, for those alone who may enter."""
        return Access(application, self._accounts, is_open=self._is_open)

    def hear(self, fold: Fold, changes: Changes) -> None:
        """Of a batch that the hub has computed."""
        self._live.take(fold, changes)

    def mark(self, audience: Audience) -> str:
        """Names the last event that an audience was told."""
        return self._live.mark(audience)

    @property
    def listeners(self) -> int:
        """Who hears of every change."""
        return self._live.listeners

    async def run(self) -> None:
        """Tell what changes, until cancelled."""
        try:
            await self._live.run()
        finally:
            await self._sights.close()
            await self._past.close()

    def end(self) -> None:
        """Let all go who listen."""
        self._live.end()

    def _still_known(self, request: Request) -> bool:
        visitor = who_asks(request, self._accounts, is_open=self._is_open)
        return visitor is not None and visitor == request.state.visitor
