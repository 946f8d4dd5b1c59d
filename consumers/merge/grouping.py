"""Which incidents make one situation: the cores that told links make, and the lone faults that attach to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from consumers.merge.components import Component, Graph
from consumers.merge.index import take_out
from consumers.merge.inference import Inference, Standing
from consumers.merge.links import Edge
from consumers.merge.nature import nature_of
from consumers.merge.rules import Rules
from consumers.merge.suggestions import Suggestions
from consumers.merge.told import Told


class Grouping:
    """The situations' components, kept up to date piece by piece. A core goes by its seed."""

    def __init__(self, graph: Graph, rules: Rules) -> None:
        self._graph = graph
        self._limits = rules.inference
        self._inference = Inference(rules.inference)
        self._suggestions = Suggestions(rules)
        self._cores: dict[str, _Core] = {}
        """The core of each incident."""
        self._followers: defaultdict[str, set[str]] = defaultdict(set)
        """The lone faults that attach to each member of an anchor."""
        self._follows: dict[str, str] = {}
        self._groups: dict[str, Component] = {}
        """The situation's component of each incident."""
        self._retold: set[str] = set()

    def retell(self, ref: str) -> None:
        """What an incident tells of itself has changed."""
        self._retold.add(ref)

    def refresh(self, told: dict[str, Told], as_of: datetime) -> tuple[set[str], list[Component]]:
        """The incidents whose situations were put together anew, or that are gone or past, and those components."""
        touched, components = self._graph.refresh(as_of)
        for ref in touched:
            self._cores.pop(ref, None)
        for component in components:
            self._cores.update(dict.fromkeys(component.refs, _Core(component)))
        changed = {ref for ref in touched | self._retold if self._inference.put(ref, self._standing(ref, told))}
        self._retold = set()
        regroup = set(touched)
        for core in self._inference.refresh():
            regroup |= self._attach(core)
        for ref in touched:
            regroup |= self._followers.get(ref, set())
        for ref in list(regroup):
            if ref in self._groups:
                regroup.update(self._groups[ref].refs)
        roots = {self._root(ref).seed: self._root(ref) for ref in regroup if ref in self._cores}
        regrouped = [self._with_followers(root) for root in roots.values()]
        for ref in regroup:
            self._groups.pop(ref, None)
        for component in regrouped:
            regroup.update(component.refs)
            self._groups.update(dict.fromkeys(component.refs, component))
        self._suggest(regroup, regrouped, changed - regroup)
        return regroup, regrouped

    def suggested(self, seed: str) -> tuple[Edge, ...]:
        """What may belong to the situation of a seed, strongest first, as of the last refresh."""
        return self._suggestions.of(seed)

    def take_suggested(self) -> set[str]:
        """The seeds of situations, some of them former, whose suggestions have changed since this was last asked."""
        return self._suggestions.refresh()

    def _suggest(self, regroup: set[str], regrouped: list[Component], retold: set[str]) -> None:
        """Have compared with others what was put together anew, and what tells of itself something else."""
        retelling = {self._groups[ref].seed: self._groups[ref] for ref in retold if ref in self._groups}
        situations = [*regrouped, *retelling.values()]
        refs = regroup.union(*(component.refs for component in retelling.values()))
        nature = self._inference.nature
        self._suggestions.put(
            refs,
            [
                (component.seed, [nature(ref) for ref in component.refs], component.tells_one_fault)
                for component in situations
            ],
        )

    def _standing(self, ref: str, told: dict[str, Told]) -> Standing | None:
        core, node = self._cores.get(ref), self._graph.node(ref)
        if core is None or node is None:
            return None
        nature = nature_of(told[ref], node, self._graph.apart(ref), self._limits)
        return Standing(nature, core.component.seed, core.is_lone, core.is_wide)

    def _attach(self, core: str) -> set[str]:
        """Note which anchor a lone fault attaches to. Returns members of the situations that this changes."""
        held = self._cores.get(core)
        edge = self._inference.attached(core) if held and held.component.seed == core else None
        before, now = self._follows.pop(core, None), edge.b if edge else None
        if before is not None:
            take_out(self._followers, before, core)
        if now is not None:
            self._follows[core] = now
            self._followers[now].add(core)
        return {member for member in (core, before, now) if member is not None}

    def _root(self, ref: str) -> Component:
        core = self._cores[ref].component
        anchor = self._follows.get(core.seed)
        return self._cores[anchor].component if anchor else core

    def _with_followers(self, core: Component) -> Component:
        followers = [seed for member in core.refs for seed in self._followers.get(member, ())]
        if not followers:
            return core
        edges = [edge for seed in followers if (edge := self._inference.attached(seed))]
        return _joined([core, *(self._cores[seed].component for seed in followers)], edges)


class _Core:
    """What told links make, and of what kind it is."""

    __slots__ = ("component", "is_lone", "is_wide")

    def __init__(self, component: Component) -> None:
        self.component = component
        self.is_lone = component.tells_one_fault
        self.is_wide = not self.is_lone and len({ref.split("/")[1] for ref in component.refs}) > 1


def _joined(components: list[Component], edges: Iterable[Edge]) -> Component:
    """One component of several, which the edges link to the first."""
    senior = min(components, key=lambda component: (component.started_at, component.seed))
    links = [edge for component in components for edge in component.links]
    return replace(
        senior,
        refs=tuple(sorted(ref for component in components for ref in component.refs)),
        links=tuple(sorted((*links, *edges), key=lambda edge: edge.order)),
        duplicates=frozenset().union(*(component.duplicates for component in components)),
        cycles=tuple(sorted(cycle for component in components for cycle in component.cycles)),
        contradictions=tuple(sorted(said for component in components for said in component.contradictions)),
    )
