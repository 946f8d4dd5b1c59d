"""Instants: points in time, always in UTC and cut to the millisecond, as Avro's timestamp-millis keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
FROM_JSON = "from_json"
"""Validation context flag: numbers are refused as instants, for a number in JSON says neither unit nor zone."""


def to_millis(instant: datetime) -> int:
    """Milliseconds since the epoch."""
    return (instant - EPOCH) // _MILLISECOND


def from_millis(millis: int) -> datetime:
    """The instant, in UTC. Raises OverflowError outside the years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=millis)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant with an offset, cut to the millisecond.

    Raises ValueError for anything else, a naive time included.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an ISO 8601 instant; write for example 2026-01-10T06:00:00Z") from None
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; add Z or, for example, +01:00")
    return _normal(instant)


def format_instant(instant: datetime) -> str:
    """ISO 8601 in UTC with `Z`; milliseconds only where there are any."""
    precision = "milliseconds" if instant.microsecond else "seconds"
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def instant_of(value: object) -> datetime:
    """The instant that an aware datetime or ISO 8601 text stands for. Raises ValueError for anything else."""
    match value:
        case datetime() if value.tzinfo is None:
            raise ValueError("has no time zone; give an aware datetime")
        case datetime():
            return _normal(value)
        case str():
            return parse_instant(value)
    raise ValueError("must be an ISO 8601 instant with an offset, for example 2026-01-10T06:00:00Z")


def _normal(instant: datetime) -> datetime:
    if instant.tzinfo is UTC and not instant.microsecond % 1000:
        return instant
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(_OUT_OF_RANGE) from None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _validate(value: object, info: ValidationInfo) -> datetime:
    if type(value) is int and not (info.context and FROM_JSON in info.context):
        try:
            return from_millis(value)
        except OverflowError:
            raise ValueError(_OUT_OF_RANGE) from None
    return instant_of(value)


_OUT_OF_RANGE = "lies outside the years 1 to 9999"


Instant = Annotated[
    datetime,
    PlainValidator(_validate),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A field that holds an instant. Reads aware datetimes, ISO 8601 text, and (from Avro) milliseconds since the epoch."""
