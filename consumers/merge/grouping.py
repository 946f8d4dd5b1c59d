"""Which incidents make one situation: the cores that told links make, and the lone incidents that attach to them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime

from bus.instants import EPOCH
from consumers.merge.components import Component, Graph
from consumers.merge.inference import Inference, Nature, known_detail
from consumers.merge.rules import Rules
from consumers.merge.told import Told


class Grouping:
    """The situations' components, kept up to date piece by piece."""

    def __init__(self, graph: Graph, rules: Rules) -> None:
        self._graph = graph
        self._inference = Inference(rules.inference)
        self._cores: dict[str, Component] = {}
        self._followers: defaultdict[str, set[str]] = defaultdict(set)
        """Lone incidents by the member of an anchor that they attach to."""
        self._follows: dict[str, str] = {}
        self._groups: dict[str, frozenset[str]] = {}
        self._retold: set[str] = set()

    def retell(self, ref: str) -> None:
        """What an incident tells of itself has changed."""
        self._retold.add(ref)

    def refresh(self, told: dict[str, Told], as_of: datetime) -> tuple[set[str], list[Component]]:
        """The incidents whose situations were put together anew, or that are gone or past, and those components."""
        touched, cores = self._graph.refresh(as_of)
        for ref in touched:
            self._cores.pop(ref, None)
        for core in cores:
            self._cores.update(dict.fromkeys(core.refs, core))
        for ref in touched | self._retold:
            self._compare(ref, told)
        self._retold = set()
        regroup = set(touched)
        for ref in self._inference.refresh():
            regroup |= self._attach(ref)
        for ref in touched:
            regroup |= self._followers.get(ref, set())
        for ref in list(regroup):
            regroup |= self._groups.get(ref, frozenset())
        roots = {self._root(ref).seed: self._root(ref) for ref in regroup if ref in self._cores}
        components = [self._with_followers(core) for core in roots.values()]
        for ref in regroup:
            self._groups.pop(ref, None)
        for component in components:
            refs = frozenset(component.refs)
            regroup |= refs
            self._groups.update(dict.fromkeys(refs, refs))
        return regroup, components

    def _compare(self, ref: str, told: dict[str, Told]) -> None:
        core, node = self._cores.get(ref), self._graph.node(ref)
        if core is None or node is None:
            self._inference.put(ref, None, frozenset(), (EPOCH, ""))
            return
        incident = told[ref].incident
        held_from, holds_off = self._graph.apart(ref)
        nature = Nature(
            ref=ref,
            owner=told[ref].owner,
            start=node.start,
            end=node.end,
            detail=known_detail(incident.cause),
            codes=told[ref].codes,
            assets=frozenset(incident.infrastructure_ids),
            held_from=held_from,
            holds_off=holds_off,
        )
        self._inference.put(ref, nature, frozenset(core.refs), (core.started_at, core.seed))

    def _attach(self, ref: str) -> set[str]:
        """Note which anchor an incident attaches to. Returns whose situations that changes."""
        edge = self._inference.attached(ref) if ref in self._cores else None
        before, now = self._follows.pop(ref, None), edge.b if edge else None
        if before is not None:
            self._followers[before].discard(ref)
        if now is not None:
            self._follows[ref] = now
            self._followers[now].add(ref)
        return {member for member in (ref, before, now) if member is not None}

    def _root(self, ref: str) -> Component:
        return self._cores[self._follows.get(ref, ref)]

    def _with_followers(self, core: Component) -> Component:
        followers = [ref for member in core.refs for ref in self._followers.get(member, ())]
        if not followers:
            return core
        edges = [edge for ref in followers if (edge := self._inference.attached(ref))]
        started_at, seed = min([(core.started_at, core.seed), *(self._seniority(ref) for ref in followers)])
        return replace(
            core,
            seed=seed,
            started_at=started_at,
            refs=tuple(sorted((*core.refs, *followers))),
            links=(*core.links, *sorted(edges, key=lambda edge: edge.order)),
        )

    def _seniority(self, ref: str) -> tuple[datetime, str]:
        core = self._cores[ref]
        return core.started_at, core.seed
