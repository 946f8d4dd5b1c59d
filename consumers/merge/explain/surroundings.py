"""Areas, actors and conflicts explained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bus import geography
from consumers.merge.explain.books import Books
from consumers.merge.explain.entities import answers_given, mentions
from consumers.merge.explain.explanation import (
    ActorAccount,
    Answers,
    AreaAccount,
    ConflictAccount,
    Mentions,
    OperatorWord,
    Section,
)
from consumers.merge.told import Told
from consumers.merge.view import ActorItem, AreaItem, Conflict


def explain_area(item: AreaItem, books: Books) -> Iterator[Section]:
    code = item.code
    by_owner: defaultdict[str, list[Told]] = defaultdict(list)
    situations = books.areas.situations_at(code)
    for situation in situations:
        for told in books.situations[situation].voices:
            if any(geography.contains(code, named) or named == geography.COUNTRY for named in told.codes):
                by_owner[told.owner].append(told)
    yield AreaAccount(
        code=code,
        name=item.name,
        operators=tuple(
            OperatorWord(owner, impact, item.mobile.get(owner), books.sources(by_owner[owner]))
            for owner, impact in item.impact.items()
        ),
        mobile_here={owner: books.areas.mobile_at(owner, code) for owner in sorted(books.mobile_operators)},
        white_out=item.white_out,
        all_mobile_down=item.all_mobile_down,
        emergency=item.emergency,
        situations=situations,
    )


def explain_actor(item: ActorItem, books: Books) -> Iterator[Section]:
    cadence = books.actors.cadence(item.actor)
    held = sorted(books.actors.held_open_by(item.actor))
    yield ActorAccount(
        actor=item.actor,
        name=item.name,
        freshness=item.freshness,
        last_heard=item.last_heard,
        within_seconds=round(cadence.total_seconds()),
        announced=None if item.missing_incidents is None else item.missing_incidents + (item.open_incidents or 0),
        open_reports=tuple(books.source(ref) for ref in held),
        rules=(books.rule("freshness"),),
    )


def explain_conflict(item: Conflict, books: Books) -> Iterator[Section]:
    ref = f"conflict/{item.id}"
    yield ConflictAccount(
        conflict=item, subjects=tuple(mentions(item.subjects, books)), rules=(books.rule("conflicts"),)
    )
    if given := tuple(answers_given(ref, books)):
        yield Answers(given=given, awaited=())
    if named_by := sorted(books.mentions.get(ref, ())):
        yield Mentions(names=(), named_by=tuple(named_by))
