"""What differs between two pictures, as a reader of the later report asks: what is new, worse, better, over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bus.instants import Instant
from bus.vocabulary import EMERGENCY_ORDER, IMPACT_ORDER, EmergencyImpact, MeasureState, SituationState
from consumers.merge.view import Conflict, MeasureItem, Situation, View

__all__ = ["Change", "ChangeKind", "Changes", "Difference", "compare"]

OVER = frozenset({SituationState.RESTORED, SituationState.CLOSED})
UNDERWAY = frozenset({MeasureState.ACTIVATING, MeasureState.ACTIVE, MeasureState.DEACTIVATING})


NOTABLE = 0.2
"""By how much of the greater one two numbers of users must differ for that to be a change."""


class ChangeKind(StrEnum):
    """How a situation changed. CHANGED: some of it worse, some of it better."""

    NEW = "NEW"
    WORSE = "WORSE"
    CHANGED = "CHANGED"
    BETTER = "BETTER"
    OVER = "OVER"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of a situation that is not as it was. `worse`: for the better if False."""

    what: str
    """`severity`, `emergency`, `forecast`, a service (its impact), or `users/` and a service (how many)."""
    before: str | None
    now: str | None
    worse: bool


@dataclass(frozen=True, slots=True)
class Change:
    kind: ChangeKind
    situation: str
    title: str
    level: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """From one picture to a later one. Situations: new first, then worse, changed, better, over."""

    number: int
    """Of the report that the earlier picture was told in."""
    since: Instant
    situations: tuple[Change, ...]
    new_conflicts: tuple[Conflict, ...]
    changed_conflicts: tuple[Conflict, ...]
    """Between the same things by the same rule, of which other facts hold now."""
    past_conflicts: tuple[Conflict, ...]
    started_measures: tuple[MeasureItem, ...]
    ended_measures: tuple[MeasureItem, ...]

    @property
    def any(self) -> bool:
        return bool(
            self.situations or self.new_conflicts or self.past_conflicts or self.started_measures or self.ended_measures
        )


T = TypeVar("T")


def compare(number: int, before: View, now: View) -> Changes:
    """What changed from the picture of report `number` until now."""
    conflicts = (_by(before.conflicts, _between), _by(now.conflicts, _between))
    measures = (_by(_underway(before), _measure_ref), _by(_underway(now), _measure_ref))
    return Changes(
        number=number,
        since=before.as_of,
        situations=tuple(sorted(_situations(before, now), key=_order)),
        new_conflicts=_only_in(conflicts[1], conflicts[0]),
        changed_conflicts=tuple(
            conflict
            for key, conflict in conflicts[1].items()
            if key in conflicts[0] and conflicts[0][key].id != conflict.id
        ),
        past_conflicts=_only_in(conflicts[0], conflicts[1]),
        started_measures=_only_in(measures[1], measures[0]),
        ended_measures=_only_in(measures[0], measures[1]),
    )


def _situations(before: View, now: View) -> Iterable[Change]:
    known = {id: situation for situation in before.situations for id in (situation.id, *situation.aliases)}
    gone = {situation.id: situation for situation in before.situations if situation.state not in OVER}
    for situation in now.situations:
        earlier = [known[id] for id in (situation.id, *situation.aliases) if id in known]
        for each in earlier:
            gone.pop(each.id, None)
        was = max(earlier, key=lambda each: each.severity.level, default=None)
        if situation.state in OVER:
            if was is not None and was.state not in OVER:
                yield _change(ChangeKind.OVER, situation, ())
        elif was is None or was.state in OVER:
            yield _change(ChangeKind.NEW, situation, ())
        elif differences := tuple(_differences(was, situation)):
            yield _change(_kind_of(differences), situation, differences)
    for situation in gone.values():
        yield _change(ChangeKind.OVER, situation, ())


def _change(kind: ChangeKind, situation: Situation, differences: tuple[Difference, ...]) -> Change:
    return Change(kind, situation.id, situation.title, situation.severity.level, differences)


def _kind_of(differences: tuple[Difference, ...]) -> ChangeKind:
    ways = {difference.worse for difference in differences}
    if len(ways) == 2:
        return ChangeKind.CHANGED
    return ChangeKind.WORSE if True in ways else ChangeKind.BETTER


def _differences(before: Situation, now: Situation) -> Iterable[Difference]:
    levels = before.severity.level, now.severity.level
    if levels[0] != levels[1]:
        yield Difference("severity", str(levels[0]), str(levels[1]), levels[1] > levels[0])
    calls = before.emergency or EmergencyImpact.NONE, now.emergency or EmergencyImpact.NONE
    if calls[0] is not calls[1]:
        ranks = [EMERGENCY_ORDER.index(call) for call in calls]
        yield Difference("emergency", calls[0], calls[1], ranks[1] > ranks[0])
    for service in {**before.services, **now.services}:
        was, is_ = before.services.get(service), now.services.get(service)
        if was is not is_:
            yield Difference(service, was, is_, _rank(is_) > _rank(was))
    for service, users in now.users.items():
        was_users = before.users.get(service)
        if was_users and was_users.impact is users.impact and (numbers := _moved(was_users.best, users.best)):
            yield Difference(f"users/{service}", str(numbers[0]), str(numbers[1]), numbers[1] > numbers[0])
    ends = before.restoration.latest, now.restoration.latest
    if None not in ends and ends[0] != ends[1]:
        yield Difference("forecast", _iso(ends[0]), _iso(ends[1]), str(_iso(ends[1])) > str(_iso(ends[0])))


def _moved(before: int | None, now: int | None) -> tuple[int, int] | None:
    """The two numbers, if both are known and differ by enough to be told."""
    if before is None or now is None or abs(now - before) < NOTABLE * max(before, now, 1):
        return None
    return before, now


def _rank(impact: str | None) -> int:
    return -1 if impact is None else [each.value for each in IMPACT_ORDER].index(impact)


def _iso(instant: Instant | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _order(change: Change) -> tuple[int, int, str]:
    return (list(ChangeKind).index(change.kind), -change.level, change.situation)


def _underway(view: View) -> Iterable[MeasureItem]:
    return (measure for measure in view.measures if measure.state in UNDERWAY)


def _between(conflict: Conflict) -> str:
    """What stays of a conflict when its facts change, and with them its id."""
    return " ".join((conflict.rule, str(conflict.case), *conflict.subjects))


def _measure_ref(measure: MeasureItem) -> str:
    return measure.ref


def _by(items: Iterable[T], key: Callable[[T], str]) -> Mapping[str, T]:
    return {key(item): item for item in items}


def _only_in(these: Mapping[str, T], not_those: Mapping[str, T]) -> tuple[T, ...]:
    return tuple(item for key, item in these.items() if key not in not_those)
