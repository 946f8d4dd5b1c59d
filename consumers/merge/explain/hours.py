"""User-hours explained: the course of each report, and what the rules make of all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from bus.instants import from_millis, to_millis
from bus.vocabulary import Impact, Service
from consumers.merge.courses import Loss, Stretch
from consumers.merge.explain.books import Books
from consumers.merge.explain.explanation import (
    HoursAccount,
    HoursOfImpact,
    HoursOfReport,
    SituationHours,
    Spell,
    TotalHoursAccount,
    TotalHoursOfImpact,
)
from consumers.merge.hours import hours_at, lost_by
from consumers.merge.parties import Party
from consumers.merge.situations import Assembled, Cast
from consumers.merge.told import Told
from consumers.merge.view import HoursRange, ServiceHours, UserRange


def user_hours(made: Assembled, cast: Cast, books: Books) -> Iterator[HoursAccount]:
    """How a situation's user-hours of each service come about."""
    for service, found in made.at(books.as_of).user_hours.items():
        yield HoursAccount(
            service=Service(service),
            impacts=tuple(
                HoursOfImpact(Impact(impact), hours, tuple(_reports((Service(service), Impact(impact)), cast, books)))
                for impact, hours in found.by_impact.items()
            ),
        )


def total_hours(books: Books) -> Iterator[TotalHoursAccount]:
    """How the totals come about."""
    added: defaultdict[tuple[str, str], list[SituationHours]] = defaultdict(list)
    for id_ in sorted(books.ongoing):
        situation = books.situations[id_].at(books.as_of)
        for service, found in situation.user_hours.items():
            for impact, hours in found.by_impact.items():
                added[service, impact].append(SituationHours(id_, situation.title, hours))
    for service, total in books.user_hours.items():
        impacts = (
            TotalHoursOfImpact(Impact(impact), hours, tuple(sorted(added[service, impact], key=_most_first)))
            for impact, hours in total.by_impact.items()
        )
        yield TotalHoursAccount(service=Service(service), impacts=tuple(impacts))


def _most_first(share: SituationHours) -> tuple[float, str]:
    return -(share.hours.best or 0), share.situation


def _reports(loss: Loss, cast: Cast, books: Books) -> Iterator[HoursOfReport]:
    for told in cast.members:
        spells = tuple(_spells(told.course.losses.get(loss, ()), books.as_of))
        if spells:
            yield HoursOfReport(books.source(told.ref), spells, _alone(told, loss, books.as_of))


def _alone(told: Told, loss: Loss, as_of: datetime) -> HoursRange:
    service, impact = loss
    hours: dict[str, ServiceHours] = hours_at(lost_by([Party([told])], as_of).growths, as_of)
    return hours[service].by_impact[impact]


def _spells(stretches: Sequence[Stretch], as_of: datetime) -> Iterator[Spell]:
    """What has begun by now, with what has not ended left open."""
    now = to_millis(as_of)
    for begin, end, numbers, _ in stretches:
        if begin <= now:
            told = None if numbers is None else UserRange(*numbers, 0)
            yield Spell(from_millis(begin), from_millis(end) if end <= now else None, told)
