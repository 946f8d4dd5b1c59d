"""How many users are affected, without counting anyone twice.

Never summed across services: one person has a mobile and a fixed line. Never summed across impacts: the users that are
degraded are not a part of those that are cut off. Within a service and an impact, by whose users they are:

- reports of one operator on overlapping areas are the same people: the greatest counts, not the sum;
- the own subscribers of different operators are different people: the sum;
- a host that includes its wholesale customers absorbs the reports from overlapping areas of those who may be among
  them: they widen `high` and leave `low` and `best`. Who is known to have a network of its own is nobody's customer;
- counts of wholesale customers alone, and those that are guessed from sites, only widen `high`;
- connections and devices are no persons (machines have them too, and a household may share one): their numbers are a
  unit of its own (`other_units`), never added to people, and their reports tell no number of people;
- a report that staff or an aggregator made for an operator only widens `high` where an open incident of the operator's
  own is there too, whatever that one counts;
- a report without a number is counted as such, and never as zero.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

from bus import geography
from bus.vocabulary import AreaKind, CountScope, Impact, Service
from consumers.merge.components import DisjointSets
from consumers.merge.effects import RANK
from consumers.merge.parties import Party
from consumers.merge.told import Told
from consumers.merge.view import ServiceUsers, UserRange

NOT_PEOPLE = frozenset({CountScope.WHOLESALE_ONLY, CountScope.SITES_PROXY})
"""What a count may be of that is not of an operator's own people."""
OTHER_UNITS = frozenset({CountScope.CONNECTIONS, CountScope.DEVICES})
"""What a count may be of that is no number of people at all."""


_REMEMBERED = 4_096
"""Groups of reports whose sum is remembered. In a storm a message changes one group of many."""


class Standing(StrEnum):
    """What becomes of a report's count in the sum."""

    COUNTED = "COUNTED"
    SAME_PEOPLE = "SAME_PEOPLE"
    """The operator's other reports on overlapping areas count these people already."""
    OWN_NETWORK = "OWN_NETWORK"
    """Counted beside a host that includes its wholesale customers, for it has a network of its own: other people."""
    ABSORBED = "ABSORBED"
    """A host that includes its wholesale customers may count these people already; only `high` widens."""
    NOT_PEOPLE = "NOT_PEOPLE"
    """It counts wholesale customers or sites; only `high` widens."""
    OTHER_UNIT = "OTHER_UNIT"
    """It counts connections or devices: a unit of its own, which tells no number of people."""
    SUPERSEDED = "SUPERSEDED"
    """Made for an operator that speaks for itself here; only `high` widens."""


class Report(NamedTuple):
    """One incident's count for one service."""

    ref: str
    owner: str
    proxy: bool
    scope: CountScope
    codes: tuple[str, ...]
    by_area: tuple[tuple[str, int], ...]
    low: int
    best: int
    high: int
    has_network: bool = False


class Contribution(NamedTuple):
    """What one report adds to the range."""

    report: Report
    standing: Standing
    low: int
    best: int
    high: int
    beside: str | None = None
    """Because of which report this one does not count in full."""


class Account(NamedTuple):
    """How the users of one service and impact come about: the range is the sum of the contributions."""

    contributions: Sequence[Contribution]
    unknown: Sequence[str]
    """Reports without a number."""

    @property
    def range(self) -> UserRange:
        people = [one for one in self.contributions if one.standing is not Standing.OTHER_UNIT]
        unknown = len(self.unknown) + len(self.contributions) - len(people)
        units = _units(self.contributions) if len(people) < len(self.contributions) else {}
        if not people:
            return UserRange(low=0, best=None, high=None, unknown_reports=unknown, other_units=units)
        low = best = high = 0
        known = False
        for contribution in people:
            low, best, high = low + contribution.low, best + contribution.best, high + contribution.high
            known = known or contribution.standing in _KNOWN
        return UserRange(low=low, best=best if known else None, high=high, unknown_reports=unknown, other_units=units)


_KNOWN = frozenset({Standing.COUNTED, Standing.OWN_NETWORK, Standing.SAME_PEOPLE})
"""With no other report there is no best number."""


def count_users(parties: Iterable[Party]) -> dict[str, ServiceUsers]:
    """Affected users per service, of the open incidents of one situation (duplicates left out), by its parties."""
    ranges: dict[tuple[Service, Impact], UserRange] = {}
    for party in parties:
        for loss, found in party.once(_ranges).items():
            held = ranges.get(loss)
            ranges[loss] = found if held is None else _added(held, found)
    by_service: defaultdict[str, dict[Impact, UserRange]] = defaultdict(dict)
    for service, impact in sorted(ranges):
        by_service[service.value][impact] = ranges[service, impact]
    return {service: _worst_first(by_impact) for service, by_impact in by_service.items()}


def _ranges(party: Party) -> dict[tuple[Service, Impact], UserRange]:
    accounts = account_for_users(party.opened)
    return {
        (service, impact): account.range for service, found in accounts.items() for impact, account in found.items()
    }


def _added(a: UserRange, b: UserRange) -> UserRange:
    """Of two parties, who have no users in common. What only one of them knows stands for both."""
    return UserRange(
        low=a.low + b.low,
        best=a.best if b.best is None else b.best + (a.best or 0),
        high=a.high if b.high is None else b.high + (a.high or 0),
        unknown_reports=a.unknown_reports + b.unknown_reports,
        other_units=_sum_of_units(a.other_units, b.other_units),
    )


def _sum_of_units(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {unit: a.get(unit, 0) + b.get(unit, 0) for unit in sorted({*a, *b})} if a or b else {}


def _units(contributions: Iterable[Contribution]) -> dict[str, int]:
    """The numbers in other units: of one operator on overlapping areas the greatest, of several the sum."""
    by_owner: defaultdict[tuple[str, str], list[Report]] = defaultdict(list)
    for report, standing, *_ in contributions:
        if standing is Standing.OTHER_UNIT:
            by_owner[report.scope.value, report.owner].append(report)
    found: Counter[str] = Counter()
    for (unit, _), reports in by_owner.items():
        found[unit] += sum(contribution.best for contribution in _of_one(tuple(reports)))
    return dict(sorted(found.items()))


def account_for_users(incidents: Iterable[Told]) -> dict[Service, dict[Impact, Account]]:
    """What each of some open incidents, duplicates left out, adds per service and impact, sorted."""
    reports: defaultdict[tuple[Service, Impact], list[Report]] = defaultdict(list)
    unknown: defaultdict[tuple[Service, Impact], list[str]] = defaultdict(list)
    incidents = list(incidents)
    own = _coverage((told.owner, told.ref, told.codes) for told in incidents if told.incident.on_behalf_of is None)
    for told in incidents:
        proxy, users = told.incident.on_behalf_of is not None, told.incident.users
        by_area = tuple(users.by_area.items()) if users else ()
        for service, impact in told.impacts.items():
            numbers = told.numbers.get(service)
            if impact is Impact.NO_IMPACT:
                continue
            if users is None or numbers is None:
                unknown[service, impact].append(told.ref)
            else:
                reports[service, impact].append(
                    Report(told.ref, told.owner, proxy, users.scope, told.codes, by_area, *numbers, told.has_network)
                )
    accounts: defaultdict[Service, dict[Impact, Account]] = defaultdict(dict)
    for service, impact in sorted({*reports, *unknown}):
        contributions = _contributions(reports[service, impact], own)
        accounts[service][impact] = Account(contributions, unknown[service, impact])
    return dict(accounts)


class UserTotals:
    """The users of all situations: per service and impact, the ranges added. Kept up to date by what changes."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._units: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)

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
                for unit, number in part.other_units.items():
                    self._units[service, impact][unit] += sign * number
                if not sums["ranges"]:
                    del self._sums[service, impact]
                    self._units.pop((service, impact), None)

    def totals(self) -> dict[str, ServiceUsers]:
        """Per service, sorted."""
        ranges: defaultdict[str, dict[Impact, UserRange]] = defaultdict(dict)
        for (service, impact), sums in sorted(self._sums.items()):
            ranges[service][Impact(impact)] = UserRange(
                low=sums["low"],
                best=sums["best"] if sums["best_known"] else None,
                high=sums["high"] if sums["high_known"] else None,
                unknown_reports=sums["unknown_reports"],
                other_units={u: n for u, n in sorted(self._units.get((service, impact), {}).items()) if n},
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
        other_units=worst.other_units,
        by_impact={impact.value: by_impact[impact] for impact in ordered},
    )


def _contributions(reports: Iterable[Report], own: Mapping[str, Coverage]) -> list[Contribution]:
    """What each report on one service and impact adds. `own`: where each operator speaks for itself."""
    found: list[Contribution] = []
    people: list[Report] = []
    for report in reports:
        if report.scope in OTHER_UNITS:
            found.append(Contribution(report, Standing.OTHER_UNIT, 0, 0, 0))
        elif report.scope in NOT_PEOPLE:
            found.append(_widening(report, Standing.NOT_PEOPLE))
        elif report.proxy and report.owner in own and (beside := own[report.owner].holder(report.codes)):
            found.append(_widening(report, Standing.SUPERSEDED, beside))
        else:
            people.append(report)
    hosts = _coverage((r.owner, r.ref, r.codes) for r in people if r.scope is CountScope.INCLUDING_WHOLESALE)
    by_owner: defaultdict[str, list[Report]] = defaultdict(list)
    apart: dict[str, str] = {}
    for report in people:
        beside = _host_of(report, hosts)
        if beside and not report.has_network:
            found.append(_widening(report, Standing.ABSORBED, beside))
            continue
        if beside:
            apart[report.ref] = beside
        by_owner[report.owner].append(report)
    for reports_of_one in by_owner.values():
        counted = _of_one(tuple(reports_of_one))
        found += [_beside(one, apart) for one in counted] if apart else counted
    return found


def _beside(counted: Contribution, hosts: Mapping[str, str]) -> Contribution:
    """What counts in full beside a host says so."""
    host = hosts.get(counted.report.ref)
    if host is None or counted.standing is not Standing.COUNTED:
        return counted
    return counted._replace(standing=Standing.OWN_NETWORK, beside=host)


@lru_cache(maxsize=_REMEMBERED)
def _of_one(reports: tuple[Report, ...]) -> tuple[Contribution, ...]:
    """Of one operator's reports. Remembered, and so are those on one place: a message changes one of many."""
    return tuple(found for cluster in overlapping(reports) for found in _same_people(tuple(cluster)))


def _widening(report: Report, standing: Standing, beside: str | None = None) -> Contribution:
    return Contribution(report, standing, 0, 0, report.high, beside)


def _host_of(report: Report, hosts: Mapping[str, Coverage]) -> str | None:
    """The report of another operator that counts its wholesale customers in the same place."""
    if report.scope is CountScope.INCLUDING_WHOLESALE:
        return None
    if not hosts:
        return None
    found = (areas.holder(report.codes) for host, areas in hosts.items() if host != report.owner)
    return next(filter(None, found), None)


@lru_cache(maxsize=_REMEMBERED)
def _same_people(cluster: tuple[Report, ...]) -> tuple[Contribution, ...]:
    """The greatest low, best and high that reports of one operator on overlapping areas amount to.

    Either one of them alone, or, where they all count by municipality, the greatest per municipality; or those on the
    smallest areas that do not overlap each other, added. Each bound is taken where it is greatest.
    """
    if len(cluster) == 1:
        (report,) = cluster
        return (Contribution(report, Standing.COUNTED, report.low, report.best, report.high),)
    disjoint, by_municipality = _disjoint(cluster), _by_municipality(cluster)
    low, best, high = (
        max(
            _greatest({r.ref: number(r) for r in cluster}),
            {r.ref: number(r) for r in disjoint},
            by_municipality,
            key=lambda way: sum(way.values()),
        )
        for number in _BOUNDS
    )
    found, stands = [], min(best)
    for report in cluster:
        ref = report.ref
        counts = ref in low or ref in best or ref in high
        standing, beside = (Standing.COUNTED, None) if counts else (Standing.SAME_PEOPLE, stands)
        found.append(Contribution(report, standing, low.get(ref, 0), best.get(ref, 0), high.get(ref, 0), beside))
    return tuple(found)


_BOUNDS = attrgetter("low"), attrgetter("best"), attrgetter("high")


def _greatest(numbers: Mapping[str, int]) -> Mapping[str, int]:
    ref = max(numbers, key=numbers.__getitem__)
    return {ref: numbers[ref]}


def _by_municipality(cluster: Sequence[Report]) -> Mapping[str, int]:
    """Per report, the municipalities for which it tells the greatest count, added; empty unless all count so."""
    if not all(report.by_area for report in cluster):
        return {}
    greatest: dict[str, tuple[int, str]] = {}
    for report in cluster:
        for code, number in report.by_area:
            if code not in greatest or number > greatest[code][0]:
                greatest[code] = number, report.ref
    added: Counter[str] = Counter()
    for number, ref in greatest.values():
        added[ref] += number
    return added


def _disjoint(cluster: Iterable[Report]) -> list[Report]:
    """Reports that do not overlap each other, narrow ones first. Chosen once, so that what is added for `low` is also
    added for `best` and `high`: the range stays in order.
    """
    taken, found = Coverage(), []
    for report in sorted(cluster, key=lambda r: (_extent(r), -r.best, r.ref)):
        if taken.holder(report.codes) is None:
            taken.add(report.ref, report.codes)
            found.append(report)
    return found


_EXTENT = {AreaKind.KOMMUN: 1, AreaKind.LAN: 100, AreaKind.COUNTRY: 10_000}


def _extent(report: Report) -> int:
    """How wide a report's areas are, only to tell the narrower from the wider."""
    return sum(_EXTENT[kind] for code in report.codes if (kind := geography.kind_of(code)))


class Located(Protocol):
    """A report on areas."""

    @property
    def ref(self) -> str: ...
    @property
    def codes(self) -> tuple[str, ...]: ...


AnyReport = TypeVar("AnyReport", bound=Located)


def overlapping(reports: Sequence[AnyReport]) -> list[list[AnyReport]]:
    """Reports that overlap one another, directly or through others, together."""
    if len(reports) == 1:
        return [list(reports)]
    named = {code for report in reports for code in report.codes}
    sets = DisjointSets(named)
    for code in named:
        for outer in (code[:2], geography.COUNTRY):
            if outer in named:
                sets.join(code, outer)
    for report in reports:
        for code in report.codes[1:]:
            sets.join(report.codes[0], code)
    clusters: defaultdict[str, list[AnyReport]] = defaultdict(list)
    for report in reports:
        clusters[sets.root(report.codes[0]) if report.codes else report.ref].append(report)
    return list(clusters.values())


class Coverage:
    """A set of areas, each with who named it first, that tells whether others overlap it. Reports that name no area
    overlap nothing by code.
    """

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._around: dict[str, str] = {}

    def add(self, ref: str, codes: Iterable[str]) -> None:
        for code in codes:
            self._codes.setdefault(code, ref)
            for around in (code, code[:2], geography.COUNTRY):
                self._around.setdefault(around, ref)

    def holder(self, codes: Iterable[str]) -> str | None:
        """Who named an area that overlaps one of the codes; None where none does."""
        held = self._codes
        for code in codes:
            found = self._around.get(code) or held.get(code[:2]) or held.get(geography.COUNTRY)
            if found is not None:
                return found
        return None


def _coverage(found: Iterable[tuple[str, str, Iterable[str]]]) -> Mapping[str, Coverage]:
    """The areas of each owner, from owners, references and codes."""
    by_owner: defaultdict[str, Coverage] = defaultdict(Coverage)
    for owner, ref, codes in found:
        by_owner[owner].add(ref, codes)
    return by_owner
