"""The view as a feed tells it: for readers who may see their feed and not the log.

A feed's records are bounded, so a view from them says less than one folded from the log. It tells no suggestions of a
situation, though how many there are; user-hours are as of `user_hours_as_of`, and grow by what they say.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, TypeVar

from bus.errors import BusUnavailable
from bus.messages import Part
from bus.settings import Settings
from bus.transport.port import Transport
from bus.vocabulary import Audience
from consumers.feed import Feed
from consumers.merge.areas import emergencies
from consumers.merge.energy import first_to_end_first
from consumers.merge.pending import in_order
from consumers.merge.situations import situation_id
from consumers.merge.view import (
    ActorItem,
    AreaItem,
    Conflict,
    DecisionItem,
    EnergyItem,
    Flag,
    IncidentPlace,
    MeasureItem,
    OfferItem,
    PendingAck,
    RequestItem,
    Situation,
    SituationSummary,
    Summary,
    Totals,
    View,
    WorkItem,
)

__all__ = ["read_view", "view_of"]

PATIENCE = 15.0
"""Seconds to wait for a first batch: a leader ends one each second."""

P = TypeVar("P", bound=Part)


async def read_view(
    settings: Settings, audience: Audience, *, patience: float = PATIENCE, transport: Transport | None = None
) -> View:
    """The picture that the feed of an audience shows now.

    Raises BusUnavailable where no hub has written the feed, and what `Feed` raises.
    """
    async with Feed(settings, audience=audience, transport=transport) as feed:
        try:
            change = await asyncio.wait_for(anext(feed), patience)
        except TimeoutError as error:
            raise BusUnavailable(
                f"nothing was read from the feed for {audience} in {patience:.0f} s; is a hub running? (`ntsg hub`)"
            ) from error
        return view_of(feed.picture, change.summary)


def view_of(picture: Mapping[str, Part], summary: Summary) -> View:
    """The view that the items of a feed, by key, and the summary of their last batch make."""
    places: defaultdict[str, list[IncidentPlace]] = defaultdict(list)
    for place in _all(picture, IncidentPlace):
        places[place.situation].append(place)
    situations = [_situation(told, places[told.id]) for told in _all(picture, SituationSummary)]
    areas = _all(picture, AreaItem)
    return View.model_construct(
        as_of=summary.as_of,
        audience=summary.audience,
        realm=summary.realm,
        status=summary.status,
        settled=True,
        digest=summary.digest,
        rules=summary.rules,
        inputs=summary.inputs,
        situations=tuple(sorted(situations, key=lambda s: (-s.severity.level, s.started_at, s.id))),
        measures=_all(picture, MeasureItem),
        works=_all(picture, WorkItem),
        requests=_all(picture, RequestItem),
        offers=_all(picture, OfferItem),
        decisions=_all(picture, DecisionItem),
        conflicts=_all(picture, Conflict),
        areas=areas,
        actors=_all(picture, ActorItem),
        emergency=tuple(emergencies(areas)),
        totals=Totals(
            users=summary.users,
            user_hours=summary.user_hours,
            open_situations=summary.open_situations,
            stale_share=summary.stale_share,
            sector=summary.sector,
        ),
        energy=first_to_end_first(_all(picture, EnergyItem)),
        pending_acks=in_order(_all(picture, PendingAck)),
        flags=tuple(sorted(_all(picture, Flag), key=lambda f: (f.code, f.refs, f.text))),
        quarantined=summary.quarantined,
        withheld=summary.withheld,
    )


def _all(picture: Mapping[str, Part], model: type[P]) -> tuple[P, ...]:
    return tuple(item for _, item in sorted(picture.items()) if isinstance(item, model))


def _situation(told: SituationSummary, places: list[IncidentPlace]) -> Situation:
    """The incidents say themselves which situation they are in, and by which link; each link is told by one of them."""
    shared: dict[str, Any] = {n: getattr(told, n) for n in Situation.model_fields if n in SituationSummary.model_fields}
    ids = {situation_id(place.ref) for place in places}
    return Situation.model_construct(
        **shared,
        aliases=tuple(sorted(ids - {told.id})),
        members=tuple(sorted(place.ref for place in places if not place.duplicate)),
        duplicates=tuple(sorted(place.ref for place in places if place.duplicate)),
        links=tuple(place.link for place in places if place.link is not None),
        suggestions=(),
    )
