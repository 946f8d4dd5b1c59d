"""Puts the parts of the room together: the pages, their fragments, their files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from bus.vocabulary import Audience
from consumers.merge.view import IncidentPlace
from consumers.room.page import PARTS, Page
from consumers.room.sight import RoomRole, Sight, Visitor, Wish
from consumers.room.source import Source
from consumers.words import Language

ANYONE = Visitor("", RoomRole.VIEWER, Audience.FULL, "")


class Room:
    """The room of one hub."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._page = Page()

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._whole),
            Route("/parts/{name}", self._part),
            Route("/static/{mark}/{name:path}", self._static),
        ]

    async def _whole(self, request: Request) -> Response:
        wish = wish_of(request)
        return HTMLResponse(self._page.whole(self._sight(ANYONE, wish), ANYONE, wish))

    async def _part(self, request: Request) -> Response:
        wish, name = wish_of(request), request.path_params["name"]
        if name not in PARTS:
            return HTMLResponse(self._page.problem(404, name, wish), 404)
        return HTMLResponse(self._page.part(name, self._sight(ANYONE, wish), ANYONE, wish))

    async def _static(self, request: Request) -> Response:
        return self._page.static.answer(request)

    def _sight(self, visitor: Visitor, wish: Wish) -> Sight:
        del wish
        source, audience = self._source, visitor.audience
        items = source.fold.projections.items(audience, source.as_of())
        return Sight(
            view=source.view(audience),
            mark="",
            progress=source.progress,
            heard_at=source.heard_at,
            places={item.ref: item for item in items.values() if isinstance(item, IncidentPlace)},
        )


def wish_of(request: Request) -> Wish:
    """What the address asks for, in the browser's language where it names none."""
    return Wish.of(dict(request.query_params), preferred_language(request.headers.get("accept-language", "")))


def preferred_language(accepted: str) -> Language:
    """The first language of an Accept-Language header that the room speaks; Swedish where it speaks none of them."""
    for name in accepted.lower().split(",")[:20]:
        for language in Language:
            if name.strip().startswith(language.value):
                return language
    return Language.SWEDISH
