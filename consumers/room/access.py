"""Who is asking: stands before everything that a hub answers, and lets in whom the accounts know.

A person comes with a session (cookie), a machine with a token (`Authorization: Bearer`). Health, the page to sign in on
and its files are for anybody. A hub that was told to be open lets anybody read who sits at this machine, and nobody
else: no proxy's guest, and no page from elsewhere that has its name point here.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bus.vocabulary import Audience
from consumers.room.accounts import Accounts
from consumers.room.problems import problem
from consumers.room.sight import RoomRole, Visitor

FOR_ANYBODY = ("/health/live", "/health/ready", "/login")
FILES = "/static/"
BY_ITSELF = ("/parts/", "/v1/")
"""What a page fetches without anybody's hand; it does not keep a session alive."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""On every answer."""
STRICT_TRANSPORT = "max-age=31536000"

ANYBODY = Visitor("", RoomRole.VIEWER, Audience.FULL, "")
"""At this machine, where the hub is open."""


class Access:
    """Wraps an application. Who asks is in `request.state.visitor`, for all but what is for anybody."""

    def __init__(self, application: ASGIApp, accounts: Accounts, *, is_open: bool) -> None:
        self._application = application
        self._accounts = accounts
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # nothing here speaks anything else
            return
        request = Request(scope)
        answer = self._refusal(request)
        guarded = _with_headers(send, secure=is_secure(request))
        await (answer or self._application)(scope, receive, guarded)

    def _refusal(self, request: Request) -> Response | None:
        """None where the application may answer."""
        path = request.url.path
        by_hand = not path.startswith(BY_ITSELF)
        visitor = who_asks(request, self._accounts, is_open=self._is_open, by_hand=by_hand)
        request.state.visitor = visitor
        if request.method not in {"GET", "HEAD"} and not from_here(request):
            return problem(HTTPStatus.FORBIDDEN, "a form is sent from the room's own pages only")
        if visitor is not None or path in FOR_ANYBODY or path.startswith(FILES):
            return None
        by_form = request.method == "POST" and "text/html" in request.headers.get("accept", "")
        if by_form or (request.method == "GET" and path == "/"):
            back = f"/?{request.url.query}" if request.url.query else "/"
            return RedirectResponse(f"/login?next={quote(back, safe='')}", HTTPStatus.SEE_OTHER)
        hint = "" if self._accounts.any() else "; this hub has no accounts yet: `ntsg room user add`"
        return problem(
            HTTPStatus.UNAUTHORIZED,
            f"sign in, or send a token: Authorization: Bearer <token> (`ntsg room token add`){hint}",
            headers={"www-authenticate": 'Bearer realm="ntsg"'},
        )


def who_asks(request: Request, accounts: Accounts, *, is_open: bool, by_hand: bool = False) -> Visitor | None:
    """Nobody that is known: None. A wrong token is nobody, whatever else comes with it."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        return accounts.machine(token.strip()) if scheme.lower() == "bearer" else None
    session = request.cookies.get(cookie_name(request))
    if session and (visitor := accounts.visitor(session, by_hand=by_hand)):
        return visitor
    return ANYBODY if is_open and at_this_machine(request) else None


def at_this_machine(request: Request) -> bool:
    """Whether the one who asks sits here, and knows it: neither sent on by a proxy, nor by a name that leads here."""
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")):
        return False
    client = request.client.host if request.client else ""
    return is_loopback(client) and is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or "")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: by address, or as `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_secure(request: Request) -> bool:
    """Whether what is asked travels encrypted, or should: only at this machine a cookie may do without."""
    return request.url.scheme == "https" or not is_loopback(request.url.hostname or "")


def cookie_name(request: Request) -> str:
    return "__Host-ntsg" if is_secure(request) else "ntsg"


def from_here(request: Request) -> bool:
    """Whether a request that changes something comes from a page of this room, as far as the browser says.

    That is the second guard; the first is the token in the form.
    """
    if request.headers.get("sec-fetch-site") not in {None, "same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _with_headers(send: Send, *, secure: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "private, no-cache")
            if secure:
                headers.setdefault("strict-transport-security", STRICT_TRANSPORT)
        await send(message)

    return sending
