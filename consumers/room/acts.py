"""What staff do, as forms, and the messages that they become.

`POST /acts/preview` takes a form and shows the message, down to the last field; `POST /acts` sends that very message.
Each form has `act`, `csrf`, and the picture that the person saw: `digest` and `as_of`. What is new gets an id of its
own, so two who act at once never touch each other's; what changes something names the revision that was seen (`seen`).

    act        fields (* may be given several times, ? may be left out)
    note       title, text?, affects*
    decision   decision, state (PROPOSED, ADOPTED), title, text?, affects*, until?, review_at?
    override   affects (the situation), level, until, title?, text?
    link       relation (MUST_LINK, CANNOT_LINK, CAUSES), a, b, comment?
    split      situation, b (the report that does not belong in it), comment?
    join       situation, other (the situation that is the same), comment?
    ack        of, of_revision?, answer, comment?
    request    resource, quantity?, unit?, description?, area*, needed_by?, until?, targets*
    amend      ref, seen, reason, and those fields of a decision or request that the form shows; an empty one is emptied
    withdraw   ref, seen, reason
    settle     place (topic/partition/offset of a held record), reason, withdraw? (1: take that back)

Any may have `tlp`. Instants are ISO 8601 with an offset, or local time as a browser's `datetime-local` gives it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bus import geography
from bus.errors import InvalidInput
from bus.instants import Instant, parse_instant, to_millis
from bus.messages import Ack, BasedOn, Decision, Digest, Link, Message, Part, Request, build
from bus.references import split_reference
from bus.topics import Realm
from bus.vocabulary import (
    AckAnswer,
    DecisionKind,
    DecisionState,
    LinkRelation,
    MessageStatus,
    ReportedVia,
    RequestState,
)
from consumers.merge.situations import situation_id
from consumers.merge.view import Situation
from consumers.room.forms import Form
from consumers.room.pictures import Picture
from consumers.room.sight import local_time
from consumers.settling import held_at, settlement
from consumers.words import STOCKHOLM

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class BadAct(InvalidInput):
    """What the form asks for cannot be said."""


class ChangedMeanwhile(InvalidInput):
    """Somebody else has changed it. `seen` is the revision that the person knew, `current` the one that holds."""

    def __init__(self, ref: str, current: int, seen: int) -> None:
        self.ref, self.current, self.seen = ref, current, seen
        super().__init__(f"{ref} was changed meanwhile: revision {current} holds, you saw {seen}")


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who acts, when, and on which picture."""

    actor: str
    function: str
    realm: Realm
    now: datetime
    picture: Picture


@dataclass(frozen=True, slots=True)
class Act:
    """The message, and what it takes the place of."""

    message: Message
    changes: Message | None


class _Seen(Part):
    """The picture that the person saw, as the form tells it."""

    digest: Digest
    as_of: Instant


def act_of(form: Form, occasion: Occasion) -> Act:
    """What a form becomes. Raises BadAct, InvalidMessage, ChangedMeanwhile."""
    maker = _MAKERS.get(form.one("act"))
    if maker is None:
        raise BadAct(f"act: use one of {', '.join(_MAKERS)}")
    return maker(form, occasion)


def new_id(now: datetime) -> str:
    """An id that nobody else makes, and that sorts by time: a ULID (48 bits of milliseconds, 80 of chance)."""
    number = to_millis(now) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(26)))


def _note(form: Form, occasion: Occasion) -> Act:
    fields = _given(form, "title", "text") | {"affects": _known(form.all("affects"), occasion)}
    return _new(Decision, form, occasion, fields | {"decision": DecisionKind.NOTE, "state": DecisionState.ADOPTED})


def _decision(form: Form, occasion: Occasion) -> Act:
    if form.one("state") not in {DecisionState.PROPOSED, DecisionState.ADOPTED}:
        raise BadAct("state: a new decision is PROPOSED or ADOPTED")
    if form.one("decision") in {DecisionKind.SEVERITY_OVERRIDE, DecisionKind.NOTE}:
        raise BadAct("decision: that one has a form of its own")
    fields = _given(form, "decision", "state", "title", "text") | _instants(form, "until", "review_at")
    return _new(Decision, form, occasion, fields | {"affects": _known(form.all("affects"), occasion)})


def _override(form: Form, occasion: Occasion) -> Act:
    until = _instants(form, "until").get("until")
    if until is None or until <= occasion.now:
        raise BadAct("until: an override ends; say when, and later than now")
    affects = _known(form.all("affects"), occasion)
    if len(affects) != 1 or not affects[0].startswith("situation/"):
        raise BadAct("affects: name one situation")
    situation = _situation(affects[0].removeprefix("situation/"), occasion)
    fields = {"title": situation.title} | _given(form, "title", "text")
    fields |= _numbers(form, "level") | {"until": until, "affects": affects}
    if "level" not in fields:
        raise BadAct("level: say which")
    kind = {"decision": DecisionKind.SEVERITY_OVERRIDE, "state": DecisionState.ADOPTED}
    return _new(Decision, form, occasion, fields | kind)


def _link(form: Form, occasion: Occasion) -> Act:
    a, b = _known([form.one("a"), form.one("b")], occasion)
    if a == b or not (a.startswith("incident/") and b.startswith("incident/")):
        raise BadAct("a, b: name two incidents")
    return _new(Link, form, occasion, _given(form, "relation", "comment") | {"a": a, "b": b})


def _split(form: Form, occasion: Occasion) -> Act:
    (b,) = _known([form.one("b")], occasion)
    situation = _situation(form.one("situation"), occasion)
    if b not in situation.members or (a := _seed(situation)) == b:
        raise BadAct("b: name a report of the situation, other than the one that gives it its name")
    fields = {"relation": LinkRelation.CANNOT_LINK, "a": a, "b": b}
    return _new(Link, form, occasion, _given(form, "comment") | fields)


def _join(form: Form, occasion: Occasion) -> Act:
    one, other = (_situation(form.one(name), occasion) for name in ("situation", "other"))
    if one.id == other.id:
        raise BadAct("other: name another situation")
    fields = {"relation": LinkRelation.MUST_LINK, "a": _seed(one), "b": _seed(other)}
    return _new(Link, form, occasion, _given(form, "comment") | fields)


def _ack(form: Form, occasion: Occasion) -> Act:
    (of,) = _known([form.one("of")], occasion)
    fields = _given(form, "answer", "comment") | _numbers(form, "of_revision") | {"of": of}
    if fields.get("answer") == AckAnswer.DISMISSED and not fields.get("comment"):
        raise BadAct("comment: a dismissal needs a reason")
    return _new(Ack, form, occasion, fields)


def _request(form: Form, occasion: Occasion) -> Act:
    fields = _wanted(form) | {"targets": _known(form.all("targets"), occasion)}
    return _new(Request, form, occasion, fields | _given(form, "resource") | {"state": RequestState.OPEN})


def _amend(form: Form, occasion: Occasion) -> Act:
    before = _before(form, occasion)
    match before:
        case Decision():
            fields = _given(form, "state", "title") | _numbers(form, "level") | _shown(form, "text")
            fields |= _moments(form, before, "until", "review_at")
            if form.all("affects"):
                fields["affects"] = _known(form.all("affects"), occasion)
            if before.decision is DecisionKind.SEVERITY_OVERRIDE and fields.get("until", before.until) is None:
                raise BadAct("until: an override ends; say when")
        case Request():
            fields = _given(form, "state") | _wanted(form) | _shown(form, "description")
            fields |= _moments(form, before, "needed_by", "until")
        case _:
            raise BadAct(f"ref: a {before.kind} is withdrawn, not amended")
    act = _next(before, form, occasion, fields)
    if all(getattr(act.message, name) == getattr(before, name) for name in fields):
        raise BadAct("nothing is changed")
    return act


def _withdraw(form: Form, occasion: Occasion) -> Act:
    before = _before(form, occasion)
    fields: Mapping[str, Any]
    match before:
        case Link():
            fields = {"withdrawn": True}
        case Decision():
            fields = {"state": DecisionState.SUPERSEDED}
        case Request():
            fields = {"state": RequestState.WITHDRAWN}
        case Ack():
            fields = {"answer": AckAnswer.UNKNOWN}
        case _:
            raise BadAct(f"ref: a {before.kind} is not withdrawn here")
    return _next(before, form, occasion, fields)


def _settle(form: Form, occasion: Occasion) -> Act:
    fold, reason = occasion.picture.fold, form.one("reason")
    if not reason:
        raise BadAct("reason: say what was done about it")
    place, _ = held_at(fold, form.one("place"))
    back = form.one("withdraw") == "1"
    made = settlement(
        fold, place, occasion.actor, reason=reason, as_of=occasion.now, withdraw=back, function=occasion.function
    )
    told = {name: getattr(made, name) for name in Decision.model_fields} | _stamp(form, occasion)
    before = fold.state.entity(made.reference)
    return Act(build(Decision, told), None if before is None else before.winner.message)


_MAKERS: Mapping[str, Callable[[Form, Occasion], Act]] = {
    "note": _note,
    "decision": _decision,
    "override": _override,
    "link": _link,
    "split": _split,
    "join": _join,
    "ack": _ack,
    "request": _request,
    "amend": _amend,
    "withdraw": _withdraw,
    "settle": _settle,
}


def _new(model: type[Message], form: Form, occasion: Occasion, fields: Mapping[str, Any]) -> Act:
    opening = {"actor": occasion.actor, "id": new_id(occasion.now), "revision": 1}
    return Act(build(model, opening | _stamp(form, occasion) | _given(form, "tlp") | dict(fields)), None)


def _next(before: Message, form: Form, occasion: Occasion, fields: Mapping[str, Any]) -> Act:
    reason = form.one("reason")
    if not reason:
        raise BadAct("reason: say why it changes")
    held = {name: getattr(before, name) for name in type(before).model_fields}
    told = held | _stamp(form, occasion) | dict(fields) | {"revision": before.revision + 1, "reason": reason}
    return Act(build(type(before), told), before)


def _stamp(form: Form, occasion: Occasion) -> dict[str, Any]:
    """What every act tells: when, by which function, through the room, on which picture."""
    status = MessageStatus.EXERCISE if occasion.realm.is_exercise else MessageStatus.ACTUAL
    seen = build(_Seen, {"digest": form.one("digest"), "as_of": form.one("as_of")})
    if seen.as_of > occasion.now:
        raise BadAct("as_of: that picture has not been yet")
    return {
        "status": status,
        "observed_at": occasion.now,
        "reported_via": ReportedVia.UI,
        "by_function": occasion.function,
        "based_on": BasedOn(digest=seen.digest, as_of=seen.as_of),
    }


def _before(form: Form, occasion: Occasion) -> Message:
    """What is changed: of the coordination itself, and at the revision that the person saw."""
    ref, seen = form.one("ref"), _numbers(form, "seen").get("seen")
    try:
        _, actor, _ = split_reference(ref)
    except ValueError as error:
        raise BadAct(f"ref: {error}") from error
    entity = occasion.picture.fold.state.entity(ref) if actor == occasion.actor else None
    if entity is None:
        raise BadAct(f"ref: {occasion.actor} has said nothing of {ref[:200]!r}; what others say is theirs to change")
    current = entity.last.gist.revision
    if seen != current:
        raise ChangedMeanwhile(ref, current, seen or 0)
    return entity.winner.message


def _known(refs: list[str], occasion: Occasion) -> tuple[str, ...]:
    """References that lead to something in the picture."""
    for ref in refs:
        kind, _, id = ref.partition("/")
        match kind:
            case "situation":
                known = occasion.picture.situation(id) is not None
            case "conflict":
                known = ref in occasion.picture.items
            case _:
                known = _is_entity(ref) and occasion.picture.fold.state.entity(ref) is not None
        if not known:
            raise BadAct(f"nothing is known by {ref[:200]!r}")
    return tuple(refs)


def _situation(id: str, occasion: Occasion) -> Situation:
    situation = occasion.picture.situation(id)
    if situation is None:
        raise BadAct(f"nothing is known by {f'situation/{id[:100]}'!r}")
    return situation


def _seed(situation: Situation) -> str:
    """The report that gives the situation its id."""
    return next((ref for ref in situation.members if situation_id(ref) == situation.id), situation.members[0])


def _is_entity(ref: str) -> bool:
    try:
        return bool(split_reference(ref)[1])
    except ValueError:
        return False


def _wanted(form: Form) -> dict[str, Any]:
    """What a request asks for, as far as the form says."""
    fields = _given(form, "description") | _instants(form, "needed_by", "until")
    if quantity := form.one("quantity"):
        try:
            fields["quantity"] = {"value": float(quantity.replace(",", ".")), "unit": form.one("unit")}
        except ValueError as error:
            raise BadAct("quantity: use a number") from error
    if codes := form.all("area"):
        if unknown := [code for code in codes if not geography.is_code(code)]:
            raise BadAct(f"area: {unknown[0][:40]!r} is no area code")
        fields["areas"] = tuple({"kind": geography.kind_of(code), "code": code} for code in codes)
    return fields


def _given(form: Form, *names: str) -> dict[str, Any]:
    """The fields that are filled in."""
    return {name: value for name in names if (value := form.one(name))}


def _shown(form: Form, name: str) -> dict[str, Any]:
    """The field as the form shows it, be it empty."""
    return {name: form.one(name)} if name in form.fields else {}


def _moments(form: Form, before: Message, *names: str) -> dict[str, Any]:
    """The instants that the form shows, as far as they are not as they were. A form tells no seconds, and no zone."""
    found: dict[str, Any] = {}
    for name in names:
        text, was = form.one(name), getattr(before, name)
        if name in form.fields and text != local_time(was):
            found[name] = _instant(name, text) if text else None
    return found


def _numbers(form: Form, *names: str) -> dict[str, Any]:
    found = _given(form, *names)
    for name, value in found.items():
        if not (value.isascii() and value.isdecimal() and len(value) < 19):
            raise BadAct(f"{name}: use a whole number")
    return {name: int(value) for name, value in found.items()}


def _instants(form: Form, *names: str) -> dict[str, Any]:
    return {name: _instant(name, value) for name, value in _given(form, *names).items()}


def _instant(name: str, text: str) -> datetime:
    """With an offset, or as the clock on the wall in Sweden: of an hour that comes twice, the first."""
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is not None:
            return parse_instant(text)
        zoned = local.replace(tzinfo=STOCKHOLM)
        instant = parse_instant(zoned.isoformat())
        shown = instant.astimezone(STOCKHOLM).replace(tzinfo=None)
        if (shown.hour, shown.minute) != (local.hour, local.minute):
            raise BadAct(f"{name}: the clock does not show that hour that night")
    except (ValueError, OverflowError) as error:
        raise BadAct(f"{name}: use a date and a time") from error
    return instant
