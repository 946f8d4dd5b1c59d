"""A situation explained: what gathers its reports, and whose word each thing is that it says."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence

from bus.vocabulary import LinkBasis
from consumers.merge.causes import pointed_to
from consumers.merge.components import Component
from consumers.merge.explain.books import Books
from consumers.merge.explain.explanation import (
    Awaited,
    CauseAccount,
    CauseClaim,
    EmergencyAccount,
    EmergencyWord,
    Flags,
    Forecast,
    FreshnessAccount,
    MeasuresAccount,
    Place,
    Reports,
    RestorationAccount,
    Rule,
    Section,
    SeverityAccount,
)
from consumers.merge.explain.hours import user_hours
from consumers.merge.explain.numbers import users
from consumers.merge.freshness import ORDER
from consumers.merge.links import Edge
from consumers.merge.severity import rule_of, urgency
from consumers.merge.situations import Assembled, Cast, as_link, cast_of, clock_of
from consumers.merge.view import Severity, SituationLink

_RULE_OF_BASIS = {LinkBasis.SHARED_KEY: "links", LinkBasis.INFERRED: "inference"}
"""The table behind a link; the other bases need no threshold."""


def explain_situation(made: Assembled, books: Books) -> Iterator[Section]:
    cast = cast_of(made.component, books.told)
    yield _reports(made, cast, books)
    yield SeverityAccount(severity=made.situation.severity, rules=_severity_rules(made.situation.severity, books))
    yield from users(cast, books)
    yield from user_hours(made, cast, books)
    yield _cause(made, cast, books)
    if emergency := _emergency(made, cast, books):
        yield emergency
    yield _restoration(made, cast, books)
    yield _freshness(made, cast, books)
    if made.situation.measures:
        yield MeasuresAccount(measures=made.situation.measures)
    if flags := books.flags({f"situation/{made.situation.id}", *made.component.refs}):
        yield Flags(flags=flags)


def place(ref: str, made: Assembled, books: Books) -> Place:
    """Why an incident is in a situation."""
    links = path(made.component, ref)
    suggestions = tuple(link for link in made.situation.suggestions if ref in (link.a, link.b))
    return Place(
        situation=made.situation.id,
        title=made.situation.title,
        seed=made.component.seed,
        duplicate=ref in made.component.duplicates,
        path=links,
        suggestions=suggestions,
        rules=_link_rules(links, suggestions, books),
    )


def path(component: Component, ref: str) -> tuple[SituationLink, ...]:
    """The links that lead from an incident to the seed of its situation."""
    touching: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in component.links:
        touching[edge.a].append(edge)
        touching[edge.b].append(edge)
    came_by: dict[str, tuple[Edge, str] | None] = {component.seed: None}
    frontier = deque([component.seed])
    while frontier:
        here = frontier.popleft()
        for edge in touching[here]:
            there = edge.b if edge.a == here else edge.a
            if there not in came_by:
                came_by[there] = edge, here
                frontier.append(there)
    found: list[SituationLink] = []
    while step := came_by[ref]:
        edge, ref = step
        found.append(as_link(edge))
    return tuple(found)


def _reports(made: Assembled, cast: Cast, books: Books) -> Reports:
    situation, component = made.situation, made.component
    return Reports(
        seed=component.seed,
        started_at=component.started_at,
        aliases=situation.aliases,
        members=books.sources(cast.members),
        duplicates=books.sources(told for told in cast.everyone if told.ref in component.duplicates),
        links=situation.links,
        suggestions=situation.suggestions,
        rules=_link_rules(situation.links, situation.suggestions, books),
    )


def _link_rules(links: Iterable[SituationLink], suggestions: Sequence[SituationLink], books: Books) -> tuple[Rule, ...]:
    names = {_RULE_OF_BASIS[link.basis] for link in (*links, *suggestions) if link.basis in _RULE_OF_BASIS}
    names |= {"suggestions"} if suggestions else set()
    return tuple(books.rule(name) for name in sorted(names))


def _severity_rules(severity: Severity, books: Books) -> tuple[Rule, ...]:
    return tuple(books.rule(rule_of(reason.code)) for reason in severity.reasons)


def _cause(made: Assembled, cast: Cast, books: Books) -> CauseAccount:
    refs = {told.ref for told in cast.members}
    claims = (
        CauseClaim(
            source=books.source(told.ref),
            cause=told.incident.cause,
            points_to=tuple(sorted(refs & pointed_to(told.incident))),
            disputed_by=tuple(sorted(books.answers.disputers(told.ref))),
        )
        for told in cast.members
    )
    return CauseAccount(cause=made.situation.cause, claims=tuple(claims))


def _emergency(made: Assembled, cast: Cast, books: Books) -> EmergencyAccount | None:
    if made.situation.emergency is None:
        return None
    words = (
        EmergencyWord(books.source(told.ref), told.incident.emergency.impact)
        for told in cast.current
        if told.incident.emergency
    )
    return EmergencyAccount(impact=made.situation.emergency, words=tuple(words))


def _restoration(made: Assembled, cast: Cast, books: Books) -> RestorationAccount:
    range_ = made.situation.restoration
    return RestorationAccount(
        earliest=range_.earliest,
        latest=range_.latest,
        forecasts=tuple(
            Forecast(
                books.source(told.ref),
                told.incident.restoration,
                slips=told.slips.times if told.slips else 0,
                first=told.slips.first if told.slips else None,
            )
            for told in cast.voices
            if told.incident.restoration
        ),
        without_forecast=books.sources(told for told in cast.voices if not told.incident.restoration),
    )


def _freshness(made: Assembled, cast: Cast, books: Books) -> FreshnessAccount:
    awaited: Sequence[Awaited] = [
        Awaited(
            source=books.source(told.ref),
            within_seconds=round(clock.cadence.total_seconds()),
            promised_at=told.incident.next_update_at,
            freshness=clock.freshness(books.as_of),
        )
        for told in cast.awaited
        for clock in [clock_of(told, urgency(made.situation.severity, books.rules), books.rules)]
    ]
    return FreshnessAccount(
        freshness=made.situation.freshness,
        awaited=tuple(sorted(awaited, key=lambda each: (-ORDER[each.freshness], each.source.known_at))),
        rules=(books.rule("freshness"),) if awaited else (),
    )
