"""How many users are affected, without counting anyone twice.

Never summed across services: one person has a mobile and a fixed line. Never summed across impacts: the users that are
degraded are not a part of those that are cut off. Within a service and an impact, by whose users they are:

- reports of one operator on overlapping areas are the same people: the greatest counts, not the sum;
- the own subscribers of different operators are different people: the sum;
- a host that includes its wholesale customers absorbs the other operators' reports from overlapping areas: they widen
  `high` and leave `low` and `best`;
- counts of wholesale customers alone, of devices and of sites are not counts of people: they only widen `high`;
- a report that staff or an aggregator made for an operator only widens `high` where an open incident of the operator's
  own is there too, whatever that one counts;
- a report without a number is counted as such, and never as zero.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from operator import not_
from typing import NamedTuple

from bus import geography
from bus.vocabulary import AreaKind, CountScope, Impact, Service
from consumers.merge.components import DisjointSets
from consumers.merge.told import RANK, Told
from consumers.merge.view import ServiceUsers, UserRange

_NOT_PEOPLE = frozenset({CountScope.WHOLESALE_ONLY, CountScope.DEVICES, CountScope.SITES_PROXY})


class Report(NamedTuple):
    """One incident's count for one service."""

    ref: str
    owner: str
    proxy: bool
    scope: CountScope
    codes: tuple[str, ...]
    by_area: Mapping[str, int]
    low: int
    best: int
    high: int


def count_users(incidents: Iterable[Told]) -> dict[str, ServiceUsers]:
    """Affected users per service, of the open incidents of one situation (duplicates left out)."""
    reports: defaultdict[tuple[Service, Impact], list[Report]] = defaultdict(list)
    unknown: defaultdict[tuple[Service, Impact], int] = defaultdict(int)
    incidents = list(incidents)
    own = _coverage((told.owner, told.codes) for told in incidents if told.incident.on_behalf_of is None)
    for told in incidents:
        proxy, users = told.incident.on_behalf_of is not None, told.incident.users
        for service, impact in told.impacts.items():
            numbers = told.numbers.get(service)
            if impact is Impact.NO_IMPACT:
                continue
            if users is None or numbers is None:
                unknown[service, impact] += 1
            else:
                reports[service, impact].append(
                    Report(told.ref, told.owner, proxy, users.scope, told.codes, users.by_area, *numbers)
                )
    ranges: defaultdict[Service, dict[Impact, UserRange]] = defaultdict(dict)
    for service, impact in sorted({*reports, *unknown}):
        ranges[service][impact] = _combine(reports[service, impact], unknown[service, impact], own)
    return {service.value: _worst_first(by_impact) for service, by_impact in ranges.items()}


class UserTotals:
    """The users of all situations: per service and impact, the ranges added. Kept up to date by what changes."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def add(self, users: Mapping[str, ServiceUsers], sign: int = 1) -> None:
        """Count a situation's users in, or with sign -1 out again."""
        for service, found in users.items():
            for impact, part in found.by_impact.items():
                sums = self._sums[service, impact]
                sums["ranges"] += sign
                sums["low"] += sign * part.low
                sums["unknown_reports"] += sign * part.unknown_reports
                for name, number in (("best", part.best), ("high", part.high)):
                    if number is not None:
                        sums[name] += sign * number
                        sums[f"{name}_known"] += sign
                if not sums["ranges"]:
                    del self._sums[service, impact]

    def totals(self) -> dict[str, ServiceUsers]:
        """Per service, sorted."""
        ranges: defaultdict[str, dict[Impact, UserRange]] = defaultdict(dict)
        for (service, impact), sums in sorted(self._sums.items()):
            ranges[service][Impact(impact)] = UserRange(
                low=sums["low"],
                best=sums["best"] if sums["best_known"] else None,
                high=sums["high"] if sums["high_known"] else None,
                unknown_reports=sums["unknown_reports"],
            )
        return {service: _worst_first(by_impact) for service, by_impact in ranges.items()}


def _worst_first(by_impact: dict[Impact, UserRange]) -> ServiceUsers:
    ordered = sorted(by_impact, key=RANK.__getitem__, reverse=True)
    worst = by_impact[ordered[0]]
    return ServiceUsers(
        impact=ordered[0],
        low=worst.low,
        best=worst.best,
        high=worst.high,
        unknown_reports=worst.unknown_reports,
        by_impact={impact.value: by_impact[impact] for impact in ordered},
    )


def _combine(reports: Sequence[Report], unknown: int, own: Mapping[str, Coverage]) -> UserRange:
    """The range that reports on one service and impact amount to. `own`: where each operator speaks for itself."""
    if not reports:
        return UserRange(low=0, best=None, high=None, unknown_reports=unknown)
    widening, counted = _part(reports, lambda r: r.scope in _NOT_PEOPLE)
    superseded, counted = _part(counted, lambda r: r.proxy and r.owner in own and own[r.owner].touches(r.codes))
    hosts = _coverage((r.owner, r.codes) for r in counted if r.scope is CountScope.INCLUDING_WHOLESALE)
    absorbed, counted = _part(
        counted,
        lambda r: (
            r.scope is not CountScope.INCLUDING_WHOLESALE
            and any(host != r.owner and areas.touches(r.codes) for host, areas in hosts.items())
        ),
    )
    by_owner: defaultdict[str, list[Report]] = defaultdict(list)
    for report in counted:
        by_owner[report.owner].append(report)
    low = best = high = 0
    for reports_of_one in by_owner.values():
        for cluster in _clusters(reports_of_one):
            same = _same_people(cluster)
            low, best, high = low + same[0], best + same[1], high + same[2]
    high += sum(r.high for r in (*widening, *superseded, *absorbed))
    return UserRange(low=low, best=best if counted else None, high=high, unknown_reports=unknown)


def _part(reports: Sequence[Report], of: Callable[[Report], bool]) -> tuple[list[Report], list[Report]]:
    """Those for which it holds, and the others."""
    holds = [of(report) for report in reports]
    return list(compress(reports, holds)), list(compress(reports, map(not_, holds)))


def _same_people(cluster: Sequence[Report]) -> tuple[int, int, int]:
    """The greatest low, best and high that reports of one operator on overlapping areas amount to.

    Either one of them alone, or, where they all count by municipality, the greatest per municipality; or those on the
    smallest areas that do not overlap each other, added.
    """
    if len(cluster) == 1:
        (report,) = cluster
        return report.low, report.best, report.high
    by_municipality = 0
    if all(r.by_area for r in cluster):
        per_area: dict[str, int] = {}
        for report in cluster:
            for code, number in report.by_area.items():
                per_area[code] = max(per_area.get(code, 0), number)
        by_municipality = sum(per_area.values())
    disjoint = _disjoint(cluster)
    return (
        max(by_municipality, *(r.low for r in cluster), sum(r.low for r in disjoint)),
        max(by_municipality, *(r.best for r in cluster), sum(r.best for r in disjoint)),
        max(by_municipality, *(r.high for r in cluster), sum(r.high for r in disjoint)),
    )


def _disjoint(cluster: Iterable[Report]) -> list[Report]:
    """Reports that do not overlap each other, narrow ones first. Chosen once, so that what is added for `low` is also
    added for `best` and `high`: the range stays in order.
    """
    taken, found = Coverage(), []
    for report in sorted(cluster, key=lambda r: (_extent(r), -r.best, r.ref)):
        if not taken.touches(report.codes):
            taken.add(report.codes)
            found.append(report)
    return found


_EXTENT = {AreaKind.KOMMUN: 1, AreaKind.LAN: 100, AreaKind.COUNTRY: 10_000}


def _extent(report: Report) -> int:
    """How wide a report's areas are, only to tell the narrower from the wider."""
    return sum(_EXTENT[kind] for code in report.codes if (kind := geography.kind_of(code)))


def _clusters(reports: Sequence[Report]) -> list[list[Report]]:
    """Reports that overlap one another, directly or through others."""
    if len(reports) == 1:
        return [list(reports)]
    named = {code for report in reports for code in report.codes}
    sets = DisjointSets({*named, *(report.ref for report in reports)})
    for code in named:
        for outer in (code[:2], geography.COUNTRY):
            if outer in named:
                sets.join(code, outer)
    for report in reports:
        for code in report.codes:
            sets.join(report.ref, code)
    clusters: defaultdict[str, list[Report]] = defaultdict(list)
    for report in reports:
        clusters[sets.root(report.ref)].append(report)
    return list(clusters.values())


class Coverage:
    """A set of areas that tells whether others overlap it. Reports that name no area overlap nothing by code."""

    def __init__(self) -> None:
        self._codes: set[str] = set()
        self._around: set[str] = set()

    def add(self, codes: Iterable[str]) -> None:
        for code in codes:
            self._codes.add(code)
            self._around |= {code, code[:2], geography.COUNTRY}

    def touches(self, codes: Iterable[str]) -> bool:
        held = self._codes
        return any(code in self._around or code[:2] in held or geography.COUNTRY in held for code in codes)


def _coverage(found: Iterable[tuple[str, Iterable[str]]]) -> Mapping[str, Coverage]:
    """The areas of each owner, from owners and codes."""
    by_owner: defaultdict[str, Coverage] = defaultdict(Coverage)
    for owner, codes in found:
        by_owner[owner].add(codes)
    return by_owner
