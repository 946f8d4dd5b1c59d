"""What is reported where: per county and municipality, by operator.

A county's impact includes its municipalities', and a report for the whole country counts in every county. Downwards it
never rolls: "somewhere in the county" does not paint the municipalities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bus import geography
from bus.messages import Incident
from bus.vocabulary import MOBILE_SERVICES, Impact
from consumers.merge.entities import owner
from consumers.merge.users import RANK, area_codes, impacts_of
from consumers.merge.view import AreaItem

_NEARLY_ALL = 90.0
"""Percent affected from which an outage of a wider area counts as one of each area in it."""


class _Report(NamedTuple):
    owner: str
    impact: Impact
    mobile_down: bool
    mobile_down_nearly_all: bool


class AreaBook:
    """The open incidents' reports by area and situation, and which areas changed."""

    def __init__(self) -> None:
        self._reports: defaultdict[str, dict[str, list[_Report]]] = defaultdict(dict)
        self._codes: dict[str, set[str]] = {}
        self._dirty: set[str] = {county.code for county in geography.counties()}

    def put(self, situation: str, incidents: Iterable[Incident]) -> None:
        """Set the open incidents of a situation; none takes it out."""
        for code in self._codes.pop(situation, ()):
            del self._reports[code][situation]
            self._dirty.add(code)
        reports: defaultdict[str, list[_Report]] = defaultdict(list)
        for incident in incidents:
            report = _report(incident)
            for code in area_codes(incident):
                reports[code].append(report)
        for code, found in reports.items():
            self._reports[code][situation] = found
            self._dirty.add(code)
        if reports:
            self._codes[situation] = set(reports)

    def invalidate(self) -> None:
        """Everything is to be told anew: who counts as a mobile network operator has changed."""
        self._dirty |= {county.code for county in geography.counties()} | set(self._reports)

    def refresh(self, mobile_operators: frozenset[str]) -> Iterator[tuple[str, AreaItem | None]]:
        """Every area that may have changed; None for a municipality that nothing is reported for any more."""
        for code in sorted(self._affected()):
            yield code, self._item(code, mobile_operators)
        self._dirty.clear()

    def _affected(self) -> set[str]:
        codes = {code for code in self._dirty if code != geography.COUNTRY}
        codes |= {code[:2] for code in codes}
        if geography.COUNTRY in self._dirty:
            codes |= {county.code for county in geography.counties()} | (set(self._reports) - {geography.COUNTRY})
        wider = {code for code in codes if len(code) == 2}
        return codes | {code for code in self._reports if len(code) == 4 and code[:2] in wider}

    def _item(self, code: str, mobile_operators: frozenset[str]) -> AreaItem | None:
        is_county = len(code) == 2
        counted = [code]
        if is_county:
            counted += [inner for inner in self._reports if len(inner) == 4 and inner[:2] == code]
            counted.append(geography.COUNTRY)
        worst: dict[str, Impact] = {}
        situations: set[str] = set()
        for area in counted:
            for situation, reports in self._reports.get(area, {}).items():
                situations.add(situation)
                for report in reports:
                    if report.owner not in worst or RANK[report.impact] > RANK[worst[report.owner]]:
                        worst[report.owner] = report.impact
        if not worst and not is_county:
            return None
        return AreaItem.model_construct(
            code=code,
            name=geography.name_of(code),
            impact=dict(sorted(worst.items())),
            all_mobile_down=bool(mobile_operators) and mobile_operators <= self._without_mobile(code),
            situations=tuple(sorted(situations)),
        )

    def _without_mobile(self, code: str) -> set[str]:
        exactly = {report.owner for report in self._at(code) if report.mobile_down}
        for wider in {code[:2], geography.COUNTRY} - {code}:
            exactly |= {report.owner for report in self._at(wider) if report.mobile_down_nearly_all}
        return exactly

    def _at(self, code: str) -> Iterator[_Report]:
        for reports in self._reports.get(code, {}).values():
            yield from reports


def _report(incident: Incident) -> _Report:
    down = [i for i in incident.impacts if i.impact is Impact.OUTAGE and i.service in MOBILE_SERVICES]
    return _Report(
        owner(incident),
        max(impacts_of(incident).values(), key=RANK.__getitem__),
        bool(down),
        any((i.percent_affected or 0) >= _NEARLY_ALL for i in down),
    )
