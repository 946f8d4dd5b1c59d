"""Which incidents belong together: the components that the links make, kept up to date piece by piece.

CANNOT_LINK a b holds b apart from a. Let G be the group of b by `duplicate_of` and MUST_LINK, and C the component that
holds a with every CANNOT_LINK left out: other links between G and the rest of C are ignored. Where `duplicate_of` or
MUST_LINK itself joins a and b, they stay together and the contradiction is told. Each CANNOT_LINK is judged against the
same C, so their order does not matter.

What hangs together, CANNOT_LINK left out, leaves the picture as one: when all of it has been over for as long as the
archive horizon. So nothing that is over is missing from a situation that is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.messages import Link
from bus.vocabulary import LinkRelation
from consumers.merge.horizon import Horizon
from consumers.merge.index import take_out
from consumers.merge.links import POWER, Edge, Key, Node, asserted_edge, common_edges, named_edges

Side = str | None
"""The group that a CANNOT_LINK holds apart, by the least of its incidents; None for all that is held apart from no one.
Only firm links join different sides, and no group lies on two.
"""


@dataclass(frozen=True, slots=True)
class Component:
    """Incidents that belong together, seed first, then by reference."""

    seed: str
    refs: tuple[str, ...]
    links: tuple[Edge, ...]
    """A spanning set, strongest first."""
    duplicates: frozenset[str]
    """Those that tell the same fault as another of them."""
    cycles: tuple[tuple[str, ...], ...]
    """Incidents that name each other as the one they duplicate."""
    contradictions: tuple[tuple[str, str, str], ...]
    """Each CANNOT_LINK that is not followed, with the two incidents that it names."""
    started_at: datetime

    @property
    def tells_one_fault(self) -> bool:
        """All but one are its duplicates."""
        return len(self.refs) - len(self.duplicates) == 1


class Graph:
    """The incidents that are not retracted, and what links them."""

    def __init__(self, slack: timedelta, horizon: timedelta) -> None:
        self._slack = slack
        self._horizon = Horizon(horizon)
        """Of each whole, by the least of its incidents."""
        self._past: set[str] = set()
        self._crossed: set[str] = set()
        self._nodes: dict[str, Node] = {}
        self._named_by: defaultdict[str, set[str]] = defaultdict(set)
        self._holders: defaultdict[Key, set[str]] = defaultdict(set)
        self._assertions: dict[str, Link] = {}
        self._asserted: defaultdict[str, set[str]] = defaultdict(set)
        self._whole: dict[str, frozenset[str]] = {}
        """The component of each incident with every CANNOT_LINK left out."""
        self._dirty: set[str] = set()

    def node(self, ref: str) -> Node | None:
        return self._nodes.get(ref)

    def put(self, ref: str, node: Node | None) -> None:
        """Set what is known of an incident; None takes it out."""
        old = self._nodes.get(ref)
        if old == node:
            return
        self._dirty.add(ref)
        if old is not None:
            del self._nodes[ref]
            for _, target in old.names:
                take_out(self._named_by, target, ref)
            for key in old.keys:
                take_out(self._holders, key, ref)
        if node is not None:
            self._nodes[ref] = node
            for _, target in node.names:
                self._named_by[target].add(ref)
            for key in node.keys:
                self._holders[key].add(ref)

    def put_assertion(self, ref: str, said: Link | None) -> None:
        """Set what staff say in a link entity; None or a withdrawn one takes it out."""
        old = self._assertions.pop(ref, None)
        new = None if said is None or said.withdrawn else said
        for link in filter(None, (old, new)):
            self._dirty |= {ref for ref in (link.a, link.b) if ref in self._nodes}
        if old is not None:
            take_out(self._asserted, old.a, ref)
            take_out(self._asserted, old.b, ref)
        if new is not None:
            self._assertions[ref] = new
            self._asserted[new.a].add(ref)
            self._asserted[new.b].add(ref)

    def apart(self, ref: str) -> tuple[frozenset[str], frozenset[str]]:
        """Whom staff hold the incident apart from, and whom they hold apart from it (CANNOT_LINK)."""
        asserted = self._asserted.get(ref)
        if not asserted:
            return _NOBODY, _NOBODY
        said = [self._assertions[assertion] for assertion in asserted]
        cannot = [link for link in said if link.relation is LinkRelation.CANNOT_LINK and link.a != link.b]
        return frozenset(link.a for link in cannot if link.b == ref), frozenset(
            link.b for link in cannot if link.a == ref
        )

    def is_past(self, ref: str) -> bool:
        """Whether the incident has left the picture with all that hangs together with it."""
        return ref in self._past

    def whole(self, ref: str) -> frozenset[str]:
        """All that hangs together with the incident, CANNOT_LINK left out, as of the last refresh."""
        return self._whole.get(ref, frozenset())

    def gone_at(self, ref: str) -> datetime | None:
        """When all that hangs together leaves the picture, by the least of it; None for others and if that is never."""
        return self._horizon.gone_at(ref)

    def take_crossed(self) -> set[str]:
        """The incidents that left the picture or came back since this was last asked, and maybe others."""
        crossed, self._crossed = self._crossed, set()
        return crossed

    def refresh(self, as_of: datetime) -> tuple[set[str], list[Component]]:
        """The incidents whose components were made anew, or that are gone or past, and those components."""
        touched = set(self._dirty)
        for ref in self._dirty | self._horizon.turn(as_of):
            touched |= self._whole.get(ref, frozenset())
        self._dirty.clear()
        common = _Common(self)
        done: set[str] = set()
        components: list[Component] = []
        for ref in sorted(touched):
            if ref in self._nodes and ref not in done:
                whole = self._reach(ref, common)
                done |= whole
                self._whole.update(dict.fromkeys(whole, whole))
                if not self._leaves(whole):
                    components += self._components(whole)
        for ref in touched - done:
            self._whole.pop(ref, None)
            self._horizon.put(ref, None)
            self._set_past(frozenset({ref}), past=False)
        return touched | done, components

    def _leaves(self, whole: frozenset[str]) -> bool:
        """Whether what hangs together is past, after noting since when it is over."""
        ends = [self._nodes[ref].end for ref in whole]
        for ref in whole:
            self._horizon.put(ref, None)
        name = min(whole)
        self._horizon.put(name, None if None in ends else max(end for end in ends if end is not None))
        past = self._horizon.is_past(name)
        self._set_past(whole, past=past)
        return past

    def _set_past(self, refs: frozenset[str], *, past: bool) -> None:
        crossed = refs - self._past if past else refs & self._past
        self._crossed |= crossed
        self._past ^= crossed

    def _reach(self, ref: str, common: _Common) -> frozenset[str]:
        seen, frontier = {ref}, [ref]
        while frontier:
            fresh = self._neighbours(frontier.pop(), common) - seen
            seen |= fresh
            frontier += fresh
        return frozenset(seen)

    def _neighbours(self, ref: str, common: _Common) -> set[str]:
        """What is linked to the incident with every CANNOT_LINK left out; that may include the incident itself."""
        node = self._nodes[ref]
        found = {target for _, target in node.names if target in self._nodes}
        found |= self._named_by.get(ref, set())
        for edge in self._asserted_at(ref):
            found |= {edge.a, edge.b}
        for key in (*node.keys, Key(POWER, ref)):
            found |= common.neighbours(key).get(ref, set())
        return found

    def _asserted_at(self, ref: str) -> Iterator[Edge]:
        for assertion in self._asserted.get(ref, ()):
            if edge := asserted_edge(assertion, self._assertions[assertion], self._nodes):
                yield edge

    def holders(self, key: Key) -> list[Node]:
        """The incidents that have the key, and for a power incident that incident itself."""
        refs = set(self._holders.get(key, ()))
        if refs and key.field == POWER and key.value in self._nodes:
            refs.add(key.value)
        return [self._nodes[ref] for ref in refs]

    def common_edges(self, key: Key, holders: list[Node]) -> Iterator[Edge]:
        return common_edges(key, holders, self._slack) if len(holders) > 1 else iter(())

    def _components(self, whole: frozenset[str]) -> list[Component]:
        """What hangs together without CANNOT_LINK, once those are followed."""
        own = [edge for ref in whole for edge in self._own_edges(ref)]
        sides, contradictions = self._sides(whole, own)
        edges = [edge for edge in own if edge.firm or sides[edge.a] == sides[edge.b]]
        for (key, _), holders in self._holders_by_side(whole, sides).items():
            edges += self.common_edges(key, list(holders.values()))
        sets = DisjointSets(whole)
        spanning = [edge for edge in sorted(edges, key=lambda edge: edge.order) if sets.join(edge.a, edge.b)]
        links: defaultdict[str, list[Edge]] = defaultdict(list)
        for edge in spanning:
            links[sets.root(edge.a)].append(edge)
        return [
            self._component(refs, links[root], [c for c in contradictions if c[1] in refs])
            for root, refs in sets.groups().items()
        ]

    def _holders_by_side(
        self, whole: Iterable[str], sides: Mapping[str, Side]
    ) -> Mapping[tuple[Key, Side], Mapping[str, Node]]:
        """Looks at no holder outside the component: a key may have been used many times over the years."""
        held: defaultdict[tuple[Key, Side], dict[str, Node]] = defaultdict(dict)
        for ref in whole:
            for key in (*self._nodes[ref].keys, Key(POWER, ref)):
                held[key, sides[ref]][ref] = self._nodes[ref]
        return held

    def _own_edges(self, ref: str) -> Iterator[Edge]:
        """Edges that begin at the incident, so that each is counted once."""
        yield from named_edges(self._nodes[ref], self._nodes)
        yield from (edge for edge in self._asserted_at(ref) if edge.a == ref)

    def _sides(
        self, whole: frozenset[str], edges: Iterable[Edge]
    ) -> tuple[Mapping[str, Side], list[tuple[str, str, str]]]:
        apart = sorted(
            (assertion, said.a, said.b)
            for ref in whole
            for assertion in self._asserted.get(ref, ())
            if (said := self._assertions[assertion]).relation is LinkRelation.CANNOT_LINK
            and said.a == ref
            and said.b in whole
        )
        if not apart:
            return dict.fromkeys(whole), []
        firm = DisjointSets(whole)
        for edge in edges:
            if edge.firm:
                firm.join(edge.a, edge.b)
        held_apart = set()
        contradictions = []
        for assertion, a, b in apart:
            if firm.root(a) == firm.root(b):
                contradictions.append((assertion, a, b))
            else:
                held_apart.add(firm.root(b))
        return {ref: root if (root := firm.root(ref)) in held_apart else None for ref in whole}, contradictions

    def _component(self, refs: set[str], links: list[Edge], contradictions: list[tuple[str, str, str]]) -> Component:
        duplicates, cycles = find_duplicates({ref: self._nodes[ref].duplicate_of for ref in refs})
        seed = min((self._nodes[ref] for ref in refs - duplicates), key=lambda node: node.seniority)
        return Component(
            seed.ref, tuple(sorted(refs)), tuple(links), duplicates, cycles, tuple(contradictions), seed.start
        )


_NOBODY: frozenset[str] = frozenset()


class _Common:
    """Who is linked to whom by shared keys, each key swept once for as long as nothing changes."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._swept: dict[Key, dict[str, set[str]]] = {}

    def neighbours(self, key: Key) -> Mapping[str, set[str]]:
        if key not in self._swept:
            linked: defaultdict[str, set[str]] = defaultdict(set)
            for edge in self._graph.common_edges(key, self._graph.holders(key)):
                linked[edge.a].add(edge.b)
                linked[edge.b].add(edge.a)
            self._swept[key] = linked
        return self._swept[key]


class DisjointSets:
    """Union-find over references; the least reference of a set is its root."""

    def __init__(self, refs: Iterable[str]) -> None:
        self._parent = {ref: ref for ref in refs}

    def root(self, ref: str) -> str:
        parent = self._parent
        while parent[ref] != ref:
            parent[ref] = ref = parent[parent[ref]]
        return ref

    def join(self, a: str, b: str) -> bool:
        """Whether they were apart."""
        a, b = self.root(a), self.root(b)
        if a == b:
            return False
        self._parent[max(a, b)] = min(a, b)
        return True

    def groups(self) -> dict[str, set[str]]:
        """The sets, by root."""
        groups: defaultdict[str, set[str]] = defaultdict(set)
        for ref in self._parent:
            groups[self.root(ref)].add(ref)
        return groups


def find_duplicates(duplicate_of: Mapping[str, str | None]) -> tuple[frozenset[str], tuple[tuple[str, ...], ...]]:
    """Which of the incidents tell the same fault as another, and the cycles among them.

    One whose primary is not among them still counts, so that nothing vanishes. Of a cycle, the least reference is the
    primary.
    """
    primary: dict[str, str] = {}
    cycles = []
    for ref in sorted(duplicate_of):
        path: dict[str, None] = {}
        end = ref
        while end not in path and end not in primary:
            path[end] = None
            target = duplicate_of[end]
            if target is None or target not in duplicate_of:
                primary[end] = end
                break
            end = target
        if end not in primary:
            walked = list(path)
            cycle = tuple(sorted(walked[walked.index(end) :]))
            cycles.append(cycle)
            primary.update(dict.fromkeys(cycle, cycle[0]))
        for passed in path:
            primary.setdefault(passed, primary[end])
    return frozenset(ref for ref, first in primary.items() if ref != first), tuple(sorted(cycles))
