"""Areas as tallies say the same as a plain reading of all reports."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from bus import geography
from bus.envelope import Envelope
from bus.messages import Incident
from bus.vocabulary import EMERGENCY_ORDER, IMPACT_ORDER, MOBILE_SERVICES, OPEN_INCIDENT_STATES, EmergencyImpact, Impact
from tests.property.folds import by_order, compare_message_by_message, distinct, view
from tests.property.strategies import START, area_reports, envelopes, instants

OPERATORS = ("nordtel", "sveamobil")
"""Those of the registry that have a mobile network."""
reports = st.lists(envelopes(area_reports()), max_size=7)


@given(reports, st.lists(instants, min_size=7, max_size=7))
def test_p14_of_areas(messages, clock):
    compare_message_by_message(messages, clock)


@given(reports)
def test_where_no_network_works_is_where_every_operator_says_so(messages):
    standing = open_incidents(messages)
    for area in view(messages, START).areas:
        worst = {operator: mobile_at(area.code, operator, standing) for operator in OPERATORS}
        assert area.all_mobile_down == all(impact is Impact.OUTAGE for impact in worst.values())
        assert area.white_out == all(impact in (Impact.OUTAGE, Impact.DEGRADED) for impact in worst.values())


@given(reports)
def test_112_in_an_area_is_the_worst_that_is_told_in_it_or_around_it(messages):
    standing = open_incidents(messages)
    for area in view(messages, START).areas:
        heard = [i for i in standing if i.emergency and counts_in(i, area.code)]
        assert (area.emergency is None) == (not heard)
        if area.emergency is not None:
            told = [i.emergency.impact for i in heard]
            assert area.emergency.impact is max(told, key=EMERGENCY_ORDER.index)
            assert area.emergency.operators.keys() == {i.on_behalf_of or i.actor for i in heard}
            assert (area.emergency.fallback is False) >= (EmergencyImpact.LOST_NO_FALLBACK in told)


def open_incidents(messages: Iterable[Envelope]) -> list[Incident]:
    winners = [max(told, key=by_order).message for told in distinct(messages).values()]
    return [m for m in winners if isinstance(m, Incident) and m.state in OPEN_INCIDENT_STATES]


def counts_in(incident: Incident, code: str) -> bool:
    """Whether a report counts in an area: of this place, or in a county of a place within it or of the country."""
    named = {area.code for area in incident.areas if area.code}
    return code in named or (
        code in {county.code for county in geography.counties()}
        and any(other == geography.COUNTRY or geography.contains(code, other) for other in named)
    )


def mobile_at(code: str, operator: str, standing: Iterable[Incident]) -> Impact:
    """The worst that an operator tells of mobile services for exactly this place, or for nearly all around it."""
    told = [
        entry.impact
        for incident in standing
        if (incident.on_behalf_of or incident.actor) == operator
        for entry in incident.impacts
        if entry.service in MOBILE_SERVICES
        for area in incident.areas
        if area.code == code
        or (area.code and geography.contains(area.code, code) and (entry.percent_affected or 0) >= 90)
    ]
    return max(told, key=IMPACT_ORDER.index, default=Impact.NO_IMPACT)
