"""Who may not go together with whom, kept up to date pair by pair: the things, where they stand, and who looks there.

A watch is one rule about one thing. It knows which others it met; news of a thing is compared with the watches that
look where it stands or stood, and with nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from consumers.merge.conflicts.findings import Roles, Terms
from consumers.merge.conflicts.rule import Rule
from consumers.merge.conflicts.things import Thing

Key = tuple[int, str]
"""Of a watch: its rule's place in the table, and the reference that it is about."""


@dataclass(slots=True)
class Watch:
    """One rule about one thing, and the others that it met."""

    rule: Rule[Any, Any]
    about: Thing
    marks: tuple[str, ...]
    met: set[str] = field(default_factory=set)


class Ground:
    """All things, and the watches over them. `dirty` has the keys of watches that may find something else."""

    def __init__(self, rules: tuple[Rule[Any, Any], ...], terms: Terms) -> None:
        self._rules = rules
        self._terms = terms
        self._about: defaultdict[type, list[int]] = defaultdict(list)
        for place, rule in enumerate(rules):
            self._about[rule.about].append(place)
        self._things: dict[str, Thing] = {}
        self._standing: defaultdict[str, set[str]] = defaultdict(set)
        self._looking: defaultdict[str, set[Key]] = defaultdict(set)
        self.watches: dict[Key, Watch] = {}
        self.dirty: set[Key] = set()

    @property
    def terms(self) -> Terms:
        return self._terms

    def put(self, ref: str, thing: Thing | None) -> None:
        """Set what is known of a thing; None takes it out."""
        old = self._things.get(ref)
        if old == thing:
            return
        before = self._take_out(ref, old)
        if thing is not None:
            self._things[ref] = thing
        now = () if thing is None else (ref, *thing.marks())
        for mark in now:
            self._standing[mark].add(ref)
        see_it = self._who_look_at(now)
        for key in self._who_look_at(before) - see_it:
            self._compare(key, ref, None)
        for key in see_it:
            self._compare(key, ref, thing)
        for place in self._about[type(old)] if thing is None else self._about[type(thing)]:
            self._watch(place, ref, thing)

    def set_roles(self, roles: Roles) -> None:
        """Who is what. What asks for roles looks anew at everything."""
        self._terms = self._terms._replace(roles=roles)
        for place, rule in enumerate(self._rules):
            if rule.by_role:
                for ref, thing in self._things.items():
                    if isinstance(thing, rule.about):
                        self._watch(place, ref, thing)

    def others(self, watch: Watch) -> list[Thing]:
        """The things that a watch met, in no particular order."""
        return [self._things[ref] for ref in watch.met]

    def _take_out(self, ref: str, old: Thing | None) -> Iterable[str]:
        if old is None:
            return ()
        del self._things[ref]
        before = (ref, *old.marks())
        for mark in before:
            self._standing[mark].discard(ref)
            if not self._standing[mark]:
                del self._standing[mark]
        return before

    def _who_look_at(self, marks: Iterable[str]) -> set[Key]:
        return {key for mark in marks for key in self._looking.get(mark, ())}

    def _compare(self, key: Key, ref: str, thing: Thing | None) -> None:
        watch = self.watches[key]
        meets = thing is not None and self._meets(watch, thing)
        if meets or ref in watch.met:
            self.dirty.add(key)
        (watch.met.add if meets else watch.met.discard)(ref)

    def _meets(self, watch: Watch, thing: Thing) -> bool:
        rule = watch.rule
        return (
            isinstance(thing, rule.among)
            and thing.ref != watch.about.ref
            and rule.meets(watch.about, thing, self._terms)
        )

    def _watch(self, place: int, ref: str, thing: Thing | None) -> None:
        """Begin, renew or end the watch of a rule over a thing."""
        key, rule = (place, ref), self._rules[place]
        old = self.watches.pop(key, None)
        if old is not None:
            self.dirty.add(key)
            for mark in old.marks:
                self._looking[mark].discard(key)
                if not self._looking[mark]:
                    del self._looking[mark]
        if thing is None or not rule.applies(thing, self._terms):
            return
        watch = self.watches[key] = Watch(rule, thing, tuple(rule.looks(thing)))
        watch.met = {other.ref for other in self._stands_at(watch.marks) if self._meets(watch, other)}
        for mark in watch.marks:
            self._looking[mark].add(key)
        self.dirty.add(key)

    def _stands_at(self, marks: Iterable[str]) -> Iterator[Thing]:
        refs = {ref for mark in marks for ref in self._standing.get(mark, ())}
        return (self._things[ref] for ref in refs)
