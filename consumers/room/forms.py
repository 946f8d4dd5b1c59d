"""What a browser sends: a form, small, url-encoded, and with the token of its session."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from consumers.room.sight import Visitor

LARGEST = 65_536
"""Bytes of a form. The longest text of a message is 4,000 characters."""
MOST_FIELDS = 400


class BadForm(Exception):
    """A form that is not taken, with the status that says so."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        self.status = status
        super().__init__(text)


class Form:
    """The fields of a form, each with all its values."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str) -> str:
        """The value without blanks around it; empty where there is none. Line ends are as Unix has them."""
        return (self._values.get(name) or [""])[0].replace("\r\n", "\n").strip()

    def secret(self, name: str) -> str:
        """The value as it is."""
        return (self._values.get(name) or [""])[0]

    def all(self, name: str) -> list[str]:
        """Every value that is not empty."""
        return [value.strip() for value in self._values.get(name, ()) if value.strip()]

    @property
    def fields(self) -> Mapping[str, Sequence[str]]:
        return self._values


async def read_form(request: Request) -> Form:
    """Raises BadForm for anything but a small url-encoded form."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise BadForm(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send a form: application/x-www-form-urlencoded")
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST:
                raise BadForm(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a form has at most {LARGEST:,} bytes")
        text = body.decode("ascii")
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except (ValueError, ClientDisconnect) as error:
        raise BadForm(HTTPStatus.BAD_REQUEST, "the form cannot be read") from error


async def signed_form(request: Request, visitor: Visitor) -> Form:
    """A form that comes from a page made for this visitor. Raises BadForm."""
    form = await read_form(request)
    check_token(form.secret("csrf"), visitor.csrf)
    return form


def check_token(given: str, known: str) -> None:
    """Raises BadForm for a token that is not the session's; a visitor without a session has none that fits."""
    if not known or not hmac.compare_digest(given.encode("utf-8", "replace"), known.encode()):
        raise BadForm(HTTPStatus.FORBIDDEN, "the form is not of this session; load the page anew and send it again")
