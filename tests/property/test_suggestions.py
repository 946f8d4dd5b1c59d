"""Suggestions: against a plain reading, message by message; bounded; and never what staff have answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from bus import geography
from bus.envelope import Envelope
from bus.messages import Incident, Link
from bus.vocabulary import Audience, LinkRelation
from consumers.merge import Situation, default_rules
from consumers.merge.likeness import ground_of, resemblance
from consumers.merge.nature import Nature
from tests.property.folds import by_order, distinct, fold, view
from tests.property.strategies import answered, doubtful, envelopes, instants
from tests.property.test_merge import natures
from tests.property.test_projections import projected, visible

RULES = replace(default_rules(), suggestions=replace(default_rules().suggestions, window=1, most=2))
"""So few reports are compared, and so few questions asked, that the bounds are reached."""

told = st.lists(envelopes(st.one_of(*[doubtful()] * 5, answered())), min_size=4, max_size=12)
Asked = dict[str, list[tuple[str, str, str]]]


def asked(situations: Iterable[Situation]) -> Asked:
    """The suggestions of each situation that has any."""
    return {s.id: [(link.a, link.b, link.why) for link in s.suggestions] for s in situations if s.suggestions}


@given(told, instants)
def test_suggestions_are_those_of_a_plain_reading(messages, as_of):
    """Message by message, where rows are short and few may be asked."""
    state = fold([], RULES)
    for count, envelope in enumerate(messages, start=1):
        state.apply(envelope)
        situations = state.view(as_of, {}, True).situations
        assert asked(situations) == plain(messages[:count], situations)


@given(told, instants, st.randoms(use_true_random=False))
def test_order_and_copies_do_not_matter(messages, as_of, random):
    shuffled = random.sample(messages, len(messages)) + messages[:2]
    assert asked(view(shuffled, as_of, RULES).situations) == asked(view(messages, as_of, RULES).situations)


@given(told, st.lists(instants, min_size=12, max_size=12))
def test_the_feed_counts_what_the_view_names(messages, clock):
    """Also when the clock goes back, and what is over leaves the picture and returns."""
    state = fold([], RULES)
    for count, (envelope, as_of) in enumerate(zip(messages, clock, strict=False), start=1):
        state.apply(envelope)
        found, items = state.view(as_of, {}, True), state.items(as_of)
        assert found == view(messages[:count], as_of, RULES)
        for situation in found.situations:
            assert items[f"situation/{situation.id}"].suggestion_count == len(situation.suggestions) <= 2


@given(told, st.sampled_from((Audience.AUTHORITY, Audience.PEER)), instants)
def test_p12_no_audience_is_asked_about_what_it_may_not_see(messages, audience, as_of):
    kept, _ = visible(messages, audience, as_of)
    situations = projected(messages).view(audience, as_of, {}, True).situations
    assert asked(situations) == asked(projected(kept).view(audience, as_of, {}, True).situations)
    named = {ref for asking in asked(situations).values() for a, b, _ in asking for ref in (a, b)}
    assert named <= {envelope.message.reference for envelope in kept}


def plain(messages: list[Envelope], situations: Iterable[Situation]) -> Asked:
    """All pairs of situations, and of those who speak for them; no rows but plain lists."""
    members = {s.id: {*s.members, *s.duplicates} for s in situations}
    by_entity = distinct(messages)
    winners = {ref: max(found, key=by_order).message for ref, found in by_entity.items()}
    nodes = {
        ref: m for ref, m in winners.items() if isinstance(m, Incident) and any(ref in m for m in members.values())
    }
    cannot = [
        m
        for m in winners.values()
        if isinstance(m, Link) and m.relation is LinkRelation.CANNOT_LINK and not m.withdrawn and m.a != m.b
    ]
    nature = natures(by_entity, nodes, cannot)
    alone = {s.id: len(s.members) == 1 for s in situations}
    speakers = {id_: speaking([nature[ref] for ref in refs], alone[id_]) for id_, refs in members.items()}
    meeting = meetings([n for spoken in speakers.values() for n in spoken])
    best: dict[tuple[str, str], tuple] = {}
    for s, t in combinations(members, 2):
        if any(
            (li.a in members[s] and li.b in members[t]) or (li.a in members[t] and li.b in members[s]) for li in cannot
        ):
            continue
        for a, b in product(speakers[s], speakers[t]):
            found = resemblance(a, b, RULES.inference, RULES.suggestions)
            if frozenset((a.ref, b.ref)) in meeting and found and (alone[s] or alone[t] or found.joins_groups):
                earlier, later = sorted((a, b), key=lambda n: (n.began, n.ref))
                order = found, later.began - earlier.began, earlier.ref, later.ref
                why = ground_of(later, earlier, RULES.inference, found.lacking).text
                best[s, t] = min(best.get((s, t), (order, why)), (order, why))
    result: Asked = {}
    for id_ in members:
        own = sorted(likely for pair, likely in best.items() if id_ in pair)[: RULES.suggestions.most]
        if own:
            result[id_] = [(later, earlier, why) for (_, _, earlier, later), why in own]
    return result


def speaking(reports: list[Nature], alone: bool) -> list[Nature]:
    """The first and the last of each cause in each place."""
    able = sorted((n for n in reports if alone or n.knows_cause), key=lambda n: (n.began, n.ref))
    found = {}
    for key in {(code, n.detail) for n in able for code in n.codes}:
        there = [n for n in able if key[0] in n.codes and key[1] is n.detail]
        found |= {there[0].ref: there[0], there[-1].ref: there[-1]}
    return list(found.values())


def meetings(natures: list[Nature]) -> set[frozenset[str]]:
    """Pairs between which few stand in a county, at a border, or among vendors' faults."""
    every = [county.code for county in geography.counties()]
    counties = {n.ref: every if "00" in n.codes else n.counties for n in natures}
    rows: dict[object, list[Nature]] = {}
    for n in natures:
        for county in counties[n.ref]:
            rows.setdefault(county, []).append(n)
        if n.by_weather:
            for a, b in combinations(every, 2):
                if b in geography.counties_next_to(a) and {a, b} & set(counties[n.ref]):
                    rows.setdefault((a, b), []).append(n)
        if n.in_core and n.detail in RULES.inference.vendor:
            rows.setdefault("vendor", []).append(n)
    found = set()
    for row in rows.values():
        row.sort(key=lambda n: (n.began, n.ref))
        found |= {frozenset((row[i].ref, n.ref)) for j, n in enumerate(row) for i in range(max(0, j - 1), j)}
    return found
