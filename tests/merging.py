"""Messages and pictures for tests of the merge: what the test is about is written out, the rest has a default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bus import geography
from bus.codec import content_hash, encode
from bus.envelope import Envelope
from bus.messages import Ack, Area, Decision, Link, Measure, Message, Offer, Request, ServiceImpact, Status, Users, Work
from bus.registry import Actor, Registry
from bus.topics import Realm
from bus.vocabulary import (
    AckAnswer,
    CountBasis,
    CountScope,
    DecisionKind,
    DecisionState,
    Impact,
    LinkRelation,
    MeasureState,
    MeasureType,
    MessageStatus,
    OperatorMode,
    RequestState,
    ResourceKind,
    Role,
    Service,
    WorkState,
)
from consumers.merge import Situation, State, View
from consumers.merge.view import UserRange
from tests import group
from tests.group import BEGIN

MNOS = ("nordtel", "sveamobil", "fjallmobil")
GROUP = Registry.of(
    [
        *(Actor(slug=slug, name=slug.title(), roles=(Role.MNO,)) for slug in MNOS),
        Actor(slug="lagpris", name="Lågpris", roles=(Role.MVNO,)),
        Actor(slug="kustfiber", name="Kustfiber", roles=(Role.TRANSPORT,), cadence_minutes=60),
        Actor(slug="elnat-syd", name="Elnät Syd", roles=(Role.POWER,)),
        Actor(slug="samordning", name="Samordning", roles=(Role.COORDINATION,)),
    ]
)
NOBODY = Registry.of([])
LATER = BEGIN + timedelta(hours=1)


def at(hours: float = 0, minutes: float = 0) -> datetime:
    """An instant, counted from the beginning of the test's day."""
    return BEGIN + timedelta(hours=hours, minutes=minutes)


def said(message: Message, sent_at: datetime | None = None, known_at: datetime | None = None) -> Envelope:
    """The message as the bus got it: by default sent a minute after it was observed, and known at once."""
    sent = sent_at or message.observed_at + timedelta(minutes=1)
    return Envelope(message, content_hash(encode(message)), sent, known_at or sent)


def incident(
    actor: str = "nordtel",
    id: str = "I-1",
    revision: int = 1,
    *,
    codes: Iterable[str] | None = None,
    impacts: Mapping[Service, Impact] | None = None,
    percent: float | None = None,
    sent_at: datetime | None = None,
    known_at: datetime | None = None,
    **fields: object,
) -> Envelope:
    """An incident: by default an outage of mobile voice in county 07, observed `revision` minutes into the day."""
    if codes is not None:
        fields["areas"] = areas(*codes)
    if impacts is not None or percent is not None:
        fields["impacts"] = tuple(
            ServiceImpact(service=service, impact=impact, percent_affected=percent)
            for service, impact in (impacts or {Service.MOBILE_VOICE: Impact.OUTAGE}).items()
        )
    return said(group.incident(actor, id, revision, **fields), sent_at, known_at)


def areas(*codes: str) -> tuple[Area, ...]:
    found = []
    for code in codes:
        kind = geography.kind_of(code)
        assert kind is not None
        found.append(Area(kind=kind, code=code))
    return tuple(found)


def count(value: int | None = None, scope: CountScope = CountScope.OWN_SUBSCRIPTIONS, **fields: object) -> Users:
    return Users(**{"value": value, "scope": scope, "basis": CountBasis.ESTIMATED, **fields})


def link(relation: LinkRelation, a: str, b: str, id: str = "L-1", revision: int = 1, **fields: object) -> Envelope:
    """Staff's word on two incidents, each given as `actor/id`, or on anything by its whole reference."""
    opening = _opening("samordning", id, revision)
    a, b = (ref if ref.count("/") > 1 else f"incident/{ref}" for ref in (a, b))
    named = {"relation": relation, "a": a, "b": b}
    return said(Link.model_validate({**opening, **named, **fields}))


def must(a: str, b: str, id: str = "L-1", revision: int = 1, **fields: object) -> Envelope:
    return link(LinkRelation.MUST_LINK, a, b, id, revision, **fields)


def cannot(a: str, b: str, id: str = "L-2", revision: int = 1, **fields: object) -> Envelope:
    return link(LinkRelation.CANNOT_LINK, a, b, id, revision, **fields)


def status(actor: str = "nordtel", revision: int = 1, **fields: object) -> Envelope:
    """A heartbeat."""
    opening = _opening(actor, "status", revision) | {"mode": OperatorMode.NORMAL, "nothing_to_report": False}
    return said(Status.model_validate(opening | fields))


def measure(actor: str = "nordtel", id: str = "M-1", revision: int = 1, **fields: object) -> Envelope:
    opening = _opening(actor, id, revision)
    told = {"type": MeasureType.BILATERAL_ROAMING, "state": MeasureState.ACTIVE, "title": "Roaming"}
    return said(Measure.model_validate(opening | told | fields))


def ack(of: str, answer: AckAnswer, actor: str = "sveamobil", id: str = "A-1", **fields: object) -> Envelope:
    return said(Ack.model_validate(_opening(actor, id, 1) | {"of": of, "answer": answer} | fields))


def work(actor: str = "kustfiber", id: str = "W-1", revision: int = 1, **fields: object) -> Envelope:
    """A planned work: by default it will take the service away in county 07, from hour 2 to hour 4 of the day."""
    told = {"state": WorkState.CONFIRMED, "impact": Impact.OUTAGE, "title": "Kabelbyte", "areas": areas("07")}
    window = {"starts_at": at(2), "ends_at": at(4)}
    return said(Work.model_validate(_opening(actor, id, revision) | told | window | fields))


def request(actor: str = "nordtel", id: str = "R-1", revision: int = 1, **fields: object) -> Envelope:
    told = {"resource": ResourceKind.MOBILE_GENERATOR, "state": RequestState.OPEN}
    return said(Request.model_validate(_opening(actor, id, revision) | told | fields))


def offer(actor: str = "sveamobil", id: str = "O-1", revision: int = 1, **fields: object) -> Envelope:
    """An offer that is promised to nordtel's request R-1."""
    told = {"resource": ResourceKind.MOBILE_GENERATOR, "state": RequestState.COMMITTED, "ref": "request/nordtel/R-1"}
    return said(Offer.model_validate(_opening(actor, id, revision) | told | fields))


def decision(*affects: str, id: str = "D-1", revision: int = 1, **fields: object) -> Envelope:
    told = {"decision": DecisionKind.COORDINATION, "state": DecisionState.ADOPTED, "title": "Beslut"}
    return said(Decision.model_validate(_opening("samordning", id, revision) | told | {"affects": affects} | fields))


def _opening(actor: str, id: str, revision: int) -> dict[str, object]:
    return {
        "actor": actor,
        "id": id,
        "revision": revision,
        "status": MessageStatus.ACTUAL,
        "observed_at": at(minutes=revision),
    }


def fold(*messages: Envelope, registry: Registry = GROUP) -> State:
    state = State(Realm())
    state.registry = registry
    for envelope in messages:
        state.apply(envelope)
    return state


def picture(*messages: Envelope, as_of: datetime = LATER, registry: Registry = GROUP) -> View:
    return fold(*messages, registry=registry).view(as_of, {}, True)


def only(*messages: Envelope, as_of: datetime = LATER) -> Situation:
    """The one situation that the messages make."""
    (situation,) = picture(*messages, as_of=as_of).situations
    return situation


def grouped(*messages: Envelope) -> set[frozenset[str]]:
    """Which incidents are together: sets of `actor/id`, or of `id` alone for nordtel's."""
    return {
        frozenset(_short(ref) for ref in (*situation.members, *situation.duplicates))
        for situation in picture(*messages).situations
    }


def apart(*groups: str) -> set[frozenset[str]]:
    """The expected grouping, each group written as `A B C`."""
    return {frozenset(names.split()) for names in groups}


def flags(*messages: Envelope, as_of: datetime = LATER) -> list[str]:
    return [flag.code for flag in picture(*messages, as_of=as_of).flags]


def users(*messages: Envelope, service: Service = Service.MOBILE_VOICE) -> tuple[int, int | None, int | None, int]:
    """Low, best, high and unknown reports of the only situation, of its worst impact on the service."""
    found = only(*messages).users[service]
    return found.low, found.best, found.high, found.unknown_reports


def numbers(part: UserRange) -> tuple[int, int | None, int | None, int]:
    return part.low, part.best, part.high, part.unknown_reports


def _short(ref: str) -> str:
    return ref.removeprefix("incident/").removeprefix("nordtel/")
