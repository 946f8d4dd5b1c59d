"""Signing in and out."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from http import HTTPStatus
from math import ceil
from urllib.parse import parse_qsl, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from consumers.room.access import cookie_name, is_secure
from consumers.room.accounts import LONGEST, LONGEST_PASSWORD, NAME, Accounts
from consumers.room.asked import visitor_of, wish_of
from consumers.room.forms import BadForm, check_token, read_form, signed_form
from consumers.room.page import Page
from consumers.room.said import Said, said
from consumers.room.sight import Wish
from consumers.room.throttle import Throttle

CHECKS_AT_ONCE = 2
"""Passwords under check; each takes 64 MiB and a core for some hundredths of a second."""
WAITING = 20
"""Beyond those, this many may wait; others are sent away."""
FORM_MINUTES = 30
"""How long a page to sign in on may lie open."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")

log = structlog.get_logger(__name__)


class Door:
    """The pages under `/login` and `/logout`."""

    def __init__(self, accounts: Accounts, page: Page) -> None:
        self._accounts = accounts
        self._page = page
        self._throttle = Throttle(time.monotonic)
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._waiting = 0

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/login", self._ask, methods=["GET"]),
            Route("/login", self._sign_in, methods=["POST"]),
            Route("/logout", self._sign_out, methods=["POST"]),
        ]

    async def _ask(self, request: Request) -> Response:
        return self._form(request)

    async def _sign_in(self, request: Request) -> Response:
        wish = _wish(request)
        try:
            form = await read_form(request)
            check_token(form.secret("csrf"), request.cookies.get(_form_cookie(request), ""))
        except BadForm as error:
            return self._form(request, Said.STALE_FORM, status=error.status)
        name, password = form.one("name").lower(), form.secret("password")
        address = request.client.host if request.client else ""
        if (wait := self._throttle.wait(address, name)) > 0:
            log.warning("sign_in_slowed", account=_told(name), address=address)
            return self._form(request, Said.SLOWED, ceil(wait), status=HTTPStatus.TOO_MANY_REQUESTS)
        if self._waiting >= WAITING:
            return self._form(request, Said.BUSY, status=HTTPStatus.SERVICE_UNAVAILABLE)
        hashed = self._accounts.hash_of(name)
        fits = len(password) <= LONGEST_PASSWORD and await self._check(hashed, password)
        session = self._accounts.open_session(name, hashed) if fits else None
        if session is None:
            self._throttle.failed(address, name)
            log.warning("sign_in_failed", account=_told(name), address=address)
            return self._form(request, Said.WRONG_PASSWORD, status=HTTPStatus.FORBIDDEN)
        self._throttle.succeeded(address, name)
        log.info("signed_in", account=name, address=address)
        if before := request.cookies.get(cookie_name(request)):
            self._accounts.close_session(before)
        answer = RedirectResponse(_way_back(request, wish), HTTPStatus.SEE_OTHER)
        _set_cookie(request, answer, cookie_name(request), session.id, int(max(LONGEST.values()).total_seconds()))
        answer.delete_cookie(_form_cookie(request), secure=is_secure(request), httponly=True, samesite="strict")
        return answer

    async def _check(self, hashed: str, password: str) -> bool:
        self._waiting += 1
        try:
            async with self._checks:
                return await asyncio.to_thread(self._accounts.fits, hashed, password)
        finally:
            self._waiting -= 1

    async def _sign_out(self, request: Request) -> Response:
        visitor = visitor_of(request)
        try:
            await signed_form(request, visitor)
        except BadForm as error:
            wish = wish_of(request)
            return HTMLResponse(
                self._page.problem(error.status, said(Said.STALE_FORM, wish.language), wish), error.status
            )
        self._accounts.close_session(request.cookies[cookie_name(request)])
        log.info("signed_out", account=visitor.name)
        answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(cookie_name(request), secure=is_secure(request), httponly=True, samesite="lax")
        return answer

    def _form(
        self, request: Request, occasion: Said | None = None, *facts: object, status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        wish = _wish(request)
        if occasion is None and not self._accounts.any():
            occasion = Said.NO_ACCOUNTS
        elif occasion is None and request.state.visitor is None and cookie_name(request) in request.cookies:
            occasion = Said.SESSION_OVER
        csrf = request.cookies.get(_form_cookie(request), "")
        if not TOKEN.fullmatch(csrf):
            csrf = secrets.token_urlsafe(32)
        text = said(occasion, wish.language, *facts) if occasion else None
        page = self._page.login(wish, text, csrf, back=_way_back(request, wish))
        answer = HTMLResponse(page, status, {"cache-control": "no-store"})
        if occasion is Said.SLOWED:
            answer.headers["retry-after"] = str(facts[0])
        _set_cookie(request, answer, _form_cookie(request), csrf, FORM_MINUTES * 60, same_site="strict")
        return answer


def _form_cookie(request: Request) -> str:
    return f"{cookie_name(request)}-form"


def _set_cookie(
    request: Request, answer: Response, name: str, value: str, seconds: int, same_site: str = "lax"
) -> None:
    """Lax: a link that a colleague sent opens the room, and does not ask to sign in again."""
    answer.headers.append(
        "set-cookie",
        f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site.capitalize()}"
        + ("; Secure" if is_secure(request) else ""),
    )


def _way_back(request: Request, wish: Wish) -> str:
    """Where the visitor wanted to go; in this room, whatever the address says."""
    wanted = _wanted(request)
    return f"/?{(wish if wanted is None else Wish.of(wanted, wish.language)).query()}"


def _wanted(request: Request) -> dict[str, str] | None:
    """What the page that the visitor wanted asks for; None where that is no page of the room."""
    wanted = urlsplit(request.query_params.get("next", ""))
    if wanted.scheme or wanted.netloc or wanted.path != "/":
        return None
    return dict(parse_qsl(wanted.query))


def _wish(request: Request) -> Wish:
    """What the address asks for; the language, where it names none, is that of the page that the visitor wanted."""
    wish = wish_of(request)
    if "lang" in request.query_params:
        return wish
    return wish.but(language=Wish.of(_wanted(request) or {}, wish.language).language)


def _told(name: str) -> str:
    """A name for the log. What is no name may be a password in the wrong field."""
    return name if NAME.fullmatch(name) else "?"
