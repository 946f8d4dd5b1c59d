"""Why the picture says what it says: from anything that a reference names back to messages, links and rules.

`situation/<id>`, `conflict/<id>`, `incident/nordtel/I-17`, `area/0780`, `actor/nordtel` and `totals` are explained
whole; with `#` and the name of a section, that section alone: `situation/<id>#severity`, `totals#users.MOBILE_VOICE`.
What the feed tells beside an incident or a measure (`energy/..`, `pending/..`) leads to that.
An explanation asks the functions that made the picture; it computes nothing in a way of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from bus.errors import UnknownReference
from consumers.merge.explain.books import Books
from consumers.merge.explain.entities import explain_entity, explain_former
from consumers.merge.explain.explanation import (
    Explanation,
    HoursAccount,
    Section,
    TotalAccount,
    TotalHoursAccount,
    UsersAccount,
)
from consumers.merge.explain.hours import total_hours
from consumers.merge.explain.nearest import nearest
from consumers.merge.explain.numbers import totals
from consumers.merge.explain.situations import explain_situation
from consumers.merge.explain.surroundings import explain_actor, explain_area, explain_conflict
from consumers.merge.view import ActorItem, AreaItem, Conflict, EnergyItem, PendingAck

__all__ = ["Books", "Explanation", "explain", "part_of"]

TOTALS = "totals"


def explain(asked: str, books: Books) -> Explanation:
    """How what a reference names came about. Raises UnknownReference where nothing is known by it."""
    ref, _, part = asked.partition("#")
    found = _subject(ref, books)
    if found is None:
        raise UnknownReference(ref, nearest(ref, books))
    ref, title, sections = found
    if part:
        sections = _only(part, sections, ref)
    return Explanation(
        asked=asked,
        ref=ref,
        title=title,
        as_of=books.as_of,
        realm=books.realm.name,
        digest=books.digest,
        rules=books.rules.name,
        sections=tuple(sections),
    )


def _only(part: str, sections: Iterable[Section], ref: str) -> Iterable[Section]:
    """The section of that name; those after it are not even made."""
    others: list[str] = []
    for section in sections:
        if part_of(section) == part:
            return (section,)
        others.append(f"{ref}#{part_of(section)}")
    raise UnknownReference(f"{ref}#{part}", others)


def part_of(section: Section) -> str:
    """What stands after the `#` of a reference to the section."""
    match section:
        case UsersAccount() | TotalAccount():
            return f"users.{section.service}"
        case HoursAccount() | TotalHoursAccount():
            return f"user_hours.{section.service}"
    return section.section


def _subject(ref: str, books: Books) -> tuple[str, str | None, Iterable[Section]] | None:
    """What a reference leads to: its own reference, its title if it has one, and its sections."""
    kind, _, name = ref.partition("/")
    if ref == TOTALS:
        return ref, None, chain(totals(books), total_hours(books))
    if kind == "situation":
        if situation := books.answering_to.get(name):
            made = books.situations[situation]
            return f"situation/{situation}", made.situation.title, explain_situation(made, books)
        former = explain_former(name, books)
        return (ref, None, [former]) if former else None
    match books.items.get(ref):
        case AreaItem() as area:
            return ref, area.name, explain_area(area, books)
        case ActorItem() as actor:
            return ref, actor.name, explain_actor(actor, books)
        case Conflict() as conflict:
            return ref, None, explain_conflict(conflict, books)
        case EnergyItem() | PendingAck() as told_of:
            return _subject(told_of.ref, books)
    if entity := books.entities.get(ref):
        return ref, getattr(entity.winner.message, "title", None), explain_entity(entity, books)
    return None
