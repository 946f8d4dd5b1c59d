"""Resources: one thing promised twice, or one request answered twice (C09)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bus.vocabulary import RequestState
from consumers.merge.conflicts.findings import Finding, Terms, finding
from consumers.merge.conflicts.rule import Rule
from consumers.merge.conflicts.things import Need, Supply, supply_for
from consumers.merge.resources import PROMISED, amount_met

_NOT_WANTED = frozenset({RequestState.RELEASED, RequestState.WITHDRAWN})


def _is_wanted(need: Need, _: Terms) -> bool:
    return need.state not in _NOT_WANTED


def _offers_to_it(need: Need) -> tuple[str, ...]:
    return (supply_for(need.ref),)


def _is_promised_to(_: Need, offer: Supply, _terms: Terms) -> bool:
    return offer.state in PROMISED


def _tell_twice(need: Need, offers: Sequence[Supply], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    """More is promised than is asked for: without the least of the offers there is still enough."""
    asked = need.quantity.value if need.quantity else 1.0
    counted = [(amount, offer) for offer in offers if (amount := amount_met(need, offer))]
    amounts = sorted(amount for amount, _ in counted)
    if len(counted) > 1 and asked > 0 and sum(amounts[1:]) >= asked:
        yield finding(
            "C09",
            need.ref,
            [offer.ref for _, offer in counted],
            case="TWICE",
            also={"count": len(counted)},
            actors=[need.owner, *(offer.owner for _, offer in counted)],
            areas=need.codes,
        )


def _is_promised_to_several(offer: Supply, _: Terms) -> bool:
    return offer.state in PROMISED and len(offer.requests) > 1


def _its_requests(offer: Supply) -> tuple[str, ...]:
    return offer.requests


def _wants(_: Supply, need: Need, terms: Terms) -> bool:
    return _is_wanted(need, terms)


def _tell_shared(offer: Supply, needs: Sequence[Need], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    if len(needs) > 1:
        yield finding(
            "C09",
            offer.ref,
            [need.ref for need in needs],
            case="SHARED",
            also={"count": len(needs)},
            actors=[offer.owner, *(need.owner for need in needs)],
            areas={code for need in needs for code in need.codes},
        )


def _is_described(offer: Supply, _: Terms) -> bool:
    return offer.state in PROMISED and bool(offer.description) and bool(offer.requests)


def _what_reads_alike(offer: Supply) -> tuple[str, ...]:
    return (offer.likeness,)


def _reads_alike(offer: Supply, other: Supply, _: Terms) -> bool:
    alike = other.likeness == offer.likeness and other.quantity == offer.quantity
    return alike and other.state in PROMISED and bool(other.requests)


def _tell_alike(offer: Supply, others: Sequence[Supply], _: Terms, _as_of: datetime) -> Iterator[Finding]:
    """Told once: of the least of those that read alike."""
    promised = (offer, *others)
    if offer.ref == min(one.ref for one in promised) and len({one.requests for one in promised}) > 1:
        yield finding(
            "C09",
            offer.ref,
            [one.ref for one in others],
            case="ALIKE",
            also={"count": len(promised), "resource": offer.resource},
            actors=[offer.owner],
        )


RULES = (
    Rule(
        id="C09",
        about=Need,
        applies=_is_wanted,
        among=(Supply,),
        looks=_offers_to_it,
        meets=_is_promised_to,
        tell=_tell_twice,
    ),
    Rule(
        id="C09",
        about=Supply,
        applies=_is_promised_to_several,
        among=(Need,),
        looks=_its_requests,
        meets=_wants,
        tell=_tell_shared,
    ),
    Rule(
        id="C09",
        about=Supply,
        applies=_is_described,
        among=(Supply,),
        looks=_what_reads_alike,
        meets=_reads_alike,
        tell=_tell_alike,
    ),
)
