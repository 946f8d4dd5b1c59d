"""What each audience may know of what it sees: the rulings, field by field, and the reduction that follows them.

Whom a message may reach at all is decided by its Traffic Light Protocol mark (`projections`). This is the second step:
of what an audience may see, competitors learn no more than coordination needs (competition law), and nobody outside the
coordination group learns which asset carries what. Every field of everything that the view says has a ruling; what has
none cannot be shown, so a new field is seen by nobody but FULL until somebody rules on it.
"""

from __future__ import annotations

import dataclasses
import typing
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bus.messages import Area, BasedOn, CustomerService, Load, Part, Partner, Quantity, Staffing
from bus.vocabulary import AreaKind, Audience
from consumers.merge.grounds import SHARED
from consumers.merge.links import ASSETS
from consumers.merge.view import (
    ActorItem,
    AreaEmergency,
    AreaItem,
    CauseCandidate,
    Conflict,
    DecisionItem,
    EmergencyItem,
    EnergyItem,
    Flag,
    ForecastSlip,
    HoursRange,
    IncidentPlace,
    MeasureItem,
    OfferItem,
    PendingAck,
    Reason,
    RequestItem,
    RestorationRange,
    Sector,
    ServiceHours,
    ServiceUsers,
    Severity,
    SeverityOverride,
    SiteRange,
    Situation,
    SituationCause,
    SituationLink,
    SituationSites,
    SituationSummary,
    Summary,
    Totals,
    UserRange,
    View,
    WorkItem,
)

P = TypeVar("P", bound=Part)
Edges = Sequence[int]
Treatment = Callable[[Any, Edges], Any]
"""From what a field (or a record) holds to what is shown of it, given the edges of the buckets."""


def cut(shown: object) -> Treatment:
    """Not shown: always this instead."""
    return lambda _, __: shown


def down(number: int | None, edges: Edges) -> int | None:
    """The lower edge of the bucket that the number is in. Zero is a bucket of its own."""
    if number is None:
        return None
    below = bisect_right(edges, number)
    return edges[below - 1] if below else 0


def up(number: int | None, edges: Edges) -> int | None:
    """The upper edge of the bucket that the number is in; None in the open one, and where no number is known."""
    if not number:
        return number
    above = bisect_right(edges, number)
    return edges[above] if above < len(edges) else None


def _without_asset(link: SituationLink, _: Edges) -> SituationLink:
    """Two incidents have an asset in common; which one is not said."""
    if link.code == SHARED and link.facts.get("field") == ASSETS:
        return dataclasses.replace(link, why=ASSETS, facts={"field": ASSETS})
    return link


def _without_comment(link: SituationLink, edges: Edges) -> SituationLink:
    """Nor what staff wrote to it."""
    if "comment" in link.facts:
        facts = {name: fact for name, fact in link.facts.items() if name != "comment"}
        return dataclasses.replace(link, why=link.why.partition(", ")[0], facts=facts)
    return _without_asset(link, edges)


def _without_site(area: Area, _: Edges) -> Area:
    """A site is an asset: that it is one is all that is said."""
    return Area(kind=area.kind) if area.kind is AreaKind.SITE else area


def _without_label(area: Area, edges: Edges) -> Area:
    """Nor free text about a place, but for those at sea, which have no other name."""
    if area.kind is AreaKind.OFFSHORE or not area.label:
        return area
    return dataclasses.replace(_without_site(area, edges), label="")


SYMBOLS = frozenset({"impact", "service", "services", "certainty", "count", "area", "areas"})
"""The facts of a reason that are words of the vocabulary, or count reports."""


def _without_numbers(reason: Reason, _: Edges) -> Reason:
    facts = {name: fact for name, fact in reason.facts.items() if name in SYMBOLS}
    if len(facts) == len(reason.facts):
        return reason
    return dataclasses.replace(reason, text=reason.code.lower().replace("_", " "), facts=facts)


HIDDEN_TELLING = frozenset({"REVISION_GAP", "REFERENCE_TO_NOTHING"})
"""Flags about what is missing. Whether it is, or lies above the ceiling, cannot be told from below."""


def _unless_telling(flag: Flag, _: Edges) -> Flag | None:
    return None if flag.code in HIDDEN_TELLING else flag


HIDDEN_CONFLICTS = frozenset({("C04", "LOAD"), ("C14", None), ("C18", "BEFORE_POWER"), ("C18", "SOON")})
"""By rule and case. That they are told gives away what competitors do not see, or their id does, for it is made from so
few values that all could be tried: load, declared severity, how long backup energy lasts.
"""


def _unless_telling_tales(conflict: Conflict, _: Edges) -> Conflict | None:
    return None if (conflict.rule, conflict.case) in HIDDEN_CONFLICTS else conflict


def _without_order(view: View, _: Edges) -> View:
    """Whose backup energy ends first is not told by which comes first, either."""
    return view.model_copy(update={"energy": tuple(sorted(view.energy, key=lambda item: item.ref))})


@dataclass(frozen=True, slots=True)
class Ruling:
    """On one record. Fields that no audience is named for are shown as they are; records inside have their own."""

    shown: str
    """The fields that all see, by name, with blanks between."""
    authority: Mapping[str, Treatment] = field(default_factory=dict)
    peer: Mapping[str, Treatment] = field(default_factory=dict)
    whole: Mapping[Audience, Treatment] = field(default_factory=dict)
    """On the record as a whole; None for one that is not shown."""

    @property
    def fields(self) -> frozenset[str]:
        """All that it rules on."""
        return frozenset({*self.shown.split(), *self.authority, *self.peer})

    def treatments(self, audience: Audience) -> Mapping[str, Treatment]:
        return {Audience.AUTHORITY: self.authority, Audience.PEER: self.peer}[audience]


_OPENING = "actor id revision status observed_at next_update_at tlp reported_via on_behalf_of known_at"


def _down_by_unit(numbers: Mapping[str, int], edges: Edges) -> dict[str, int | None]:
    return {unit: down(number, edges) for unit, number in numbers.items()}


_RANGE: Mapping[str, Treatment] = {"low": down, "best": cut(None), "high": up, "other_units": _down_by_unit}
_SITUATION = (
    "id title state actors severity trend services areas cause users sites emergency restoration measures freshness "
    "tlp started_at"
)
_NO_HOURS: Mapping[str, Treatment] = {"user_hours": cut({}), "user_hours_as_of": cut(None)}
_NO_ASSETS = {"infrastructure_ids": cut(())}
_NO_REMARKS = {"description": cut(""), "reason": cut(None)}
_RESOURCE = "resource quantity description areas needed_by until state targets"
_LINK = {Audience.AUTHORITY: _without_asset, Audience.PEER: _without_comment}
_PLACE = {Audience.AUTHORITY: _without_site, Audience.PEER: _without_label}

RULINGS: Mapping[type, Ruling] = {
    View: Ruling(
        "as_of audience realm status settled digest rules inputs situations measures works requests offers decisions "
        "conflicts areas actors emergency totals energy pending_acks flags quarantined withheld",
        whole={Audience.PEER: _without_order},
    ),
    Summary: Ruling(
        "as_of audience realm status digest rules inputs batch users open_situations stale_share sector quarantined "
        "withheld",
        peer={"user_hours": cut({})},
    ),
    Sector: Ruling("operators reporting nothing_to_report freezes"),
    Totals: Ruling("users open_situations stale_share sector", peer={"user_hours": cut({})}),
    # Situations. A title is written for all whom the mark lets see it: without one, nobody knows what is spoken of.
    Situation: Ruling(f"{_SITUATION} aliases members duplicates links suggestions", peer=_NO_HOURS),
    SituationSummary: Ruling(
        f"{_SITUATION} member_count duplicate_count alias_count link_count suggestion_count", peer=_NO_HOURS
    ),
    IncidentPlace: Ruling("ref revision state title situation duplicate link known_at"),
    SituationLink: Ruling("a b basis why code facts", whole=_LINK),
    SituationCause: Ruling("category detail disputed disputed_by candidates candidate_count unknown_reports"),
    CauseCandidate: Ruling("category detail certainty report_count actors"),
    RestorationRange: Ruling(
        "earliest latest full_capacity certainty missing_forecasts slips slipped_count", peer={"slipped": cut(())}
    ),
    SituationSites: Ruling("served out on_backup cause_count", peer={"out_by_cause": cut({}), "out_unexplained": down}),
    SiteRange: Ruling("unknown_reports", peer={"low": down, "high": up}),
    ForecastSlip: Ruling("ref actor slips later_minutes first now"),
    Severity: Ruling("level computed override lower_bound reasons", peer={"declared": cut(None)}),
    SeverityOverride: Ruling("level decision until"),
    Reason: Ruling("code level text facts refs", whole={Audience.PEER: _without_numbers}),
    ServiceUsers: Ruling("impact unknown_reports by_impact", peer=_RANGE),
    UserRange: Ruling("unknown_reports", peer=_RANGE),
    ServiceHours: Ruling("impact low best high uncovered_hours per_hour by_impact"),
    HoursRange: Ruling("low best high uncovered_hours per_hour"),
    # What actors do and plan. How much, on what, and why not, is their own business; that it is done is everybody's.
    MeasureItem: Ruling(
        f"{_OPENING} ref confirmed type state effect title areas services targets hosts guests authority requested_at "
        "active_from planned_end ended_at activation alerts",
        authority={"depends_on": cut(())},
        peer=_NO_REMARKS
        | {"depends_on": cut(()), "quantity": cut(None), "decline_reason": cut(None), "exceptions": cut(())},
    ),
    WorkItem: Ruling(
        f"{_OPENING} ref phase state impact title starts_at ends_at areas services",
        authority=_NO_ASSETS,
        peer=_NO_REMARKS | _NO_ASSETS,
    ),
    # Requests, offers and decisions are addressed to the others: to be answered, they must be read.
    RequestItem: Ruling(
        f"{_OPENING} ref offers offer_count offered promised missing fulfilment {_RESOURCE} based_on",
        peer={"reason": cut(None), "by_function": cut(None)},
    ),
    OfferItem: Ruling(f"{_OPENING} ref offer eta {_RESOURCE}", peer={"reason": cut(None)}),
    DecisionItem: Ruling(
        f"{_OPENING} ref reason decision state title text level until affects based_on review_at by_function",
    ),
    PendingAck: Ruling("id ref actor subject about since"),
    Conflict: Ruling(
        "id rule case severity subjects subject_count state answered_by actors areas situations situation_count",
        peer={"text": cut(""), "facts": cut({})},
        whole={Audience.PEER: _unless_telling_tales},
    ),
    EnergyItem: Ruling(
        "ref actor areas power_incident power_is_out power_return",
        peer=dict.fromkeys(
            ("battery_until", "fuel_until", "backup_until", "exhausted", "gap_hours", "ends_before_power"), cut(None)
        ),
    ),
    # Places and actors. What an actor says of its staff, partners and load is for those who help it, not for rivals.
    AreaItem: Ruling(
        "code name impact mobile all_mobile_down white_out emergency situations situation_count",
    ),
    AreaEmergency: Ruling("impact fallback operators ran_radiating refs report_count"),
    EmergencyItem: Ruling("code name impact fallback operators ran_radiating refs report_count"),
    ActorItem: Ruling(
        "actor name roles ended_at freshness reporting last_heard mode nothing_to_report open_incidents "
        "status_known_at",
        authority={"missing_incidents": cut(None)},
        peer={
            "missing_incidents": cut(None),
            "forecast_slips": cut(None),
            "staffing": cut(()),
            "partners": cut(()),
            "load": cut(()),
            "remote_work_percent": cut(None),
            "customer_service": cut(None),
        },
    ),
    Flag: Ruling("id code case refs text facts", whole={Audience.AUTHORITY: _unless_telling, Audience.PEER: cut(None)}),
    # Records inside of messages.
    Area: Ruling("kind code label", whole=_PLACE),
    BasedOn: Ruling("digest as_of"),
    CustomerService: Ruling("backlog_hours priorities"),
    Load: Ruling("service utilisation_percent trend"),
    Partner: Ruling("name state"),
    Quantity: Ruling("value unit"),
    Staffing: Ruling("function available_percent note"),
}
"""Every record that the view is made of."""


class Reduction:
    """What one audience may know of an item. For AUTHORITY and PEER; FULL needs none, PUBLIC has sentences instead."""

    def __init__(self, audience: Audience, edges: Edges) -> None:
        self._audience = audience
        self._edges = edges
        self._reducers: dict[type, _Reducer | None] = {}

    def __call__(self, part: P) -> P | None:
        """The part as this audience sees it: the same object where nothing is cut; None where it sees nothing.

        Raises LookupError for a record on which, or on a field of which, there is no ruling.
        """
        reducer = self._reducer(type(part))
        shown: P | None = part if reducer is None else reducer(part)
        return shown

    def _reducer(self, model: type) -> _Reducer | None:
        """None where nothing is cut."""
        if model not in self._reducers:
            self._reducers[model] = self._compile(model)
        return self._reducers[model]

    def _compile(self, model: type) -> _Reducer | None:
        ruling, hints = RULINGS.get(model), fields_of(model)
        if ruling is None or ruling.fields != hints.keys():
            unruled = hints.keys() - (ruling.fields if ruling else set())
            raise LookupError(f"no ruling on {', '.join(sorted(unruled))} of {model.__name__}; see RULINGS")
        treatments = ruling.treatments(self._audience)
        fields: dict[str, _Reducer] = {}
        for name, hint in hints.items():
            if name in treatments:
                fields[name] = self._bound(treatments[name])
            elif (inside := self._inside(hint)) is not None:
                fields[name] = inside
        whole = ruling.whole.get(self._audience)
        steps = [_by_field(model, fields)] if fields else []
        steps += [self._bound(whole)] if whole else []
        return _one_after_the_other(steps) if steps else None

    def _bound(self, treatment: Treatment) -> _Reducer:
        edges = self._edges
        return lambda value: treatment(value, edges)

    def _inside(self, hint: Any) -> _Reducer | None:
        """For the records in a field, whether one, none or many."""
        reducers = [reducer for model in records_in(hint) if (reducer := self._reducer(model)) is not None]
        if not reducers:
            return None
        (reducer,) = reducers
        return _each(reducer)


_Reducer = Callable[[Any], Any]


def fields_of(model: type) -> dict[str, Any]:
    """The fields of a record with their annotations."""
    hints = typing.get_type_hints(model)
    return {name: hints[name] for name in (model.model_fields if issubclass(model, Part) else hints)}


def records_in(hint: Any) -> set[type]:
    """The records that an annotation names: `tuple[Area, ...]` has one."""
    if isinstance(hint, type):
        return {hint} if dataclasses.is_dataclass(hint) or issubclass(hint, Part) else set()
    return {record for argument in typing.get_args(hint) for record in records_in(argument)}


def _by_field(model: type, reducers: Mapping[str, _Reducer]) -> _Reducer:
    def reduce(record: Any) -> Any:
        changed = {}
        for name, reducer in reducers.items():
            held = getattr(record, name)
            shown = reducer(held)
            if shown is not held and shown != held:
                changed[name] = shown
        if not changed:
            return record
        return record.model_copy(update=changed) if issubclass(model, Part) else dataclasses.replace(record, **changed)

    return reduce


def _each(reducer: _Reducer) -> _Reducer:
    def reduce(held: Any) -> Any:
        match held:
            case None:
                return None
            case tuple():
                return tuple(shown for record in held if (shown := reducer(record)) is not None)
            case dict():
                return {key: shown for key, record in held.items() if (shown := reducer(record)) is not None}
        return reducer(held)

    return reduce


def _one_after_the_other(steps: Sequence[_Reducer]) -> _Reducer:
    if len(steps) == 1:
        return steps[0]

    def reduce(record: Any) -> Any:
        for step in steps:
            record = step(record)
        return record

    return reduce
