"""The pages and their fragments: what is wished for, found and handed to `page`."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bus.errors import BusError
from bus.instants import parse_instant
from consumers.room.asked import visitor_of, wish_of
from consumers.room.forms import BadForm, signed_form
from consumers.room.looked import looked, remember
from consumers.room.page import PARTS, Page
from consumers.room.past import NotYet, PastBusy
from consumers.room.said import Said, said
from consumers.room.sight import Sight, Visitor, Wish
from consumers.room.sights import Sights

PERSONAL = frozenset({"header", "news"})
"""Fragments with a form for whoever looks."""
RENDERED = 200
"""Fragments that are kept."""


class Pages:
    """Under `/`, `/parts/` and `/static/`."""

    def __init__(self, sights: Sights, page: Page) -> None:
        self._sights = sights
        self._page = page
        self._rendered: OrderedDict[str, str] = OrderedDict()
        """Fragments by their ETag, so that many who look at the same have it made once."""

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._whole, methods=["GET"]),
            Route("/parts/{name}", self._part, methods=["GET"]),
            Route("/seen", self._seen, methods=["POST"]),
            Route("/static/{mark}/{name:path}", self._file, methods=["GET"]),
        ]

    async def _whole(self, request: Request) -> Response:
        wish, visitor = wish_of(request), visitor_of(request)
        found = await self._look(request, visitor, wish)
        if isinstance(found, Response):
            return found
        since = None if found.since is None else found.since.instant
        if (visitor.has_account or visitor.is_unnamed) and since is None and found.settled and not found.past:
            since = found.view.as_of  # news are told from the first look on
            self._sights.looked(visitor, since, found.view.digest)
        answer = HTMLResponse(self._page.whole(found, visitor, wish))
        if visitor.is_unnamed and since is not None:
            remember(request, answer, self._sights.realm, since)
        return answer

    async def _seen(self, request: Request) -> Response:
        """Somebody has seen everything in a picture: news are told from there on, wherever they sign in."""
        wish, visitor = wish_of(request), visitor_of(request)
        try:
            form = await signed_form(request, visitor)
            seen = parse_instant(form.one("as_of"))
        except BadForm as error:
            return self._problem(error.status, Said.STALE_FORM, wish)
        except ValueError:
            return self._problem(HTTPStatus.UNPROCESSABLE_ENTITY, Said.NO_SUCH_TIME, wish)
        picture = self._sights.picture(visitor)
        if seen > picture.view.as_of:
            return self._problem(HTTPStatus.UNPROCESSABLE_ENTITY, Said.AHEAD, wish)
        self._sights.looked(visitor, seen, form.one("digest"))
        return RedirectResponse(f"/?{wish.but(since=None, as_of=None).query()}", HTTPStatus.SEE_OTHER)

    async def _part(self, request: Request) -> Response:
        wish, visitor, name = wish_of(request), visitor_of(request), request.path_params["name"]
        if name not in PARTS:
            return self._problem(HTTPStatus.NOT_FOUND, Said.NO_SUCH_PAGE, wish)
        found = await self._look(request, visitor, wish)
        if isinstance(found, Response):
            return found
        if name not in PERSONAL and not visitor.may_act:
            visitor = Visitor("", visitor.role, visitor.audience, "")  # nothing in it is for one person
        etag = _etag(found, visitor, wish, f"{name}-{self._page.static.mark}")
        if etag in {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": etag})
        text = self._rendered.get(etag)
        if text is None:
            text = self._rendered[etag] = self._page.part(name, found, visitor, wish)
            while len(self._rendered) > RENDERED:
                self._rendered.popitem(last=False)
        return HTMLResponse(text, headers={"etag": etag})

    async def _file(self, request: Request) -> Response:
        return self._page.static.answer(request)

    async def _look(self, request: Request, visitor: Visitor, wish: Wish) -> Sight | Response:
        """What there is to see, or why there is nothing. Now is not shown to who asked for another time."""
        if {"at", "as_of"} & set(wish.ignored):
            return self._problem(HTTPStatus.BAD_REQUEST, Said.NO_SUCH_TIME, wish)
        now = self._sights.picture(visitor).view.as_of
        last = looked(request, self._sights.realm, now) if visitor.is_unnamed else None
        try:
            return await self._sights.of(visitor, wish, last)
        except NotYet:
            return self._problem(HTTPStatus.BAD_REQUEST, Said.AHEAD, wish)
        except PastBusy:
            return self._problem(HTTPStatus.SERVICE_UNAVAILABLE, Said.PAST_BUSY, wish)
        except BusError as error:
            return self._problem(HTTPStatus.SERVICE_UNAVAILABLE, Said.BUS_REFUSES, wish, error)

    def _problem(self, status: HTTPStatus, occasion: Said, wish: Wish, *facts: object) -> Response:
        text = said(occasion, wish.language, *facts)
        return HTMLResponse(self._page.problem(status, text, wish), status, {"cache-control": "no-store"})


def _etag(sight: Sight, visitor: Visitor, wish: Wish, files: str) -> str:
    """Equal as long as the fragment tells the same to the same visitor: a minute at most, since ages are told in it."""
    view = sight.view
    minute = view.as_of if sight.past else view.as_of.replace(second=0, microsecond=0)
    aside = sight.filed and sight.filed[0].number, len(sight.held), sight.since and (
        sight.since.instant, sight.since.under_way
    )  # fmt: skip
    told = (
        sight.mark, view.digest, view.audience, view.settled, minute, aside,
        visitor.name, visitor.csrf, sight.acting_as, wish.query(), wish.ignored, files,
    )  # fmt: skip
    return f'W/"{hashlib.sha256(repr(told).encode()).hexdigest()[:24]}"'
