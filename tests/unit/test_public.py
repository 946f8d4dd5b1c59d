"""What anybody may know."""

from __future__ import annotations

import pytest

from bus import geography
from bus.envelope import Envelope
from bus.messages import Emergency
from bus.topics import Realm
from bus.vocabulary import EmergencyImpact, Impact, IncidentState, MessageStatus, Service, Tlp
from consumers.merge import Projections, State
from consumers.public import PublicPicture, public_picture
from tests.merging import LATER, count, incident

PUBLIC = {"tlp": Tlp.CLEAR}


def picture(*messages: Envelope, realm: str = "ntsg") -> PublicPicture:
    projections = Projections(State(Realm(realm)))
    for envelope in messages:
        projections.apply(envelope)
    return public_picture(projections, LATER)


def test_a_county_says_the_worst_of_each_service_that_people_notice() -> None:
    found = picture(
        incident("nordtel", "A", codes=("0780",), impacts={Service.MOBILE_VOICE: Impact.DEGRADED}, **PUBLIC),
        incident("sveamobil", "B", codes=("07",), impacts={Service.MOBILE_VOICE: Impact.OUTAGE}, **PUBLIC),
        incident("kustfiber", "C", codes=("07",), impacts={Service.TRANSPORT: Impact.REDUCED_REDUNDANCY}, **PUBLIC),
    )
    (kronoberg,) = [county for county in found.counties if county.services]
    assert (kronoberg.code, kronoberg.services) == ("07", {"MOBILE_VOICE": Impact.OUTAGE})
    assert kronoberg.text["sv"] == "Kronobergs län, på en eller flera platser: tal: avbrott."
    assert kronoberg.text["en"] == "Kronobergs län, in one place or more: voice: outage."
    assert found.text["sv"] == (kronoberg.text["sv"],)
    assert found.complete


def test_all_counties_are_there_and_a_report_for_the_country_is_in_each() -> None:
    found = picture(incident(codes=("00",), **PUBLIC))
    assert [county.code for county in found.counties] == [county.code for county in geography.counties()]
    assert all(county.services for county in found.counties)


def test_112_is_told() -> None:
    lost = Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK)
    found = picture(incident(emergency=lost, **PUBLIC), incident("sveamobil", emergency=None, **PUBLIC))
    (county,) = [county for county in found.counties if county.emergency]
    assert "112 NÅS INTE" in county.text["sv"]


@pytest.mark.parametrize("tlp", sorted(set(Tlp) - {Tlp.CLEAR}))
def test_what_is_not_for_the_public_is_not_told_and_that_there_is_more_is(tlp: Tlp) -> None:
    found = picture(incident(tlp=tlp))
    assert not found.complete
    assert not any(county.services for county in found.counties)
    assert found.text["en"][0] == "No disturbance is publicly reported."
    assert found.text["en"][-1].startswith("Not all that is known is public.")


def test_nobody_and_no_number_is_named() -> None:
    told = incident("sveamobil", "B-77", title="Fiberbrott", users=count(123_457), **PUBLIC).message
    shown = picture(incident("sveamobil", "B-77", title="Fiberbrott", users=count(123_457), **PUBLIC)).model_dump_json()
    assert not [word for word in (told.actor, told.id, "Fiberbrott", "123457", "sit-") if word in shown]


def test_what_is_over_is_told_no_more() -> None:
    found = picture(incident(state=IncidentState.RESTORED, **PUBLIC))
    assert found.text["sv"] == ("Ingen störning är offentligt rapporterad.",)


def test_an_exercise_says_so_first() -> None:
    told = incident(status=MessageStatus.EXERCISE, **PUBLIC)
    assert picture(told, realm="ntsg-exercise").text["sv"][0] == "ÖVNING"
