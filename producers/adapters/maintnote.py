"""Planned-work notices, as iCalendar with MAINTNOTE properties or as a provider's e-mail, become `work`.

What a notice says is read by `circuit-maintenance-parser`, which knows the forms of some forty providers and gives
MAINTNOTE's own words. Source of those: draft-gunter-calext-maintenance-notifications. The library can ask services on
the net, an AI one among them, to guess at what it cannot read. Here it never does: a notice stays in this process.
"""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bus.messages import Work
from bus.vocabulary import Impact, WorkState
from producers.adapters import leftovers
from producers.adapters.reading import Collector, Importer, Reading, identity, kept, revision_at

if TYPE_CHECKING:
    from circuit_maintenance_parser import Maintenance, NotificationData

__all__ = ["providers", "read_notice"]

TITLE = "Planerat arbete"
"""A notice's own summary names circuits and customers. It stays in the description: titles travel further."""

STATES = {
    "TENTATIVE": WorkState.TENTATIVE,
    "CONFIRMED": WorkState.CONFIRMED,
    "IN-PROCESS": WorkState.IN_PROCESS,
    "COMPLETED": WorkState.COMPLETED,
    "CANCELLED": WorkState.CANCELLED,
    "RE-SCHEDULED": WorkState.RESCHEDULED,
    "NO-CHANGE": WorkState.UNKNOWN,
}
"""MAINTNOTE status. NO-CHANGE: the notice says nothing of it."""

IMPACTS = {
    "NO-IMPACT": Impact.NO_IMPACT,
    "REDUCED-REDUNDANCY": Impact.REDUCED_REDUNDANCY,
    "DEGRADED": Impact.DEGRADED,
    "OUTAGE": Impact.OUTAGE,
}
_ROLL_UP = (Impact.UNKNOWN, *IMPACTS.values())
"""From least to worst. A notice is as bad as the worst of its circuits."""

LONGEST_SUBJECT = 2_000
"""Characters. Over some hundred thousand the library's readers would sit for minutes."""

_AI_KEY = "PARSER_OPENAI_API_KEY"
_CALENDAR = b"BEGIN:VCALENDAR"


def read_notice(content: bytes, importer: Importer, provider: str | None = None) -> Reading:
    """The works of a notice: a bare calendar, or an e-mail. A maintenance in several windows is a work for each.

    `provider` is one of `providers()`; without it, the sender's address tells, and a calendar needs none.
    """
    collector = Collector()
    try:
        with _alone():
            maintenances, left, mailed_at = _maintenances(content, provider)
    except _NotReadable as error:
        return Reading.refused(str(error))
    if not maintenances:
        return Reading.refused("the notice holds no maintenance; is it one?")
    windows: Counter[tuple[str, str, str]] = Counter()
    for number, maintenance in enumerate(maintenances, start=1):
        names = (maintenance.provider, maintenance.account, maintenance.maintenance_id)
        windows[names] += 1
        id = identity(*names) if windows[names] == 1 else identity(*names[:2], f"{names[2]} {windows[names]}")
        place = f"maintenance {number} ({maintenance.maintenance_id})"
        stamp = datetime.fromtimestamp(maintenance.stamp, UTC)
        said_at = stamp if mailed_at is None else min(stamp, mailed_at)
        _add(collector, place, id, maintenance, said_at, left[min(number, len(left)) - 1], importer)
    return collector.reading()


def providers() -> tuple[str, ...]:
    """The providers whose e-mails can be read."""
    from circuit_maintenance_parser import SUPPORTED_PROVIDERS

    return tuple(sorted(provider.get_provider_type() for provider in SUPPORTED_PROVIDERS))


class _NotReadable(Exception):
    """What is wrong with the notice as a whole."""


def _add(
    collector: Collector,
    place: str,
    id: str,
    maintenance: Maintenance,
    said_at: datetime,
    left: dict[str, object],
    importer: Importer,
) -> None:
    circuits = [circuit.circuit_id for circuit in maintenance.circuits]
    things = list(importer.translations.things(circuits))
    areas = list(dict.fromkeys(code for thing in things for code in thing.areas)) or list(importer.areas)
    services = list(dict.fromkeys(service for thing in things for service in thing.services)) or importer.services
    impacts = [IMPACTS[circuit.impact.value] for circuit in maintenance.circuits]
    collector.add(
        place,
        Work,
        importer.opening(id, _revision(maintenance, said_at), said_at)
        | {
            "state": STATES[maintenance.status.value],
            "impact": max(impacts, key=_ROLL_UP.index, default=Impact.UNKNOWN),
            "title": TITLE,
            "description": kept(
                maintenance.summary,
                {
                    "provider": maintenance.provider,
                    "account": maintenance.account,
                    "maintenance id": maintenance.maintenance_id,
                    "circuits": ", ".join(f"{c.circuit_id} ({c.impact.value})" for c in maintenance.circuits),
                    "organizer": maintenance.organizer,
                    "uid": maintenance.uid if maintenance.uid != "0" else None,
                }
                | left,
            ),
            "starts_at": datetime.fromtimestamp(maintenance.start, UTC),
            "ends_at": datetime.fromtimestamp(maintenance.end, UTC),
            "areas": importer.places(areas),
            "services": services,
            "infrastructure_ids": list(dict.fromkeys(id for thing in things for id in thing.infrastructure_ids)),
        },
    )


def _revision(maintenance: Maintenance, said_at: datetime) -> int:
    """SEQUENCE counts from 0; e-mails count nothing, and a calendar without SEQUENCE is read as -1."""
    counted = maintenance.metadata.parsers == ["ICal"] and maintenance.sequence >= 0
    return maintenance.sequence + 1 if counted else revision_at(said_at)


def _maintenances(
    content: bytes, provider: str | None
) -> tuple[list[Maintenance], list[dict[str, object]], datetime | None]:
    """What the library reads out of a notice; for each maintenance or for all, what it leaves behind; and when the
    e-mail was sent, for some readers take the beginning of the work for the time of the notice.
    """
    from circuit_maintenance_parser import GenericProvider, NotificationData, ProviderError

    if content.lstrip().startswith(_CALENDAR):
        mailed_at = None
        data = NotificationData.init_from_raw("ical", content)
        reader = _provider(provider) if provider else GenericProvider()
        left = leftovers.of_calendar(content)
    else:
        message, data = _email(content, ("Subject", "Date") if provider else ("From", "Subject", "Date"))
        mailed_at = _sent(message)
        sender = parseaddr(str(message["From"]))[1].lower()
        reader = _provider(provider) if provider else _provider_of(sender, data)
        left = [leftovers.of_email(message)]
    if data is None:
        raise _NotReadable("the notice cannot be taken apart; send it as it came, as .eml or .ics")
    try:
        return list(reader.get_maintenances(data)), left, mailed_at
    except ProviderError as error:
        raise _NotReadable(f"not readable as a notice of {reader.get_provider_type()}: {_why(error)}") from error
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        raise _NotReadable(
            f"not readable as a notice of {reader.get_provider_type()}: {type(error).__name__}: {error}"
        ) from error


def _email(content: bytes, needed: Sequence[str]) -> tuple[Message, NotificationData | None]:
    """An e-mail with these headers, and its parts."""
    from circuit_maintenance_parser import NotificationData

    try:
        message = message_from_bytes(content, policy=policy.compat32)
    except (MessageError, ValueError) as error:
        raise _NotReadable(f"not an e-mail: {error}") from error
    for header in needed:
        if not message[header]:
            raise _NotReadable(
                f"not an e-mail as it was received: it has no {header}; save it as .eml, with its headers"
            )
    if len(str(message["Subject"])) > LONGEST_SUBJECT:
        raise _NotReadable(f"the subject has more than {LONGEST_SUBJECT:,} characters: no provider's notice has that")
    return message, NotificationData.init_from_emailmessage(message)


def _sent(message: Message) -> datetime | None:
    """When an e-mail was sent; None where its Date is none, or has no offset."""
    try:
        sent = parsedate_to_datetime(str(message["Date"]))
        return sent.astimezone(UTC) if sent.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _provider(name: str) -> Any:
    from circuit_maintenance_parser import init_provider

    found = init_provider(name)
    if found is None:
        raise _NotReadable(f"unknown provider {name!r}; use one of {', '.join(providers())}")
    return found


def _provider_of(sender: str, data: NotificationData | None) -> Any:
    """By the sender's address, else by its domain; a notice with a calendar needs no provider."""
    from circuit_maintenance_parser import SUPPORTED_PROVIDERS, GenericProvider

    known = {provider.get_default_organizer().lower(): provider for provider in SUPPORTED_PROVIDERS}
    domains = {address.rpartition("@")[2]: provider for address, provider in known.items() if "@" in address}
    if sender in known:
        return known[sender]()
    for domain, provider in domains.items():
        if sender.endswith((f"@{domain}", f".{domain}")):
            return provider()
    if data is not None and any(part.type == "text/calendar" for part in data.data_parts):
        return GenericProvider()
    raise _NotReadable(
        f"the sender {sender} is no provider known here and sent no calendar; name one with --provider, out of "
        f"{', '.join(providers())}"
    )


def _why(error: Exception) -> str:
    """The innermost reason, which says what is missing; the library's own text quotes the whole notice."""
    reasons = getattr(error, "related_exceptions", None) or [error]
    innermost: BaseException = reasons[-1]
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
    if isinstance(innermost, ValidationError):
        return "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in innermost.errors(include_url=False))
    if isinstance(innermost, KeyError):
        return f"{innermost} was not found in it"
    return re.sub(r"\s+", " ", str(innermost)).strip()[:300] or type(innermost).__name__


@contextmanager
def _alone() -> Iterator[None]:
    """Without the services on the net that the library would ask."""
    _stay_home()
    key = os.environ.pop(_AI_KEY, None)
    try:
        yield
    finally:
        if key is not None:
            os.environ[_AI_KEY] = key


@cache
def _stay_home() -> None:
    """A city that is not in its own list is unknown, instead of asked for at a public web service; and the library's
    log, which quotes whole notices, is silent.
    """
    from circuit_maintenance_parser.utils import Geolocator

    def unknown(city: str) -> tuple[float, float]:
        raise ValueError(f"the place {city!r} is not in the list of cities, so its time zone is unknown")

    Geolocator.get_location_from_api = staticmethod(unknown)
    logging.getLogger("circuit_maintenance_parser").setLevel(logging.CRITICAL)
