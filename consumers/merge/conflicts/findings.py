"""What a rule says when things do not go together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from bus.instants import format_instant
from bus.registry import Actor
from bus.vocabulary import Role
from consumers.merge.conflicts.limits import Limits

Fact = str | int | datetime | None


class Roles(NamedTuple):
    """Who is what at present, as far as rules ask. Empty without a registry: then no rule by role speaks."""

    mobile_operators: frozenset[str] = frozenset()
    emergency_centres: frozenset[str] = frozenset()
    bystanders: frozenset[str] = frozenset()
    """Actors that are no operators."""

    @classmethod
    def of(cls, actors: Iterable[Actor], limits: Limits) -> Roles:
        """From the registry's entries that are valid at present."""
        valid = list(actors)
        return cls(
            frozenset(actor.slug for actor in valid if Role.MNO in actor.roles),
            frozenset(actor.slug for actor in valid if Role.PSAP in actor.roles),
            frozenset(a.slug for a in valid if a.roles and limits.not_operators.issuperset(a.roles)),
        )


class Terms(NamedTuple):
    """What a rule is told besides the things that it looks at."""

    limits: Limits
    roles: Roles


class Finding(NamedTuple):
    """A conflict, but for what staff answered to it."""

    id: str
    rule: str
    case: str | None
    """Which of the several things that a rule may say, where there are several."""
    about: str | None
    """The subject that it is told of; None where all are alike."""
    subjects: tuple[str, ...]
    facts: Mapping[str, str]
    """What the text says of it."""
    actors: tuple[str, ...]
    areas: tuple[str, ...]

    @property
    def code(self) -> str:
        """What level and text are found by: `C01`, or with the case `C10.OVERDUE`."""
        return code_of(self.rule, self.case)


def code_of(rule: str, case: str | None) -> str:
    return rule if case is None else f"{rule}.{case}"


def finding(
    rule: str,
    about: str | None,
    others: Iterable[str] = (),
    *,
    case: str | None = None,
    material: Mapping[str, Fact] | None = None,
    also: Mapping[str, Fact] | None = None,
    actors: Iterable[str],
    areas: Iterable[str] = (),
) -> Finding:
    """A conflict. When a subject or a material fact changes, it is another conflict; when other facts do, it is not."""
    subjects = tuple(sorted({*others, *([] if about is None else [about])}))
    told = _told({"about": about, "case": case, **(material or {})})
    content = (rule, *subjects, *(f"{name}={fact}" for name, fact in sorted(told.items())))
    return Finding(
        id="con-" + hashlib.sha256("\n".join(content).encode()).hexdigest()[:16],
        rule=rule,
        case=case,
        about=about,
        subjects=subjects,
        facts=dict(sorted((told | _told(also or {})).items())),
        actors=tuple(sorted(set(actors))),
        areas=tuple(sorted(set(areas))),
    )


def may_be_conflict(name: str) -> bool:
    """Whether this is the form of a conflict's id. Conflicts go and leave their answers behind, so an id that is not
    known is normal; one of another form can never be.
    """
    return _ID.fullmatch(name) is not None


_ID = re.compile(r"con-[0-9a-f]{16}")


def named(names: Iterable[str]) -> str:
    """Names as one fact: so many that its record stays bounded."""
    return " ".join(sorted(set(names))[:_MOST_NAMES])


_MOST_NAMES = 10


def _told(facts: Mapping[str, Fact]) -> dict[str, str]:
    return {
        name: format_instant(fact) if isinstance(fact, datetime) else str(fact)
        for name, fact in facts.items()
        if fact is not None
    }
