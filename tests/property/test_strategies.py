"""The strategies draw what they are for: a property of what is never drawn cannot fail."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest
from hypothesis import Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from consumers.merge import View
from tests.property.folds import view
from tests.property.strategies import (
    CLASHES,
    START,
    area_reports,
    envelopes,
    incidents,
    offers,
    powered,
    requests,
    sets_of_messages,
)

MESSAGES = {
    "any": sets_of_messages,
    "of areas": st.lists(envelopes(area_reports()), max_size=7),
    "of incidents": st.lists(envelopes(incidents()), max_size=7),
    "of energy": st.lists(envelopes(powered()), max_size=5),
    "of resources": st.lists(envelopes(st.one_of(requests(), offers())), max_size=7),
    **{name: st.lists(envelopes(st.one_of(of)), max_size=7) for name, of in CLASHES.items()},
}
CONFLICTS = {
    "works": ("C01", "C02", "C03"),
    "roaming": ("C04", "C05", "C06"),
    "measures": ("C08", "C10", "C11", "C17"),
    "places": ("C07", "C14", "C15", "C16"),
    "causes": ("C12", "C13", "C18"),
    "resources": ("C09",),
}
DRAWN: dict[str, tuple[str, Callable[[View], bool]]] = {
    "a white-out": ("of areas", lambda v: any(area.white_out and not area.all_mobile_down for area in v.areas)),
    "all mobile down": ("of areas", lambda v: any(area.all_mobile_down for area in v.areas)),
    "a fallback for 112": ("of areas", lambda v: any(item.fallback for item in v.emergency)),
    "radio that keeps phones": ("of areas", lambda v: any(item.ran_radiating for item in v.emergency)),
    "a fallback that is none": (
        "of areas",
        lambda v: any(item.fallback is False and item.impact == "LOST_WITH_FALLBACK" for item in v.emergency),
    ),
    "an override": ("any", lambda v: any(s.severity.override for s in v.situations)),
    "user-hours that make a level": (
        "of incidents",
        lambda v: any(reason.code == "USER_HOURS" for s in v.situations for reason in s.severity.reasons),
    ),
    "a part that is promised": ("of resources", lambda v: any(r.promised and r.missing for r in v.requests)),
    "a request that is overdue": ("of resources", lambda v: any(r.fulfilment == "OVERDUE" for r in v.requests)),
    "what is missing and nobody can tell": (
        "of resources",
        lambda v: any(r.quantity and r.missing is None for r in v.requests),
    ),
    "a claim that is not answered": ("any", lambda v: any(ack.subject == "CAUSE" for ack in v.pending_acks)),
    "energy that ends before power returns": (
        "of energy",
        lambda v: any(item.ends_before_power for item in v.energy),
    ),
    "a slip": ("any", lambda v: any(s.restoration.slips for s in v.situations)),
    "a duplicate": ("any", lambda v: any(situation.duplicates for situation in v.situations)),
    **{
        f"conflict {rule}": (of, lambda v, rule=rule: rule in {conflict.rule for conflict in v.conflicts})
        for of, rules in CONFLICTS.items()
        for rule in rules
    },
    "an inferred link": ("any", lambda v: any(link.basis == "INFERRED" for s in v.situations for link in s.links)),
}
SEEDS = {"causes": 2, "any": 6, "of incidents": 8}
"""What is rare is soon drawn from these; any other takes longer, and may need more examples."""


@pytest.mark.parametrize("of", sorted({of for of, _ in DRAWN.values()}))
def test_it_is_drawn(of):
    missing = {what for what, (from_, _) in DRAWN.items() if from_ == of}

    def nothing_is_missing(messages):
        found = view(messages, START)
        missing.difference_update([what for what in missing if DRAWN[what][1](found)])
        return not missing

    unshrunk = settings(max_examples=2_000, database=None, deadline=None, phases=[Phase.generate])
    with suppress(NoSuchExample):
        find(MESSAGES[of], nothing_is_missing, settings=unshrunk, random=Random(SEEDS.get(of, 1)))
    assert missing == set()
