"""What is reported where: per county and municipality, by operator.

A county's impact includes its municipalities', and a report for the whole country counts in every county. Downwards it
never rolls: "somewhere in the county" does not paint the municipalities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from bus import geography
from bus.vocabulary import Impact
from consumers.merge.told import RANK, Told
from consumers.merge.view import AreaItem


class AreaBook:
    """The open incidents' reports by area and situation, and which areas changed."""

    def __init__(self) -> None:
        self._reports: defaultdict[str, dict[str, list[Told]]] = defaultdict(dict)
        self._codes: dict[str, set[str]] = {}
        self._dirty: set[str] = {county.code for county in geography.counties()}

    def put(self, situation: str, incidents: Iterable[Told]) -> None:
        """Set the open incidents of a situation; none takes it out."""
        for code in self._codes.pop(situation, ()):
            del self._reports[code][situation]
            self._dirty.add(code)
        reports: defaultdict[str, list[Told]] = defaultdict(list)
        for incident in incidents:
            for code in incident.codes:
                reports[code].append(incident)
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
                    if report.owner not in worst or RANK[report.worst] > RANK[worst[report.owner]]:
                        worst[report.owner] = report.worst
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

    def _at(self, code: str) -> Iterator[Told]:
        for reports in self._reports.get(code, {}).values():
            yield from reports
