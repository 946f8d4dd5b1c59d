"""What is asked for and what is offered: how much of a request is promised, how much is missing, and by when.

An offer answers the request that it names. It is *promised* while its owner says COMMITTED, EN_ROUTE or DEPLOYED, and
*stands* while it is promised or may still be taken: until it is withdrawn, released or unfilled, or its `until` has
passed. It meets as much of the request as it names in the same unit; all of it where the request names no number, or
the offer none. Of another resource, or in another unit, nobody can tell how much it meets.

A request is filled when promised offers meet all of it, or when the one who asked says so (COMMITTED, EN_ROUTE,
DEPLOYED): whoever is in need knows best whether it is helped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from bus.messages import Offer, Quantity, Request
from bus.references import Kind
from bus.vocabulary import Fulfilment, RequestState, ResourceKind
from consumers.merge.entities import Entity
from consumers.merge.freshness import Schedule
from consumers.merge.index import Index
from consumers.merge.view import OfferItem, RequestItem

MOST_OFFERS = 20
"""A request names at most so many offers, so that its record is bounded; it tells how many there are."""

PROMISED = frozenset({RequestState.COMMITTED, RequestState.EN_ROUTE, RequestState.DEPLOYED})
"""States in which a resource is given, until its owner says otherwise."""
ENDED = frozenset({RequestState.WITHDRAWN, RequestState.RELEASED, RequestState.UNFILLED})
"""States in which nothing is asked for or offered any more."""


class Resource(Protocol):
    """A request or an offer, as far as one can be measured by the other."""

    @property
    def resource(self) -> ResourceKind: ...
    @property
    def quantity(self) -> Quantity | None: ...


class ResourceBook:
    """The requests, and the offers that answer them."""

    def __init__(self) -> None:
        self._requests: dict[str, Entity] = {}
        self._offers: dict[str, Entity] = {}
        self._answers = Index()
        self._dirty: set[str] = set()
        self._due = Schedule()

    def put_request(self, entity: Entity) -> None:
        self._requests[entity.ref] = entity
        self._dirty.add(entity.ref)

    def put_offer(self, entity: Entity, offer: Offer) -> None:
        self._offers[entity.ref] = entity
        self._dirty |= {entity.ref, *self._answers.put(entity.ref, (offer.ref,))}

    def drop(self, ref: str) -> None:
        """Take a request or an offer out."""
        if self._requests.pop(ref, None) is not None:
            self._dirty.add(ref)
        if self._offers.pop(ref, None) is not None:
            self._dirty |= {ref, *self._answers.put(ref, ())}

    def rewind(self) -> None:
        """The clock stands earlier than it did."""
        self._dirty |= self._requests.keys()

    def refresh(self, as_of: datetime) -> Iterator[tuple[str, RequestItem | OfferItem | None]]:
        """Every request and offer that may have changed; None for one that is gone."""
        dirty, self._dirty = self._dirty | self._due.take(as_of), set()
        for ref in sorted(dirty):
            if ref in self._requests:
                yield ref, self._request_item(self._requests[ref], as_of)
            elif ref in self._offers:
                yield ref, _offer_item(self._offers[ref])
            elif ref.partition("/")[0] in (Kind.REQUEST, Kind.OFFER):
                yield ref, None

    def _request_item(self, entity: Entity, as_of: datetime) -> RequestItem | None:
        request = entity.winner.message
        if not isinstance(request, Request):
            return None
        offers = [offer for offer in self._offers_to(entity.ref) if stands(offer, as_of)]
        promised = [offer for offer in offers if offer.state in PROMISED]
        instants = [request.needed_by, request.until, *(offer.until for offer in offers)]
        self._due.put(entity.ref, min((at for at in instants if at is not None and at > as_of), default=None))
        fields: dict[str, Any] = dict(request)
        return RequestItem.whole(
            **fields,
            ref=entity.ref,
            offers=tuple(offer.reference for offer in offers[:MOST_OFFERS]),
            offer_count=len(offers),
            offered=None if request.quantity is None else _total(request, offers),
            promised=None if request.quantity is None else _total(request, promised),
            missing=None if request.quantity is None else _missing(request, promised),
            fulfilment=fulfilment(request, offers, as_of),
            known_at=entity.winner.known_at,
        )

    def _offers_to(self, request: str) -> Iterator[Offer]:
        for ref in sorted(self._answers.get(request)):
            offer = self._offers[ref].winner.message
            if isinstance(offer, Offer):
                yield offer


def stands(offer: Offer, as_of: datetime) -> bool:
    """Whether an offer is given, or may still be taken."""
    if offer.state in PROMISED:
        return True
    return offer.state not in ENDED and (offer.until is None or offer.until > as_of)


def fulfilment(request: Request, offers: Sequence[Offer], as_of: datetime) -> Fulfilment:
    """How a request stands, by the offers that stand and by the clock."""
    promised = [offer for offer in offers if offer.state in PROMISED]
    if request.state in (RequestState.RELEASED, RequestState.WITHDRAWN):
        return Fulfilment.OVER
    missing = _missing(request, promised)
    if missing == 0 or (request.state in PROMISED and not (promised and missing)):
        return Fulfilment.FILLED
    if request.state is RequestState.UNFILLED or _has_passed(request.until, as_of):
        return Fulfilment.UNFILLED
    if _has_passed(request.needed_by, as_of):
        return Fulfilment.OVERDUE
    if promised:
        return Fulfilment.PARTLY_FILLED
    return Fulfilment.OFFERED if offers else Fulfilment.UNANSWERED


def amount_met(request: Resource, offer: Resource) -> float | None:
    """How much of a request an offer meets, in the request's unit: all of it where either names no number (1 where the
    request names none). None where nobody can tell: it is another resource, or in another unit.
    """
    asked, offered = request.quantity, offer.quantity
    if offer.resource is not request.resource:
        return None
    if asked is None:
        return 1.0
    if offered is None:
        return asked.value
    same = asked.unit.casefold().strip() == offered.unit.casefold().strip()
    return max(offered.value, 0.0) if same else None


def _total(request: Request, offers: Iterable[Offer]) -> float:
    """What offers meet of a request, at least."""
    return sum((amount for offer in offers if (amount := amount_met(request, offer)) is not None), 0.0)


def _missing(request: Request, promised: Sequence[Offer]) -> float | None:
    """What promised offers leave unmet; None where nobody can tell."""
    left = (1.0 if request.quantity is None else request.quantity.value) - _total(request, promised)
    if left <= 0:
        return 0.0
    return None if any(amount_met(request, offer) is None for offer in promised) else left


def _has_passed(instant: datetime | None, as_of: datetime) -> bool:
    return instant is not None and instant <= as_of


def _offer_item(entity: Entity) -> OfferItem | None:
    offer = entity.winner.message
    if not isinstance(offer, Offer):
        return None
    fields: dict[str, Any] = dict(offer)
    return OfferItem.whole(**fields, offer=entity.ref, known_at=entity.winner.known_at)
