"""User-hours against a plain reading: at every instant, all reports of then, and what they amount to by the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from bus import geography
from bus.instants import EPOCH
from bus.messages import Incident
from bus.vocabulary import IMPACT_ORDER, OPEN_INCIDENT_STATES, CountScope, Impact, IncidentState, Service
from consumers.merge.effects import numbers_for
from consumers.merge.users import NOT_PEOPLE, OTHER_UNITS
from tests.property.strategies import START, envelopes, incidents, instants, reported
from tests.property.test_merge import by_order, distinct, fold, view

HOUR = timedelta(hours=1)
FELT = {Impact.DEGRADED, Impact.OUTAGE, Impact.UNKNOWN}
ENDED = {IncidentState.RESTORED, IncidentState.CLOSED}
NETWORKS = {"nordtel", "sveamobil"}
"""Who, of those who report, is known to have a network of its own."""
END = datetime(2030, 1, 1, tzinfo=EPOCH.tzinfo)

courses = st.lists(envelopes(reported() | incidents()), min_size=1, max_size=9)
storms = st.lists(envelopes(reported()), min_size=1, max_size=9)


@given(storms, instants)
def test_hours_are_those_of_a_plain_reading(messages, as_of):
    for situation in view(messages, as_of).situations:
        expected = plain_hours(messages, situation.members, as_of)
        found = {
            (Service(service), Impact(impact)): (part.low, part.best, part.high, part.uncovered_hours)
            for service, hours in situation.user_hours.items()
            for impact, part in hours.by_impact.items()
        }
        assert found == expected


@given(courses, instants)
def test_ranges_are_in_order(messages, as_of):
    found = view(messages, as_of)
    for hours in [found.totals.user_hours, *(s.user_hours for s in found.situations)]:
        for service in hours.values():
            for part in (service, *service.by_impact.values()):
                assert part.low >= 0
                assert part.uncovered_hours >= 0
                if part.best is not None:
                    assert part.low <= part.best <= part.high


@given(courses, st.sampled_from((0, 2, 8, 40)).map(lambda n: START + n * HOUR), st.integers(0, 10_000))
def test_hours_never_run_backwards(messages, as_of, minutes):
    """Without messages, the clock only adds, until what is over leaves the picture."""
    state = fold(messages)
    before = state.view(as_of, {}, True).situations
    after = {s.id: s for s in state.view(as_of + timedelta(minutes=minutes), {}, True).situations}
    for situation in before:
        for service, hours in situation.user_hours.items():
            for impact, part in hours.by_impact.items():
                later = after[situation.id].user_hours[service].by_impact[impact]
                assert (later.low, later.uncovered_hours) >= (part.low, part.uncovered_hours)
                assert part.best is None or later.best >= part.best


@given(courses, st.lists(instants, min_size=4, max_size=4))
def test_the_clock_may_go_both_ways(messages, clock):
    state = fold(messages)
    for as_of in clock:
        assert state.view(as_of, {}, True) == view(messages, as_of)
        assert state.items(as_of) == fold(messages).items(as_of)


@given(courses, instants, st.integers(0, 10_000))
def test_what_the_feed_tells_can_be_extended_to_any_instant_before_its_next_record(messages, as_of, minutes):
    later = as_of + timedelta(minutes=minutes)
    state = fold(messages)
    items = state.items(as_of)
    state.changes(as_of)
    changed = state.changes(later).keys()
    for situation in state.view(later, {}, True).situations:
        key = f"situation/{situation.id}"
        if key in changed:
            continue
        item = items[key]
        assert item.user_hours.keys() == situation.user_hours.keys()
        for service, told in item.user_hours.items():
            hours = (later - item.user_hours_as_of) / HOUR
            for bound in ("low", "best", "high"):
                extended = None if told.best is None and bound == "best" else getattr(told, bound)
                now = getattr(situation.user_hours[service], bound)
                assert (extended is None) == (now is None)
                assert extended is None or abs(extended + getattr(told.per_hour, bound) * hours - now) < 0.01


def plain_hours(messages: Iterable, members: Iterable[str], as_of: datetime) -> Mapping:
    histories = plain_histories(messages)
    said = {ref: plain_course(histories[ref]) for ref in members}
    winners = {ref: histories[ref][-1] for ref in members}
    instants = sorted(
        {EPOCH, as_of, *(t for course in said.values() for span in course for t in span[:2] if t < as_of)}
    )
    sums: defaultdict = defaultdict(lambda: [0, 0, 0, timedelta()])
    counted, told = set(), set()
    for begin, end in [*pairwise(instants), (as_of, as_of)]:
        now = {ref: m for ref, course in said.items() for t, u, m in course if t <= begin < u}
        for loss, (numbers, uncovered, people, some) in plain_reading(now, winners).items():
            for bound in range(3):
                sums[loss][bound] += numbers[bound] * ((end - begin) / HOUR)
            sums[loss][3] += uncovered * (end - begin)
            counted |= {loss} if people else set()
            told |= {loss} if some else set()
    return {
        loss: (
            round(low, 3),
            round(best, 3) if loss in counted else None,
            round(high, 3) if loss in told else None,
            round(uncovered / HOUR, 3),
        )
        for loss, (low, best, high, uncovered) in sums.items()
    }


def plain_histories(messages: Iterable) -> dict[str, list[Incident]]:
    """The winner of each revision, rising."""
    histories = {}
    for ref, found in distinct(messages).items():
        by_revision: defaultdict = defaultdict(list)
        for e in found:
            by_revision[e.message.revision].append(e)
        histories[ref] = [max(by_revision[r], key=by_order).message for r in sorted(by_revision)]
    return histories


def plain_course(history: list[Incident]) -> list[tuple[datetime, datetime, Incident]]:
    """From when until when which word held, of those times at which the incident was open."""
    words: list[tuple[datetime, Incident, bool]] = []
    spoken: Incident | None = None
    for place, m in enumerate(history):
        if m.state is IncidentState.RETRACTED:
            words, spoken = [], None
            continue
        is_open = m.state in OPEN_INCIDENT_STATES
        since = m.observed_at if is_open else m.restored_at or m.observed_at
        words = [word for word in words if word[0] < since]
        if is_open:
            spoken = m
        elif not words and m.started_at and m.started_at < since:
            words.append((m.started_at, spoken or m, True))
        if not is_open and place and history[place - 1].state in ENDED and corrects(m, history[place - 1]):
            spoken = next((revised(word, m) for _, word, opened in reversed(words) if opened), spoken)
            words = corrected(words, m, since)
        words.append((since, m, is_open))
    episodes: list[list[int]] = []
    for i, word in enumerate(words):
        if word[2] and i and words[i - 1][2]:
            episodes[-1].append(i)
        elif word[2]:
            episodes.append([i])
    course = []
    until = [word[0] for word in words[1:]] + [END]
    for episode in episodes:
        first, last = episode[0], episode[-1]
        before = words[first - 1][0] if first else EPOCH
        starts = [m.started_at for m in history if m.started_at and before <= m.started_at < until[last]]
        start = starts[-1] if starts else words[first][0]
        for i in episode:
            begin = start if i == first else max(words[i][0], start)
            if begin < until[i]:
                course.append((begin, until[i], words[i][1]))
    return course


def corrects(m: Incident, before: Incident) -> bool:
    """Whether a word after the end tells another number than the word before it."""
    service = m.impacts[0].service
    numbers = numbers_for(m.users, service)
    same = m.impacts[0].impact is before.impacts[0].impact and numbers == numbers_for(before.users, service)
    return numbers is not None and numbers[2] > 0 and not (same and service is before.impacts[0].service)


def revised(word: Incident, m: Incident) -> Incident:
    alike = (word.impacts[0].service, word.impacts[0].impact) == (m.impacts[0].service, m.impacts[0].impact)
    return word.model_copy(update={"users": m.users}) if alike else word


def corrected(words: list, m: Incident, end: datetime) -> list:
    """The words with what one after the end says of the last time that it was open."""
    last = max((i for i, word in enumerate(words) if word[2]), default=None)
    if last is None:
        return words
    first = max((i + 1 for i in range(last) if not words[i][2]), default=0)
    ends = [*(word[0] for word in words[1:]), end]
    since = m.observed_at if m.observed_at < ends[last] else words[last][0]
    said = []
    for (begin, word, _), over in zip(words[first : last + 1], ends[first:], strict=False):
        if begin < since:
            said.append((begin, word, True))
        if over > since:
            said.append((max(begin, since), revised(word, m), True))
    return [*words[:first], *said, *words[last + 1 :]]


def plain_reading(now: Mapping[str, Incident], winners: Mapping[str, Incident]) -> Mapping:
    """Per loss: the numbers, the reports without, whether people are counted, whether anything is."""
    codes = {ref: {a.code for a in winners[ref].areas if a.code} for ref in now}
    owner = {ref: winners[ref].on_behalf_of or winners[ref].actor for ref in now}
    proxy = {ref for ref in now if winners[ref].on_behalf_of is not None}

    def touch(a: str, b: str) -> bool:
        return any(geography.overlap(x, y) for x in codes[a] for y in codes[b])

    superseded = {a for a in proxy for b in now if b not in proxy and owner[a] == owner[b] and touch(a, b)}
    losses: defaultdict = defaultdict(dict)
    for ref, m in now.items():
        for service in {i.service for i in m.impacts}:
            impact = max((i.impact for i in m.impacts if i.service is service), key=IMPACT_ORDER.index)
            if impact in FELT:
                losses[service, impact][ref] = numbers_for(m.users, service) if impact is not Impact.UNKNOWN else None
    found = {}
    for loss, reports in losses.items():
        units = {ref for ref in reports if now[ref].users and now[ref].users.scope in OTHER_UNITS}
        told = {ref: numbers for ref, numbers in reports.items() if numbers is not None and ref not in units}
        scope = {ref: now[ref].users.scope for ref in told}
        people = {ref for ref in told if scope[ref] not in NOT_PEOPLE} - superseded
        hosts = {ref for ref in people if scope[ref] is CountScope.INCLUDING_WHOLESALE}
        guests = {ref for ref in people - hosts if owner[ref] not in NETWORKS}
        absorbed = {a for a in guests for b in hosts if owner[a] != owner[b] and touch(a, b)}
        counted = people - absorbed
        low, best, high = (
            sum(
                greatest({ref: (codes[ref], told[ref][bound]) for ref in counted if owner[ref] == name})
                for name in {owner[ref] for ref in counted}
            )
            for bound in range(3)
        )
        high += sum(told[ref][2] for ref in told.keys() - counted)
        found[loss] = (low, best, high), len(reports) - len(told), bool(counted), bool(told)
    return found


def greatest(reports: Mapping[str, tuple[set[str], int]]) -> int:
    """The most that reports of one operator amount to of which no two may be of the same people."""

    def apart(a: str, b: str) -> bool:
        return not any(geography.overlap(x, y) for x in reports[a][0] for y in reports[b][0])

    return max(
        sum(reports[ref][1] for ref in chosen)
        for size in range(len(reports) + 1)
        for chosen in combinations(reports, size)
        if all(apart(a, b) for a, b in combinations(chosen, 2))
    )
