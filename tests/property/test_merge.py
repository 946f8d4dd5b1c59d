"""The properties of the merge, P1 to P15, as far as they concern the pure fold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import networkx as nx
from hypothesis import assume, given
from hypothesis import strategies as st

from bus.envelope import Envelope
from bus.messages import Incident
from bus.vocabulary import Freshness, IncidentState, LinkRelation
from consumers.merge import View, default_rules
from consumers.merge.agreement import is_another_fault
from consumers.merge.components import find_duplicates
from consumers.merge.entities import Entity
from consumers.merge.likeness import likeness
from consumers.merge.links import node_of
from consumers.merge.nature import Nature, nature_of
from consumers.merge.told import told_by
from consumers.merge.traces import Trace, unread
from consumers.merge.view import Sector
from tests.property.folds import by_order, compare_message_by_message, distinct, fold, view
from tests.property.strategies import (
    envelopes,
    incidents,
    instants,
    of_one_cause,
    recent,
    sets_of_messages,
    tampered,
    untied,
)

UNHEARD = Sector(operators=0, reporting=0, nothing_to_report=0, freezes=0)
"""Stands in for what hangs on when actors were last heard."""
FRESHNESS = [Freshness.FRESH, Freshness.DUE, Freshness.STALE, Freshness.SILENT]


def places(found: View) -> dict[str, str]:
    """The situation of each incident."""
    return {ref: s.id for s in found.situations for ref in (*s.members, *s.duplicates)}


@given(sets_of_messages, instants, st.randoms(use_true_random=False))
def test_p1_order_does_not_matter(messages, as_of, random):
    shuffled = random.sample(messages, len(messages))
    assert view(shuffled, as_of).model_dump_json() == view(messages, as_of).model_dump_json()


@given(sets_of_messages, instants, st.data())
def test_p2_applying_twice_is_applying_once(messages, as_of, data):
    repeated = messages + data.draw(st.lists(st.sampled_from(messages), max_size=5)) if messages else []
    assert view(repeated, as_of).model_dump_json() == view(messages, as_of).model_dump_json()


@given(sets_of_messages)
def test_p2_a_repeat_is_told_from_news(messages):
    state = fold(messages)
    assert not any(state.apply(envelope) for envelope in messages)


@given(st.lists(envelopes(), min_size=1, max_size=9), instants, st.data())
def test_copies_are_one_message_known_since_the_earliest(messages, as_of, data):
    copied = data.draw(st.sampled_from(messages))
    later = Envelope(
        copied.message, copied.content, copied.sent_at + timedelta(minutes=2), copied.known_at + timedelta(hours=3)
    )
    assert view([*messages, later], as_of) == view(messages, as_of)
    assert view([later, *messages], as_of) == view(messages, as_of)


@given(sets_of_messages, sets_of_messages, instants)
def test_p3_a_union_in_parts_is_the_union_at_once(ours, theirs, as_of):
    state = fold(ours)
    state.view(as_of, {}, True)
    for envelope in theirs:
        state.apply(envelope)
    assert state.view(as_of, {}, True) == view([*theirs, *ours], as_of)


@given(sets_of_messages, envelopes(incidents()), incidents(), instants)
def test_p4_a_lower_revision_changes_no_facts(messages, late, newer, as_of):
    """But for flags, for how lately something was heard, and for what is told of its history. (Of a known start: else
    the lowest revision's counts.)
    """
    identity = {"actor": late.message.actor, "id": late.message.id, "revision": 9}
    winner = newer.model_copy(update={**identity, "started_at": late.message.observed_at})
    known = [*messages, Envelope(winner, b"\x03" * 32, late.sent_at, late.known_at)]

    def facts(v: View) -> str:
        heard = {"digest": "", "flags": (), "actors": ()}
        historic = {"trend": None, "freshness": None, "user_hours": {}, "user_hours_as_of": None}
        slips = {"slips": 0, "slipped": (), "slipped_count": 0}
        situations = tuple(
            s.model_copy(update={**historic, "restoration": replace(s.restoration, **slips)}) for s in v.situations
        )
        totals = replace(v.totals, user_hours={}, sector=UNHEARD)
        return v.model_copy(update={**heard, "situations": situations, "totals": totals}).model_dump_json(
            warnings=False
        )

    rules = default_rules()
    severity = replace(rules.severity, user_hours={5: 10**15}, reporting_bases=frozenset())
    rules = replace(rules, severity=severity)  # what is told of its history makes levels too
    assert facts(view([*known, late], as_of, rules)) == facts(view(known, as_of, rules))


@given(envelopes(incidents()), recent)
def test_p4_equivocation_is_flagged_and_a_respelling_is_not(envelope, as_of):
    other = Envelope(
        envelope.message.model_copy(update={"title": "Något annat"}),
        b"\xff" * 32,
        envelope.sent_at,
        envelope.known_at,
    )
    codes = lambda messages: [f.code for f in view(messages, as_of).flags]  # noqa: E731
    assert "EQUIVOCATION" in codes([envelope, other])
    assert "EQUIVOCATION" not in codes([envelope, tampered(envelope)])


@given(sets_of_messages, instants, instants)
def test_p5_what_was_asked_before_does_not_matter(messages, earlier, as_of):
    state = fold(messages)
    state.view(earlier, {}, True)
    assert state.view(as_of, {}, True) == view(messages, as_of)


@given(sets_of_messages, envelopes(), instants)
def test_p6_nobody_changes_what_another_says(messages, foreign, as_of):
    assume(all(e.message.actor != foreign.message.actor for e in messages))
    ours = lambda v: [m for m in v.measures if m.actor != foreign.message.actor]  # noqa: E731
    told = lambda v: {m.ref: m.model_copy(update={"confirmed": None}) for m in ours(v)}  # noqa: E731
    assert told(view([*messages, foreign], as_of)) == told(view(messages, as_of))


@given(sets_of_messages, instants)
def test_p7_every_incident_is_in_exactly_one_situation(messages, as_of):
    """Unless it is retracted or archived: over for long, with all that it is told to belong with."""
    found = view(messages, as_of)
    placed = [ref for s in found.situations for ref in (*s.members, *s.duplicates)]
    assert len(placed) == len(set(placed))
    assert set(placed) == {ref for component in plain_components(messages, as_of) for ref in component}


@given(sets_of_messages, envelopes(incidents()), incidents(), instants)
def test_p10_a_duplicate_report_never_raises_low(messages, primary, told_again, as_of):
    """Of an incident that is told by nobody else: somebody tells it again, and says that it is the same."""
    first = Envelope(
        primary.message.model_copy(update={"actor": "tretton", "id": "P", "duplicate_of": None}),
        b"\x01" * 32,
        primary.sent_at,
        primary.known_at,
    )
    assume(first.message.state is not IncidentState.RETRACTED)
    ties = {"related_to": (), "caused_by": (), "energy": None, "event_refs": (), "infrastructure_ids": ()}
    again = told_again.model_copy(update={**ties, "actor": "lagpris", "id": "D", "duplicate_of": "incident/tretton/P"})
    duplicate = Envelope(again, b"\x02" * 32, primary.sent_at, primary.known_at)
    low = lambda v: {s: {i: r.low for i, r in u.by_impact.items()} for s, u in v.totals.users.items()}  # noqa: E731
    assert low(view([*messages, first, duplicate], as_of)) == low(view([*messages, first], as_of))


@given(sets_of_messages, instants)
def test_p10_ranges_are_in_order(messages, as_of):
    found = view(messages, as_of)
    for users in [found.totals.users, *(s.users for s in found.situations)]:
        for service in users.values():
            for part in (service, *service.by_impact.values()):
                assert part.low >= 0
                if part.best is not None:
                    assert part.low <= part.best <= part.high


@given(sets_of_messages, instants, st.integers(0, 10_000))
def test_p11_without_news_freshness_only_worsens(messages, as_of, minutes):
    later = as_of + timedelta(minutes=minutes)
    rank = lambda v: {  # noqa: E731
        **{s.id: FRESHNESS.index(s.freshness) for s in v.situations},
        **{a.actor: FRESHNESS.index(a.freshness) for a in v.actors},
    }
    before, after = view(messages, as_of), view(messages, later)
    assume(places(before) == places(after))  # what leaves the picture lets go of what was inferred to be with it
    assert all(rank(after)[name] >= level for name, level in rank(before).items())


@given(sets_of_messages, envelopes(incidents()), instants)
def test_p13_published_and_retracted_is_never_published(messages, envelope, as_of):
    ref = envelope.message.reference
    others = [e for e in messages if e.message.reference != ref]
    retracted = Envelope(
        envelope.message.model_copy(update={"state": IncidentState.RETRACTED, "revision": 9}),
        b"\x02" * 32,
        envelope.sent_at,
        envelope.known_at,
    )

    def picture(v: View) -> str:
        kept = tuple(f for f in v.flags if f.refs[0] != ref)
        totals = replace(v.totals, sector=UNHEARD)
        update = {"digest": "", "actors": (), "flags": kept, "totals": totals}
        return v.model_copy(update=update).model_dump_json()

    assert picture(view([*others, envelope, retracted], as_of)) == picture(view(others, as_of))


@given(sets_of_messages, st.lists(instants, min_size=9, max_size=9))
def test_p14_message_by_message_is_from_scratch(messages, clock):
    """Also when the clock goes back."""
    compare_message_by_message(messages, clock)


@given(st.lists(envelopes(), min_size=1, max_size=9), st.data(), instants)
def test_what_is_let_go_was_never_told(messages, data, as_of):
    """At any moment, and told again as often as one likes."""
    state = fold([])
    held: list[Envelope] = []
    replayed = {}
    for envelope in messages:
        state.apply(envelope)
        held.append(envelope)
        if data.draw(st.booleans()):
            ref = data.draw(st.sampled_from(messages)).message.reference
            state.let_go(ref)
            held = [e for e in held if e.message.reference != ref]
        if data.draw(st.booleans()):
            continue
        for key, item in state.changes(as_of).items():
            if item is None:
                del replayed[key]
            else:
                replayed[key] = item
        scratch = fold(held)
        assert state.digest == scratch.digest
        assert state.view(as_of, {}, True) == scratch.view(as_of, {}, True)
        assert replayed == scratch.items(as_of)


@given(sets_of_messages, sets_of_messages)
def test_p15_equal_sets_equal_digest_and_only_they(ours, theirs):
    contents = lambda messages: {(e.message.kind, e.content) for e in messages}  # noqa: E731
    assert (fold(ours).digest == fold(theirs).digest) == (contents(ours) == contents(theirs))


@given(sets_of_messages, instants)
def test_situations_are_the_components_of_a_plain_reading(messages, as_of):
    """Against a reference written for clarity: all pairs, no indexes, no sweep."""
    state = fold(messages)
    found = sorted(sorted((*s.members, *s.duplicates)) for s in state.view(as_of, {}, True).situations)
    assert found == sorted(sorted(component) for component in plain_components(messages, as_of))


@given(st.lists(envelopes(untied()), min_size=2, max_size=9), instants)
def test_lone_reports_are_grouped_as_a_plain_reading_groups_them(messages, as_of):
    """The same, message by message, where all that groups them is what they are like."""
    compare_with_a_plain_reading(messages, as_of)


@given(st.lists(envelopes(of_one_cause()), min_size=3, max_size=9), instants)
def test_what_an_operator_tells_again_is_grouped_as_a_plain_reading_groups_it(messages, as_of):
    compare_with_a_plain_reading(messages, as_of)


def compare_with_a_plain_reading(messages: list[Envelope], as_of: datetime) -> None:
    state = fold([])
    for count, envelope in enumerate(messages, start=1):
        state.apply(envelope)
        found = sorted(sorted((*s.members, *s.duplicates)) for s in state.view(as_of, {}, True).situations)
        assert found == sorted(sorted(component) for component in plain_components(messages[:count], as_of))


def plain_components(messages: Iterable[Envelope], as_of: datetime) -> list[set[str]]:
    by_entity, key = distinct(messages), by_order
    told = {ref: max(found, key=key).message for ref, found in by_entity.items()}
    nodes = {ref: m for ref, m in told.items() if isinstance(m, Incident) and m.state is not IncidentState.RETRACTED}
    first = {ref: min(found, key=lambda e: e.message.revision).message.revision for ref, found in by_entity.items()}
    start = {
        ref: m.started_at
        or max((e for e in by_entity[ref] if e.message.revision == first[ref]), key=key).message.observed_at
        for ref, m in nodes.items()
    }
    over = {IncidentState.RESTORED, IncidentState.CLOSED}
    end = {
        ref: max(start[ref], m.restored_at or m.observed_at) if m.state in over else None for ref, m in nodes.items()
    }
    slack = timedelta(hours=6)

    def meets(a: str, b: str) -> bool:
        return all(end[x] is None or start[y] - slack <= end[x] for x, y in ((a, b), (b, a)))

    def power(m: Incident) -> set[str]:
        named = {d.ref for d in m.caused_by if d.kind == "POWER" and d.ref}
        return named | ({m.energy.power_incident} if m.energy and m.energy.power_incident else set())

    said = [m for m in told.values() if m.kind == "link" and not m.withdrawn]
    firm, soft = nx.Graph(), nx.Graph()
    firm.add_nodes_from(nodes)
    for a, m in nodes.items():
        if m.duplicate_of in nodes:
            firm.add_edge(a, m.duplicate_of)
        for b, other in nodes.items():
            if a == b:
                continue
            if b in m.related_to or b in {d.ref for d in m.caused_by} or b in power(m):
                soft.add_edge(a, b)
            if power(m) & power(other):
                soft.add_edge(a, b)
            shared = set(m.event_refs) & set(other.event_refs) or (
                set(m.infrastructure_ids) & set(other.infrastructure_ids)
            )
            if shared and meets(a, b):
                soft.add_edge(a, b)
    for link in said:
        if link.a in nodes and link.b in nodes:
            if link.relation is LinkRelation.MUST_LINK:
                firm.add_edge(link.a, link.b)
            elif link.relation is LinkRelation.CAUSES:
                soft.add_edge(link.a, link.b)
    everything = nx.compose(firm, soft)
    archived = {
        ref
        for whole in nx.connected_components(everything)
        for ref in whole
        if all(end[x] is not None and as_of - end[x] >= default_rules().archive_horizon for x in whole)
    }
    cut = []
    for link in said:
        if link.relation is LinkRelation.CANNOT_LINK and link.a in nodes and link.b in nodes:
            group = nx.node_connected_component(firm, link.b)
            component = nx.node_connected_component(everything, link.a)
            if link.a not in group:
                cut += [(a, b) for a, b in soft.edges if {a, b} <= component | group and (a in group) != (b in group)]
    kept = nx.Graph(soft)
    kept.remove_edges_from(cut)
    cores = [core for core in nx.connected_components(nx.compose(firm, kept)) if not core & archived]
    nodes = {ref: m for ref, m in nodes.items() if ref not in archived}
    cannot = [li for li in said if li.relation is LinkRelation.CANNOT_LINK and li.a != li.b]
    return plain_attachments(cores, natures(by_entity, nodes, cannot), nodes, cannot)


def natures(by_entity, nodes, cannot) -> dict[str, Nature]:
    """What the checklist compares, of the winner of each."""
    limits = default_rules().inference
    found = {}
    for ref in nodes:
        entity = None
        for e in by_entity[ref]:
            if entity is None:
                entity = Entity(ref, Trace.of(e), e, unread)
            else:
                entity.take(Trace.of(e), e)
        apart = frozenset(li.a for li in cannot if li.b == ref), frozenset(li.b for li in cannot if li.a == ref)
        found[ref] = nature_of(told_by(entity), node_of(entity), apart, limits)
    return found


def plain_attachments(cores, natures, nodes, cannot) -> list[set[str]]:
    """Inferred links, read plainly: every lone fault against every other report."""
    limits = default_rules().inference
    duplicates, _ = find_duplicates({ref: m.duplicate_of for ref, m in nodes.items()})
    lone = [core for core in cores if len(core - duplicates) == 1]
    held = {(li.a, li.b) for li in cannot}

    def rank(core) -> tuple:
        told = [natures[ref] for ref in core]
        places = {code for nature in told for code in nature.codes}
        seniority = min((nature.start, nature.ref) for nature in told)
        return not any(nature.knows_cause for nature in told), -len(places), *seniority

    def fit(core, anchor) -> tuple | None:
        """The best of all pairs of reports."""
        wide = anchor not in lone and len({ref.split("/")[1] for ref in anchor}) > 1
        found = []
        for x in core:
            for y in anchor:
                if any((x, m) in held or (m, x) in held for m in anchor):
                    continue
                if anchor not in lone and not natures[y].knows_cause:
                    continue
                own = [natures[m] for m in anchor if natures[m].owner == natures[x].owner]
                if anchor not in lone and any(is_another_fault(known, natures[x], limits) for known in own):
                    continue
                alike = likeness(natures[x], natures[y], limits, wide=wide)
                if alike:
                    gap = abs(natures[x].began - natures[y].began)
                    found.append((*alike, anchor in lone, gap, natures[y].start, y, x))
        return min(found, default=None)

    above = [[c for c in cores if c not in lone or rank(c) < rank(core)] for core in lone]
    anchors = [core for core in cores if core not in lone]
    anchors += [core for core, over in zip(lone, above, strict=True) if not any(fit(core, c) for c in over)]
    best = {}
    for core in lone:
        if core not in anchors:
            fits = sorted((found, number) for number, c in enumerate(anchors) if (found := fit(core, c)))
            ambiguous = len(fits) > 1 and fits[0][0][:4] == fits[1][0][:4]
            if fits and not (ambiguous and not natures[fits[0][0][-1]].by_weather):
                best[min(core)] = fits[0][1]
    core_of = {ref: min(core) for core in cores for ref in core}
    attached = {
        core: anchor
        for core, anchor in best.items()
        if not any(core_of.get(b) == core and best.get(core_of.get(a)) == anchor for a, b in held)
    }
    whole = [set(core) for core in cores if min(core) not in attached]
    for core in lone:
        if (anchor := attached.get(min(core))) is not None:
            next(group for group in whole if anchors[anchor] <= group).update(core)
    return whole
