"""Where staff act: first shown what will be sent, then the receipt of what was."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from bus.errors import BusError, BusUnavailable, InvalidInput
from bus.instants import from_millis, to_millis
from bus.messages import Message
from bus.ndjson import read_line, write_line
from bus.transport.port import Position
from consumers.room.acting import Acting
from consumers.room.acts import ChangedMeanwhile, Occasion, act_of
from consumers.room.asked import visitor_of, wish_of
from consumers.room.forms import BadForm, Form, signed_form
from consumers.room.page import Page
from consumers.room.said import Said, said
from consumers.room.sight import Draft, Sent, Visitor, Wish
from consumers.room.sights import Sights
from consumers.room.source import Source

HOLDS = 30 * 60_000
"""How long a preview may lie before it is sent, in milliseconds."""
SHOWN_WITHIN = 5.0
"""Seconds to wait for the picture to show what was sent, before the receipt says that it does not yet."""

log = structlog.get_logger(__name__)


class Refused(Exception):
    """Why it is not done."""

    def __init__(self, status: HTTPStatus, occasion: Said) -> None:
        self.status, self.occasion = status, occasion
        super().__init__(occasion)


class Desk:
    """The pages under `/acts`."""

    def __init__(self, source: Source, sights: Sights, page: Page, acting: Acting | None) -> None:
        self._source = source
        self._sights = sights
        self._page = page
        self._acting = acting
        self._secret = secrets.token_bytes(32)
        self._turn = asyncio.Lock()

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/acts/preview", self._preview, methods=["POST"]),
            Route("/acts", self._act, methods=["POST"]),
        ]

    async def _preview(self, request: Request) -> Response:
        wish, visitor = wish_of(request), visitor_of(request)
        try:
            acting, form = await self._admit(request, visitor, wish)
            picture = self._sights.picture(visitor)
            act = act_of(form, Occasion(acting.actor, visitor.function, self._source.realm, self._now(), picture))
            draft = Draft(act.message, act.changes, self._seal(act.message, visitor))
            sight = await self._sights.of(visitor, wish)
            return _page(self._page.confirm(draft, sight, visitor, wish))
        except (Refused, BadForm, InvalidInput) as error:
            return self._refusal(error, wish)

    async def _act(self, request: Request) -> Response:
        wish, visitor = wish_of(request), visitor_of(request)
        try:
            acting, form = await self._admit(request, visitor, wish)
            message = self._open(form.secret("draft"), visitor)
            sent = await self._send(acting, message, visitor)
            sight = await self._sights.of(visitor, wish)
            return _page(self._page.receipt(sent, sight, visitor, wish))
        except (Refused, BadForm, InvalidInput, BusError) as error:
            return self._refusal(error, wish)

    async def _admit(self, request: Request, visitor: Visitor, wish: Wish) -> tuple[Acting, Form]:
        """As whom to act, and the form. Raises Refused and BadForm."""
        form = await signed_form(request, visitor)
        if not visitor.may_act:
            raise Refused(HTTPStatus.FORBIDDEN, Said.NOT_YOURS)
        if self._acting is None:
            raise Refused(HTTPStatus.FORBIDDEN, Said.READ_ONLY)
        if wish.as_of is not None:
            raise Refused(HTTPStatus.CONFLICT, Said.NOT_IN_THE_PAST)
        if not self._source.is_settled:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, Said.NOT_SETTLED)
        return self._acting, form

    async def _send(self, acting: Acting, message: Message, visitor: Visitor) -> Sent:
        """One act at a time in this hub: each sees what the one before it did."""
        async with self._turn:
            self._check_current(message)
            position = await acting.send(message)
            log.info("acted", account=visitor.name, ref=message.reference, revision=message.revision)
            shown = await self._wait_for(position)
        entity = self._source.fold.state.entity(message.reference)
        return Sent(
            message=message,
            topic=position.topic,
            partition=position.partition,
            offset=position.offset,
            known_at=from_millis(position.timestamp),
            shown=shown,
            outdone=shown and entity is not None and entity.winner.message != message,
        )

    def _check_current(self, message: Message) -> None:
        """Raises ChangedMeanwhile where something else was said at this revision, or after it. The same may be said
        again.
        """
        entity = self._source.fold.state.entity(message.reference)
        current = 0 if entity is None else entity.last.gist.revision
        again = entity is not None and entity.winner.message == message
        if current >= message.revision and not again:
            raise ChangedMeanwhile(message.reference, current, message.revision - 1)

    async def _wait_for(self, position: Position) -> bool:
        """Whether this hub has folded it."""
        lane = f"{position.topic}:{position.partition}"
        try:
            async with asyncio.timeout(SHOWN_WITHIN):
                while self._source.fold.inputs.get(lane, 0) <= position.offset:  # noqa: ASYNC110 - a fold tells nobody
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
        return True

    def _now(self) -> datetime:
        return self._source.as_of()

    def _seal(self, message: Message, visitor: Visitor) -> str:
        """The message, which nobody can change unnoticed, for this session and a while."""
        told = json.dumps([to_millis(self._now()), write_line(message)]).encode()
        return f"{base64.urlsafe_b64encode(told).decode()}.{self._mark(told, visitor)}"

    def _open(self, token: str, visitor: Visitor) -> Message:
        """Raises Refused for what was not sealed here, for this session, a while ago at most."""
        stale = Refused(HTTPStatus.CONFLICT, Said.STALE_DRAFT)
        text, _, mark = token.partition(".")
        try:
            told = base64.b64decode(text, altchars=b"-_", validate=True)
        except ValueError as error:
            raise stale from error
        if not hmac.compare_digest(mark.encode(), self._mark(told, visitor).encode()):
            raise stale
        millis, line = json.loads(told)
        if to_millis(self._now()) - millis > HOLDS:
            raise stale
        return read_line(line).message

    def _mark(self, told: bytes, visitor: Visitor) -> str:
        return hmac.new(self._secret, visitor.csrf.encode() + b"\0" + told, hashlib.sha256).hexdigest()

    def _refusal(self, error: Exception, wish: Wish) -> Response:
        status, occasion, facts = _told(error)
        text = said(occasion, wish.language, *facts)
        return _page(self._page.problem(status, text, wish), status)


def _told(error: Exception) -> tuple[HTTPStatus, Said, tuple[object, ...]]:
    """How a refusal is answered."""
    match error:
        case Refused():
            return error.status, error.occasion, ()
        case BadForm():
            return error.status, Said.STALE_FORM if error.status is HTTPStatus.FORBIDDEN else Said.BAD_FORM, (error,)
        case ChangedMeanwhile():
            return HTTPStatus.CONFLICT, Said.CHANGED_MEANWHILE, (error.ref, error.current, error.seen)
        case BusUnavailable():
            return HTTPStatus.SERVICE_UNAVAILABLE, Said.BUS_AWAY, ()
        case BusError():
            return HTTPStatus.BAD_GATEWAY, Said.BUS_REFUSES, (error,)
    return HTTPStatus.UNPROCESSABLE_ENTITY, Said.BAD_FORM, (error,)


def _page(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return HTMLResponse(text, status, {"cache-control": "no-store"})
