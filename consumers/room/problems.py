"""Why a question has no answer, as programs read it: RFC 9457, `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from bus.messages import Part

MEDIA_TYPE = "application/problem+json"


class Problem(Part):
    """What is wrong, and what to do about it."""

    title: str
    status: int
    detail: str
    nearest: tuple[str, ...] = ()
    """References that were probably meant."""


def problem(
    status: HTTPStatus, detail: str, nearest: tuple[str, ...] = (), headers: Mapping[str, str] | None = None
) -> Response:
    told = Problem(title=status.phrase, status=status, detail=detail, nearest=nearest)
    return Response(told.model_dump_json(), status, headers=headers, media_type=MEDIA_TYPE)
