"""From when news are told to a reader without an account: the browser keeps the instant, in a cookie of the realm.

It does not tell who reads. An account is remembered by the hub instead, wherever its person signs in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from bus.instants import format_instant, parse_instant
from bus.topics import Realm
from consumers.room.access import is_secure

NIGHT = timedelta(days=1)
"""Whoever last looked longer ago than this begins anew: all would be marked, and so nothing."""


def looked(request: Request, realm: Realm, now: datetime) -> datetime | None:
    """None where the browser says nothing, nothing that is an instant, or one that is of no use."""
    try:
        instant = parse_instant(request.cookies[_name(request, realm)])
    except (KeyError, ValueError):
        return None
    return instant if now - NIGHT <= instant <= now else None


def remember(request: Request, answer: Response, realm: Realm, instant: datetime) -> None:
    """Have the browser keep it."""
    answer.set_cookie(
        _name(request, realm),
        format_instant(instant),
        max_age=int(NIGHT.total_seconds()),
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def _name(request: Request, realm: Realm) -> str:
    return f"{'__Host-' if is_secure(request) else ''}ntsg-looked-{realm}"
