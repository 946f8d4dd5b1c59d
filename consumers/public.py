"""What anybody may know: sentences, by county, from reports that are marked CLEAR.

No operator is named, nor any number, title or situation: whose fault it is, and how many customers it has, is for the
operator itself to publish. Words, not data: there is nothing here to compute on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from bus import geography
from bus.instants import Instant
from bus.messages import Part
from bus.vocabulary import EMERGENCY_ORDER, Audience, EmergencyImpact, Impact, MessageStatus, Service
from consumers.merge import Projections
from consumers.merge.effects import RANK
from consumers.merge.told import Told
from consumers.words import Language, words_of

__all__ = ["PublicCounty", "PublicPicture", "public_picture"]

_FELT = frozenset({Impact.DEGRADED, Impact.OUTAGE})
"""What people notice; the rest is no news to them."""


class PublicCounty(Part):
    """What is known of a county: somewhere in it, or everywhere."""

    code: str
    name: str
    services: dict[str, Impact]
    """The worst effect on each service that people notice."""
    emergency: EmergencyImpact | None
    """The worst that is told of calls to 112; None when nothing is told."""
    text: dict[str, str]
    """The same as a sentence, by language (`sv`, `en`); empty where there is nothing to tell."""


class PublicPicture(Part):
    """What may be told to anybody."""

    as_of: Instant
    audience: Audience
    realm: str
    status: MessageStatus
    complete: bool
    """False: there is more that is not for the public. How much more is not said."""
    counties: tuple[PublicCounty, ...]
    """All 21."""
    text: dict[str, tuple[str, ...]]
    """The whole picture as sentences, by language."""


def public_picture(projections: Projections, as_of: datetime) -> PublicPicture:
    """The picture for the public, of the messages that it may see."""
    visible = projections.of(Audience.PUBLIC)
    told = _by_county(visible.voices(as_of))
    counties = tuple(_county(county.code, told.get(county.code, ())) for county in geography.counties())
    complete = not visible.withheld(as_of)
    status = MessageStatus.EXERCISE if visible.realm.is_exercise else MessageStatus.ACTUAL
    return PublicPicture(
        as_of=as_of,
        audience=Audience.PUBLIC,
        realm=visible.realm.name,
        status=status,
        complete=complete,
        counties=counties,
        text={language.value: _sentences(counties, status, language, complete) for language in Language},
    )


def _by_county(voices: Iterable[Told]) -> Mapping[str, list[Told]]:
    everywhere = [county.code for county in geography.counties()]
    told: defaultdict[str, list[Told]] = defaultdict(list)
    for voice in voices:
        codes = everywhere if geography.COUNTRY in voice.codes else {code[:2] for code in voice.codes}
        for code in codes:
            told[code].append(voice)
    return told


def _county(code: str, voices: Iterable[Told]) -> PublicCounty:
    services: dict[Service, Impact] = {}
    emergencies: list[EmergencyImpact] = []
    for voice in voices:
        for service, impact in voice.impacts.items():
            if impact in _FELT and (service not in services or RANK[impact] > RANK[services[service]]):
                services[service] = impact
        if voice.incident.emergency is not None:
            emergencies.append(voice.incident.emergency.impact)
    felt = {service.value: services[service] for service in Service if service in services}
    emergency = max(emergencies, key=EMERGENCY_ORDER.index, default=None)
    name = geography.name_of(code)
    text = {language.value: _sentence(name, felt, emergency, language) for language in Language}
    return PublicCounty(code=code, name=name, services=felt, emergency=emergency, text=text)


def _sentence(
    county: str, services: Mapping[str, Impact], emergency: EmergencyImpact | None, language: Language
) -> str:
    words = words_of(language)
    told = [f"{words.services[Service(service)]}: {words.impacts[impact]}" for service, impact in services.items()]
    if emergency not in (None, EmergencyImpact.NONE):
        told.append(words.emergencies[emergency])
    return words.public_county.format(county, "; ".join(told)) if told else ""


def _sentences(
    counties: Iterable[PublicCounty], status: MessageStatus, language: Language, complete: bool
) -> tuple[str, ...]:
    words = words_of(language)
    told = [county.text[language] for county in counties if county.text[language]] or [words.public_nothing]
    exercise = [] if status is MessageStatus.ACTUAL else [words.exercise]
    return (*exercise, *told, *([] if complete else [words.public_more]))
