"""What a request says: who asks, and what for."""

from __future__ import annotations

from starlette.requests import Request

from consumers.room.sight import Visitor, Wish
from consumers.words import Language


def visitor_of(request: Request) -> Visitor:
    """Who asks. Raises LookupError where anybody may, and nobody was asked."""
    visitor: Visitor | None = request.state.visitor
    if visitor is None:
        raise LookupError(f"{request.url.path} is for anybody")
    return visitor


def wish_of(request: Request) -> Wish:
    """What the address asks for, in the browser's language where it names none."""
    return Wish.of(dict(request.query_params), _preferred(request.headers.get("accept-language", "")))


def _preferred(accepted: str) -> Language:
    """The first language of an Accept-Language header that the room speaks; Swedish where it speaks none of them."""
    for name in accepted.lower().split(",")[:20]:
        for language in Language:
            if name.strip().startswith(language.value):
                return language
    return Language.SWEDISH
