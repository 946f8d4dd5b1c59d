"""What went wrong, as RFC 9457 problem details: a status, a type that does not change, and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from bus.errors import InvalidMessage, NotAllowed, NotRemembered, NtsgError, OutboxError, OutboxFull, TooLarge

__all__ = ["MEDIA_TYPE", "TYPES", "Problem"]

MEDIA_TYPE = "application/problem+json"

TYPES: Mapping[str, tuple[int, str]] = {
    "unreadable": (400, "The request cannot be read"),
    "unauthorized": (401, "No valid key"),
    "not-allowed": (403, "Not yours to say"),
    "not-found": (404, "Nothing is here"),
    "method-not-allowed": (405, "Not this method"),
    "too-slow": (408, "The request took too long to arrive"),
    "in-progress": (409, "The same request is being answered"),
    "too-large": (413, "Too large"),
    "unsupported-media-type": (415, "Not this media type"),
    "invalid-message": (422, "A message breaks the contract"),
    "key-reused": (422, "The idempotency key was used for another request"),
    "too-many-requests": (429, "Too many requests"),
    "outbox-unavailable": (503, "The disk did not take it"),
    "outbox-full": (507, "The outbox is full"),
}
"""Each type of problem with its status and title. `type` is `urn:ntsg:problem:<name>`."""


class Problem(Exception):
    """A request that is not done. `faults` name a line, a path and a remedy each."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        faults: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.status, self.title = TYPES[name]
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})
        super().__init__(detail)

    def response(self) -> Response:
        body: dict[str, Any] = {
            "type": f"urn:ntsg:problem:{self.name}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.faults:
            body["problems"] = list(self.faults)
        text = json.dumps(body, ensure_ascii=False)
        return Response(text, self.status, headers=self.headers, media_type=MEDIA_TYPE)

    @classmethod
    def of(cls, error: NtsgError, line: int | None = None) -> Problem:
        """The problem that an error is to whoever asked."""
        match error:
            case InvalidMessage():
                return cls("invalid-message", "nothing was kept; mend the fields named", faults=faults_of(error, line))
            case NotAllowed():
                return cls("not-allowed", str(error))
            case TooLarge():
                return cls("too-large", str(error))
            case OutboxFull():
                return cls("outbox-full", f"nothing was kept: {error}", headers={"Retry-After": "60"})
            case NotRemembered():
                return cls("outbox-unavailable", str(error), headers={"Retry-After": "10"})
            case OutboxError():
                return cls("outbox-unavailable", f"nothing was kept: {error}", headers={"Retry-After": "10"})
        raise error


def faults_of(error: InvalidMessage, line: int | None = None) -> list[dict[str, Any]]:
    return [
        {**({"line": line} if line is not None else {}), "path": path, "remedy": remedy}
        for path, remedy in error.problems
    ]
