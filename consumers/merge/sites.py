"""How many sites are out of service, and by what cause, of the open incidents of one situation.

Sites of different operators are different sites, unless their reports name a common asset: then they may stand on the
same masts. So may the sites in several reports of one operator on overlapping areas. Of such reports the greatest
counts for `low`, and the sum for `high`. Causes are told for some of the sites only: what is left over is unexplained,
and nothing is made to add up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from bus.messages import Sites
from consumers.merge.components import DisjointSets
from consumers.merge.told import Told
from consumers.merge.users import overlapping
from consumers.merge.view import SiteRange, SituationSites

MOST_CAUSES = 20
"""A situation lists so many causes, those of most sites first; it tells how many there are."""


def count_sites(incidents: Iterable[Told]) -> SituationSites | None:
    """None where nobody tells of sites."""
    groups = _groups([told for told in incidents if told.incident.sites is not None])
    if not groups:
        return None
    worst = [max(group, key=lambda sites: sites.out or 0) for group in groups]
    causes: Counter[str] = Counter()
    for sites in worst:
        causes.update(sites.out_by_cause)
    told = sorted(((cause, sites) for cause, sites in causes.items() if sites), key=lambda found: (-found[1], found[0]))
    return SituationSites(
        served=_range(groups, lambda sites: sites.served),
        out=_range(groups, lambda sites: sites.out),
        on_backup=_range(groups, lambda sites: sites.on_backup),
        out_by_cause=dict(sorted(told[:MOST_CAUSES])),
        cause_count=len(told),
        out_unexplained=_unexplained(worst),
    )


def _unexplained(reports: Iterable[Sites]) -> int | None:
    left = [max(0, sites.out - sum(sites.out_by_cause.values())) for sites in reports if sites.out is not None]
    return sum(left) if left else None


def _range(groups: Sequence[Sequence[Sites]], number: Callable[[Sites], int | None]) -> SiteRange:
    told = [[found for sites in group if (found := number(sites)) is not None] for group in groups]
    known = [numbers for numbers in told if numbers]
    return SiteRange(
        low=sum(map(max, known)),
        high=sum(map(sum, known)) if known else None,
        unknown_reports=sum(map(len, groups)) - sum(map(len, known)),
    )


def _groups(reports: Sequence[Told]) -> list[list[Sites]]:
    """Reports that may speak of the same sites, together."""
    sets = DisjointSets([told.ref for told in reports])
    by_owner: defaultdict[str, list[Told]] = defaultdict(list)
    by_asset: defaultdict[str, list[Told]] = defaultdict(list)
    for told in reports:
        by_owner[told.owner].append(told)
        for asset in told.incident.infrastructure_ids:
            by_asset[asset].append(told)
    same = [cluster for found in by_owner.values() for cluster in overlapping(found)]
    for cluster in (*same, *by_asset.values()):
        for told in cluster:
            sets.join(cluster[0].ref, told.ref)
    groups: defaultdict[str, list[Sites]] = defaultdict(list)
    for told in sorted(reports, key=lambda told: told.ref):
        if told.incident.sites is not None:
            groups[sets.root(told.ref)].append(told.incident.sites)
    return list(groups.values())
