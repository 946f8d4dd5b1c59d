"""User-hours: how much was lost, as users times the hours for which they lacked a service.

The numbers of a situation are those of `users`, integrated over the course of each incident (`courses`), by the same
rules at every instant: the operators' own subscribers are added; of one operator's reports on overlapping areas the
greatest counts; a host that includes its wholesale customers absorbs, for as long as its own report lasts, those of
whom is not known to have a network of its own;
what counts no people, and what staff reported where the operator speaks for itself, only widens `high`. Services and
impacts are kept apart, and hours without a number are counted as such.

Where one operator reports overlapping areas, the greater counts of what it reports for an area and of what it reports
inside of that, added. A report that names several places stands for all that such reports hang together by.

Sums are whole numbers of users times milliseconds, so equal sets of messages give equal numbers however they came.
Between two instants at which something changes they grow evenly: a `Growth` says how.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from bus import geography
from bus.instants import from_millis, to_millis
from bus.vocabulary import CountScope, Impact, Service
from consumers.merge.components import DisjointSets
from consumers.merge.courses import FOREVER, Loss, Span, Stretch
from consumers.merge.effects import RANK
from consumers.merge.parties import Party
from consumers.merge.told import Told
from consumers.merge.users import NOT_PEOPLE, OTHER_UNITS, overlapping
from consumers.merge.view import HoursRange, ServiceHours, UserRange

_REMEMBERED = 4_096
"""Groups of reports whose course is remembered."""
MILLIS_PER_HOUR = 3_600_000
_DIGITS = 3
_LAST = to_millis(datetime.max.replace(tzinfo=UTC))

Numbers = tuple[int, int, int]
"""Low, best and high."""

Amounts = tuple[int, int, int, int]
"""Low, best and high user-milliseconds, and report-milliseconds without a number."""

_NOBODY: Numbers = (0, 0, 0)


class Piece(NamedTuple):
    """So many users over a time, as they enter the sum. None: a report that gives no number."""

    begin: int
    end: int
    numbers: Numbers | None
    counts: bool = True
    """Whether it counts people; else it only widens `high`."""


class Growth(NamedTuple):
    """User-milliseconds as straight lines of time: each is `at + rate * t`, with t in milliseconds since the epoch.

    They hold until `next_change`. Sums of growths are growths, and two that are equal at every instant are equal.
    """

    at: Amounts = (0, 0, 0, 0)
    rate: Amounts = (0, 0, 0, 0)
    counted: int = 0
    """In how many terms people were counted; with none, there is no best number."""
    told: int = 0
    """In how many terms any number was told; with none, there is no highest number."""

    def value(self, instant: int) -> Amounts:
        return _added(self.at, self.rate, instant)


Pieces = Mapping[Loss, list[Piece]]
"""The terms of each sum."""


class Lost(NamedTuple):
    """What a situation has cost."""

    growths: Mapping[Loss, Growth]
    since: datetime | None
    """When the numbers last changed other than by growing; None while nothing was lost."""
    next_change: datetime | None
    """When they will, if nothing is told meanwhile."""


class _Sums(NamedTuple):
    """What a party has cost, or will have. It holds from one instant to before another."""

    since: int
    until: int
    growths: Mapping[Loss, Growth]


_NO_SUMS = _Sums(0, 0, {})


class _Ledger:
    """What a party's members have cost, and will have when every open one is restored as it forecasts itself."""

    __slots__ = ("_ahead", "_lost", "_members", "_pieces", "forecasts")

    def __init__(self, party: Party) -> None:
        self._members = party.members
        self._pieces = pieces_of(party.members)
        self.forecasts = sorted([f for told in party.opened if (f := _forecast(told)) is not None])
        """Until when the open members may last."""
        self._lost = self._ahead = _NO_SUMS

    def lost(self, now: int) -> _Sums:
        """What was lost until now."""
        if not self._lost.since <= now < self._lost.until:
            self._lost = self._lost_at(now)
        return self._lost

    def ahead(self, now: int) -> _Sums:
        """What will be lost, as of now. An open incident without a forecast, or past it, counts as far as the clock
        has come.
        """
        if not self._ahead.since <= now < self._ahead.until:
            self._ahead = self._ahead_at(now)
        return self._ahead

    def next_forecast(self, now: int) -> int:
        place = bisect_right(self.forecasts, now)
        return self.forecasts[place] if place < len(self.forecasts) else FOREVER

    def _lost_at(self, now: int) -> _Sums:
        growths: dict[Loss, Growth] = {}
        since, until = -FOREVER, FOREVER
        for loss, found in self._pieces.items():
            begun = []
            for piece in found:
                begin, end, _, _ = piece
                if begin > now:
                    until = min(until, begin)
                    continue
                begun.append(piece)
                if end > now:
                    since, until = max(since, begin), min(until, end)
                else:
                    since = max(since, end)
            if begun:
                growths[loss] = _growth(begun, now)
        return _Sums(since, until, growths)

    def _ahead_at(self, now: int) -> _Sums:
        pieces, until = self._pieces, self.next_forecast(now)
        since = max([forecast for forecast in self.forecasts if forecast <= now], default=-FOREVER)
        if until < FOREVER:
            pieces = pieces_of([_ending(told, now) for told in self._members])
        growths = {}
        for loss, found in pieces.items():
            begins = [begin for begin, end, _, _ in found if end == FOREVER]
            since = max([since, *(begin for begin in begins if begin <= now)])
            until = min([until, *(begin for begin in begins if begin > now)])
            growths[loss] = _growth([p for p in found if p.begin <= now or p.end < FOREVER], now, ahead=True)
        return _Sums(since, until, growths)


def _ending(told: Told, now: int) -> Told:
    """The incident, ended when it forecasts it, if that is still to come."""
    forecast = _forecast(told) if told.is_open else None
    return told if forecast is None or forecast <= now else replace(told, course=told.course.until(forecast))


def lost_by(parties: Iterable[Party], as_of: datetime) -> Lost:
    """What the incidents of one situation, duplicates left out, have cost until `as_of`."""
    now = to_millis(as_of)
    sums = [party.once(_Ledger).lost(now) for party in parties]
    since, until = max((s.since for s in sums), default=-FOREVER), min((s.until for s in sums), default=FOREVER)
    return Lost(_totals(sums), _instant(since), _instant(until))


def _totals(sums: Iterable[_Sums]) -> Mapping[Loss, Growth]:
    growths: dict[Loss, Growth] = {}
    for party in sums:
        for loss, growth in party.growths.items():
            held = growths.get(loss)
            growths[loss] = growth if held is None else _sum(held, growth, 1)
    return growths


class Outlook(NamedTuple):
    """What a situation will have cost when every open incident is restored as it forecasts itself."""

    high: Mapping[Loss, int]
    """At most so many user-milliseconds, of those losses that may reach the least of the thresholds asked for."""
    next_change: datetime | None
    """When one of them may reach a further threshold, or its forecasts change anything."""


def outlook(parties: Iterable[Party], lost: Lost, as_of: datetime, thresholds: Sequence[int]) -> Outlook:
    """Judged against thresholds in user-hours, rising. An open incident without a forecast, or past it, is counted
    until `as_of`.
    """
    now = to_millis(as_of)
    levels = [threshold * MILLIS_PER_HOUR for threshold in thresholds]
    ledgers = [party.once(_Ledger) for party in parties]
    latest = max([now, *(ledger.forecasts[-1] for ledger in ledgers if ledger.forecasts)])
    wanted = {loss for loss, growth in lost.growths.items() if growth.value(latest)[2] >= levels[0]}
    looks = [_reaches(growth, now, levels) for loss, growth in lost.growths.items() if loss not in wanted]
    high: dict[Loss, int] = {}
    if wanted:
        looks += [ledger.next_forecast(now) for ledger in ledgers]
        for loss, growth in _totals([ledger.ahead(now) for ledger in ledgers]).items():
            if loss in wanted:
                high[loss] = growth.value(now)[2]
                looks.append(_reaches(growth, now, levels))
    return Outlook(high, _instant(min(looks, default=FOREVER)))


def _forecast(told: Told) -> int | None:
    """Until when an open incident may last, as it forecasts itself."""
    restoration = told.incident.restoration
    found = restoration and (restoration.latest or restoration.expected or restoration.earliest)
    return to_millis(found) if found else None


def _reaches(growth: Growth, now: int, levels: Iterable[int]) -> int:
    """The first instant after now at which the upper end reaches a further level."""
    at, rate = growth.at[2], growth.rate[2]
    if rate <= 0:
        return FOREVER
    instants = (-((at - level) // rate) for level in levels)
    return min((instant for instant in instants if instant > now), default=FOREVER)


def _instant(millis: int) -> datetime | None:
    """None for what is no instant, or comes after all that the calendar knows."""
    return from_millis(millis) if -FOREVER < millis <= _LAST else None


def _growth(pieces: Iterable[Piece], now: int, *, ahead: bool = False) -> Growth:
    """The sum of pieces until now; with `ahead`, those with an end count until then."""
    low = best = high = uncovered = counted = told = 0
    low_rate = best_rate = high_rate = uncovered_rate = 0
    settled = FOREVER - 1 if ahead else now
    for begin, end, numbers, counts in pieces:
        over = end <= settled
        millis = end - begin if over else -begin
        if numbers is None:
            uncovered += millis
            uncovered_rate += not over
            continue
        told = 1
        counted |= counts
        lows, bests, highs = numbers
        low, best, high = low + lows * millis, best + bests * millis, high + highs * millis
        if not over:
            low_rate, best_rate, high_rate = low_rate + lows, best_rate + bests, high_rate + highs
    at, rate = (low, best, high, uncovered), (low_rate, best_rate, high_rate, uncovered_rate)
    return Growth(at, rate, counted, told)


class _Part(NamedTuple):
    """What one report says of one loss, as far as it counts people."""

    ref: str
    owner: str
    codes: tuple[str, ...]
    stretches: tuple[Stretch, ...]
    has_network: bool


def pieces_of(members: Sequence[Told]) -> Pieces:
    """The terms of each sum, for all time that was told of."""
    reports: defaultdict[Loss, list[Told]] = defaultdict(list)
    for told in members:
        for loss in told.course.losses:
            reports[loss].append(told)
    own: defaultdict[str, _Presence] = defaultdict(_Presence)
    if any(_is_proxy(told) for told in members):
        for told in members:
            if not _is_proxy(told):
                own[told.owner].add(told.codes, told.course.opened)
    return {loss: _pieces(loss, found, own) for loss, found in reports.items()}


def _is_proxy(told: Told) -> bool:
    return told.incident.on_behalf_of is not None


def _pieces(loss: Loss, reports: Iterable[Told], own: Mapping[str, _Presence]) -> list[Piece]:
    pieces: list[Piece] = []
    parts: list[_Part] = []
    for told in reports:
        people = []
        for stretch in told.course.losses[loss]:
            if stretch.numbers is None or stretch.scope in OTHER_UNITS:
                pieces.append(Piece(stretch.begin, stretch.end, None))
            elif stretch.scope in NOT_PEOPLE:
                pieces.append(_widening(stretch))
            else:
                people.append(stretch)
        if told.owner in own and _is_proxy(told):
            superseded, people = _split(people, own[told.owner].of(told.codes))
            pieces += map(_widening, superseded)
        if people:
            parts.append(_Part(told.ref, told.owner, told.codes, tuple(people), told.has_network))
    if hosts := _hosts(parts):
        parts, absorbed = _absorbed(parts, hosts)
        pieces += map(_widening, absorbed)
    by_owner: defaultdict[str, list[_Part]] = defaultdict(list)
    for part in parts:
        by_owner[part.owner].append(part)
    for found in by_owner.values():
        pieces += _of_one(tuple(found)) if len(found) > 1 else [_counted(stretch) for stretch in found[0].stretches]
    return pieces


@lru_cache(maxsize=_REMEMBERED)
def _of_one(parts: tuple[_Part, ...]) -> tuple[Piece, ...]:
    """Of one operator's reports. Remembered, and so are those on one place: a message changes one of many."""
    return tuple(
        piece
        for cluster in overlapping(parts)
        for piece in (_greatest_at_once(tuple(cluster)) if len(cluster) > 1 else map(_counted, cluster[0].stretches))
    )


def _counted(stretch: Stretch) -> Piece:
    return Piece(stretch.begin, stretch.end, stretch.numbers)


def _widening(stretch: Stretch) -> Piece:
    high = stretch.numbers[2] if stretch.numbers else 0
    return Piece(stretch.begin, stretch.end, (0, 0, high), counts=False)


def _hosts(parts: Iterable[_Part]) -> Mapping[str, _Presence]:
    """Where and when operators count their wholesale customers among their own, by operator."""
    hosts: defaultdict[str, _Presence] = defaultdict(_Presence)
    for part in parts:
        spans = [(begin, end) for begin, end, _, scope in part.stretches if scope is CountScope.INCLUDING_WHOLESALE]
        if spans:
            hosts[part.owner].add(part.codes, spans)
    return hosts


def _absorbed(parts: Iterable[_Part], hosts: Mapping[str, _Presence]) -> tuple[list[_Part], list[Stretch]]:
    """What other operators do not count already, and what they do."""
    left: list[_Part] = []
    absorbed: list[Stretch] = []
    for part in parts:
        if part.has_network:
            left.append(part)
            continue
        present = [presence.of(part.codes) for owner, presence in hosts.items() if owner != part.owner]
        hosting = [stretch for stretch in part.stretches if stretch.scope is CountScope.INCLUDING_WHOLESALE]
        others = [stretch for stretch in part.stretches if stretch.scope is not CountScope.INCLUDING_WHOLESALE]
        inside, outside = _split(others, _merged(span for spans in present for span in spans))
        absorbed += inside
        left.append(part._replace(stretches=(*hosting, *outside)) if inside else part)
    return left, absorbed


class _Presence:
    """Where one operator's reports are, and when."""

    def __init__(self) -> None:
        self._at: defaultdict[str, list[Span]] = defaultdict(list)
        self._around: defaultdict[str, list[Span]] = defaultdict(list)

    def add(self, codes: Iterable[str], spans: Iterable[Span]) -> None:
        spans = list(spans)
        for code in codes:
            self._at[code] += spans
            for around in {code, code[:2], geography.COUNTRY}:
                self._around[around] += spans

    def of(self, codes: Iterable[str]) -> list[Span]:
        """When there is one on an area that overlaps one of the codes."""
        found: list[Span] = []
        for code in codes:
            found += self._around.get(code, ())
            for outer in {code[:2], geography.COUNTRY} - {code}:
                found += self._at.get(outer, ())
        return _merged(found)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The times that the spans cover, rising and apart."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def _split(stretches: Iterable[Stretch], spans: Sequence[Span]) -> tuple[list[Stretch], list[Stretch]]:
    """What of the stretches lies in the spans, and what does not."""
    inside: list[Stretch] = []
    outside: list[Stretch] = []
    for stretch in stretches:
        begin = stretch.begin
        for span_begin, span_end in spans:
            if span_end <= begin:
                continue
            if span_begin >= stretch.end:
                break
            if begin < span_begin:
                outside.append(stretch._replace(begin=begin, end=span_begin))
            begin = min(span_end, stretch.end)
            inside.append(stretch._replace(begin=max(stretch.begin, span_begin), end=begin))
        if begin < stretch.end:
            outside.append(stretch._replace(begin=begin))
    return inside, outside


@lru_cache(maxsize=_REMEMBERED)
def _greatest_at_once(cluster: tuple[_Part, ...]) -> tuple[Piece, ...]:
    return tuple(_at_once(cluster))


def _at_once(cluster: Sequence[_Part]) -> Iterator[Piece]:
    """Of reports of one operator that overlap: at every instant, what they amount to."""
    nests = _nests(cluster)
    changes = [
        (instant, begins, nest, stretch.numbers or _NOBODY)
        for part, nest in zip(cluster, nests, strict=True)
        for stretch in part.stretches
        for instant, begins in ((stretch.begin, True), (stretch.end, False))
    ]
    changes.sort(key=itemgetter(0, 1))
    tallies = _Tallies()
    since, reported = -FOREVER, 0
    for instant, group in groupby(changes, key=itemgetter(0)):
        if reported:
            yield Piece(since, instant, tallies.numbers)
        if instant == FOREVER:
            return
        for _, begins, nest, told in group:
            (tallies.add if begins else tallies.take)(nest, told)
            reported += 1 if begins else -1
        since = instant


def _nests(cluster: Sequence[_Part]) -> list[tuple[str, ...]]:
    """Per report, the least area that holds all its places, and what that lies in, outwards: municipality, group of
    municipalities that some report names together, county, group of counties, country.
    """
    sets = DisjointSets({outer for part in cluster for code in part.codes for outer in (code, code[:2])})
    widest = [_widest(part.codes) for part in cluster]
    for codes in widest:
        for code in codes:
            sets.join(codes[0], code)
    return [_nest(codes, sets) for codes in widest]


def _widest(codes: Iterable[str]) -> list[str]:
    """The places of a report on one level: municipalities of one county, counties, or the country."""
    counties = {code[:2] for code in codes}
    if geography.COUNTRY in counties:
        return [geography.COUNTRY]
    return sorted(counties) if len(counties) > 1 or not counties.isdisjoint(codes) else sorted(codes)


def _nest(codes: Sequence[str], sets: DisjointSets) -> tuple[str, ...]:
    code, county = codes[0], codes[0][:2]
    if code == geography.COUNTRY:
        return (code,)
    counties = (county, f"{sets.root(county)}..", geography.COUNTRY)
    nest = counties if code == county else (code, f"{sets.root(code)}..", *counties)
    return nest[1:] if len(codes) > 1 else nest


class _Tallies:
    """Counts of one operator's users, by areas that lie in each other: of an area and what is inside of it, added, the
    greater counts.
    """

    def __init__(self) -> None:
        self._here: defaultdict[str, tuple[list[int], list[int], list[int]]] = defaultdict(lambda: ([], [], []))
        self._inside: Counter[tuple[str, int]] = Counter()

    def add(self, nest: Sequence[str], numbers: Numbers) -> None:
        self._change(nest, numbers, insort)

    def take(self, nest: Sequence[str], numbers: Numbers) -> None:
        self._change(nest, numbers, _remove)

    @property
    def numbers(self) -> Numbers:
        low, best, high = (self._amount(geography.COUNTRY, bound) for bound in range(3))
        return low, best, high

    def _change(self, nest: Sequence[str], numbers: Numbers, change: Callable[[list[int], int], None]) -> None:
        for bound, number in enumerate(numbers):
            before = [self._amount(area, bound) for area in nest]
            change(self._here[nest[0]][bound], number)
            for area, outer, amount in zip(nest, nest[1:], before, strict=False):
                self._inside[outer, bound] += self._amount(area, bound) - amount

    def _amount(self, area: str, bound: int) -> int:
        here = self._here[area][bound]
        return max(here[-1] if here else 0, self._inside[area, bound])


def _remove(numbers: list[int], number: int) -> None:
    del numbers[bisect_left(numbers, number)]


class HoursTotals:
    """What the ongoing situations have cost, kept up to date by what changes."""

    def __init__(self) -> None:
        self._sums: dict[Loss, Growth] = {}
        self._terms: Counter[Loss] = Counter()

    def add(self, growths: Mapping[Loss, Growth], sign: int = 1) -> None:
        """Count a situation in, or with sign -1 out again."""
        for loss, growth in growths.items():
            self._terms[loss] += sign
            self._sums[loss] = _sum(self._sums.get(loss, Growth()), growth, sign)
            if not self._terms[loss]:
                del self._terms[loss], self._sums[loss]

    def totals(self, as_of: datetime) -> dict[str, ServiceHours]:
        """Per service, sorted."""
        return hours_at(self._sums, as_of)


def _sum(a: Growth, b: Growth, sign: int) -> Growth:
    return Growth(
        _added(a.at, b.at, sign), _added(a.rate, b.rate, sign), a.counted + sign * b.counted, a.told + sign * b.told
    )


def _added(a: Amounts, b: Amounts, times: int) -> Amounts:
    return a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2], a[3] + times * b[3]


def hours_at(growths: Mapping[Loss, Growth], as_of: datetime) -> dict[str, ServiceHours]:
    """In hours, at an instant for which the growths hold, per service, sorted."""
    ranges: defaultdict[Service, dict[Impact, HoursRange]] = defaultdict(dict)
    for (service, impact), growth in sorted(growths.items()):
        ranges[service][impact] = _range(growth, to_millis(as_of))
    return {service.value: _worst_first(by_impact) for service, by_impact in ranges.items()}


def _range(growth: Growth, now: int) -> HoursRange:
    low, best, high, uncovered = (round(value / MILLIS_PER_HOUR, _DIGITS) for value in growth.value(now))
    rate = growth.rate
    return HoursRange(
        low=low,
        best=best if growth.counted else None,
        high=high if growth.told else None,
        uncovered_hours=uncovered,
        per_hour=UserRange(
            low=rate[0],
            best=rate[1] if growth.counted else None,
            high=rate[2] if growth.told else None,
            unknown_reports=rate[3],
        ),
    )


def _worst_first(by_impact: Mapping[Impact, HoursRange]) -> ServiceHours:
    ordered = sorted(by_impact, key=RANK.__getitem__, reverse=True)
    worst = by_impact[ordered[0]]
    return ServiceHours(
        impact=ordered[0],
        low=worst.low,
        best=worst.best,
        high=worst.high,
        uncovered_hours=worst.uncovered_hours,
        per_hour=worst.per_hour,
        by_impact={impact.value: by_impact[impact] for impact in ordered},
    )
