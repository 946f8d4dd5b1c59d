"""How many sites are out of service, and by what cause, of the open incidents of one situation.

Sites of different operators are different sites, unless their reports name a common asset: then they may stand on the
same masts. So may the sites in several reports of one operator on overlapping areas. Of such reports the greatest
counts for `low`, and the sum for `high`. Causes are told for some of the sites only: what is left over is unexplained,
and nothing is made to add up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import itemgetter
from typing import NamedTuple

from bus.messages import Sites
from consumers.merge.components import DisjointSets
from consumers.merge.parties import Party
from consumers.merge.told import Told
from consumers.merge.users import overlapping
from consumers.merge.view import SiteRange, SituationSites

MOST_CAUSES = 20
"""A situation lists so many causes, those of most sites first; it tells how many there are."""


class _Number(NamedTuple):
    """What several reports tell of one number."""

    greatest: int
    sum: int
    told: int
    """How many tell it."""

    @classmethod
    def of(cls, number: int | None) -> _Number:
        return _NOTHING if number is None else cls(number, number, 1)

    def beside(self, other: _Number) -> _Number:
        return _Number(max(self.greatest, other.greatest), self.sum + other.sum, self.told + other.told)


_NOTHING = _Number(0, 0, 0)


class _Group(NamedTuple):
    """Reports that may speak of the same sites."""

    ref: str
    """One of them."""
    reports: int
    assets: frozenset[str]
    served: _Number
    out: _Number
    on_backup: _Number
    worst: tuple[int, str, Sites]
    """The report of most sites out of service, of several the first: minus that number, and the reference."""

    def beside(self, other: _Group) -> _Group:
        return _Group(
            ref=self.ref,
            reports=self.reports + other.reports,
            assets=self.assets | other.assets,
            served=self.served.beside(other.served),
            out=self.out.beside(other.out),
            on_backup=self.on_backup.beside(other.on_backup),
            worst=min(self.worst, other.worst, key=itemgetter(0, 1)),
        )


def count_sites(parties: Iterable[Party]) -> SituationSites | None:
    """None where nobody tells of sites."""
    groups = _joined([group for party in parties for group in party.once(_groups)])
    if not groups:
        return None
    worst = [sites for group in groups for _, _, sites in [group.worst]]
    causes: Counter[str] = Counter()
    for sites in worst:
        causes.update(sites.out_by_cause)
    told = sorted(((cause, sites) for cause, sites in causes.items() if sites), key=lambda found: (-found[1], found[0]))
    reports = sum(group.reports for group in groups)
    return SituationSites(
        served=_range([group.served for group in groups], reports),
        out=_range([group.out for group in groups], reports),
        on_backup=_range([group.on_backup for group in groups], reports),
        out_by_cause=dict(sorted(told[:MOST_CAUSES])),
        cause_count=len(told),
        out_unexplained=_unexplained(worst),
    )


def _unexplained(reports: Iterable[Sites]) -> int | None:
    left = [max(0, sites.out - sum(sites.out_by_cause.values())) for sites in reports if sites.out is not None]
    return sum(left) if left else None


def _range(numbers: Iterable[_Number], reports: int) -> SiteRange:
    low = high = told = 0
    for number in numbers:
        low, high, told = low + number.greatest, high + number.sum, told + number.told
    return SiteRange(low=low, high=high if told else None, unknown_reports=reports - told)


def _groups(party: Party) -> list[_Group]:
    """By owner and place."""
    by_owner: defaultdict[str, list[Told]] = defaultdict(list)
    for told in party.opened:
        if told.incident.sites is not None:
            by_owner[told.owner].append(told)
    return [_together(map(_alone, cluster)) for reports in by_owner.values() for cluster in overlapping(reports)]


def _alone(told: Told) -> _Group:
    sites = told.incident.sites
    if sites is None:
        raise ValueError(f"{told.ref} tells of no sites")
    return _Group(
        ref=told.ref,
        reports=1,
        assets=told.assets,
        served=_Number.of(sites.served),
        out=_Number.of(sites.out),
        on_backup=_Number.of(sites.on_backup),
        worst=(-(sites.out or 0), told.ref, sites),
    )


def _joined(groups: Sequence[_Group]) -> Sequence[_Group]:
    """Those that name an asset in common, together."""
    naming: dict[str, str] = {}
    common = [
        (group.ref, first)
        for group in groups
        for asset in group.assets
        if (first := naming.setdefault(asset, group.ref)) != group.ref
    ]
    if not common:
        return groups
    sets = DisjointSets([group.ref for group in groups])
    for a, b in common:
        sets.join(a, b)
    by_root: defaultdict[str, list[_Group]] = defaultdict(list)
    for group in groups:
        by_root[sets.root(group.ref)].append(group)
    return [_together(found) for found in by_root.values()]


def _together(groups: Iterable[_Group]) -> _Group:
    return reduce(_Group.beside, groups)
