"""What is asked for and offered: how much is promised, how much is missing, and by when."""

from __future__ import annotations

import pytest

from bus.messages import Offer, Quantity, Request
from bus.vocabulary import Fulfilment, MessageStatus, RequestState, ResourceKind
from consumers.merge.view import RequestItem
from tests.merging import at, fold, incident, said

S, F = RequestState, Fulfilment
REQUEST = "request/nordtel/R-1"


def opening(actor: str, id: str, revision: int) -> dict[str, object]:
    told = {"actor": actor, "id": id, "revision": revision, "status": MessageStatus.ACTUAL, "observed_at": at(0)}
    return told | {"resource": ResourceKind.MOBILE_GENERATOR}


def asked(value: float | None = 3.0, unit: str = "st", *, revision: int = 1, state: S = S.OPEN, **fields):
    quantity = None if value is None else Quantity(value=value, unit=unit)
    return said(Request(**opening("nordtel", "R-1", revision), quantity=quantity, state=state, **fields))


def offered(
    id: str, state: S = S.COMMITTED, value: float | None = None, unit: str = "st", *, revision: int = 1, **fields
):
    quantity = None if value is None else Quantity(value=value, unit=unit)
    told = opening("sveamobil", id, revision) | {"ref": REQUEST, **fields}
    return said(Offer(**told, quantity=quantity, state=state))


def request(*messages, hours: float = 1) -> RequestItem:
    return fold(*messages).items(at(hours))[REQUEST]


def test_without_an_answer_all_is_missing():
    found = request(asked())
    assert (found.offers, found.offer_count, found.offered, found.promised, found.missing) == ((), 0, 0.0, 0.0, 3.0)
    assert found.fulfilment is F.UNANSWERED


AMOUNTS = {
    "nothing": ([], (0, 0, 3)),
    "offered, and not yet promised": ([offered("A", S.OFFERED, 3)], (3, 0, 3)),
    "promised in part": ([offered("A", value=1), offered("B", S.OPEN, 5)], (6, 1, 2)),
    "on its way, and there": ([offered("A", S.EN_ROUTE, 1), offered("B", S.DEPLOYED, 2)], (3, 3, 0)),
    "more than is asked for": ([offered("A", value=5)], (5, 5, 0)),
    "an offer without a number is one of all of it": ([offered("A")], (3, 3, 0)),
    "the same unit in other letters": ([offered("A", value=1, unit=" St")], (1, 1, 2)),
    "in another unit nobody can tell": ([offered("A", value=40, unit="kVA")], (0, 0, None)),
    "nor of another resource": ([offered("A", value=3, resource=ResourceKind.FUEL)], (0, 0, None)),
    "unless the rest is enough": ([offered("A", value=40, unit="kVA"), offered("B", value=3)], (3, 3, 0)),
    "what is not promised does not matter": ([offered("A", S.OFFERED, 40, "kVA")], (0, 0, 3)),
    "withdrawn": ([offered("A", S.WITHDRAWN, 3)], (0, 0, 3)),
    "taken back": ([offered("A", value=3), offered("A", S.WITHDRAWN, 3, revision=2)], (0, 0, 3)),
    "done with": ([offered("A", S.RELEASED, 3)], (0, 0, 3)),
    "an offer whose time has passed": ([offered("A", S.OFFERED, 3, until=at(1))], (0, 0, 3)),
    "a promise outlives its time": ([offered("A", value=3, until=at(1))], (3, 3, 0)),
    "a negative amount takes nothing away": ([offered("A", value=2), offered("B", value=-1)], (2, 2, 1)),
}


@pytest.mark.parametrize("case", AMOUNTS)
def test_how_much_is_offered_promised_and_missing(case):
    offers, expected = AMOUNTS[case]
    found = request(asked(), *offers)
    assert (found.offered, found.promised, found.missing) == expected


def test_of_a_request_without_a_number_no_amount_is_told():
    found = request(asked(None), offered("A", value=2))
    assert (found.offered, found.promised, found.missing, found.fulfilment) == (None, None, None, F.FILLED)


STANDINGS = {
    "nobody answers": ([asked()], F.UNANSWERED),
    "somebody offers": ([asked(), offered("A", S.OFFERED, 3)], F.OFFERED),
    "some of it is promised": ([asked(needed_by=at(2)), offered("A", value=1)], F.PARTLY_FILLED),
    "all of it": ([asked(needed_by=at(0)), offered("A")], F.FILLED),
    "the one in need says that it is helped": ([asked(state=S.DEPLOYED, needed_by=at(0))], F.FILLED),
    "it says so, and offers meet a part": (
        [asked(state=S.COMMITTED, needed_by=at(2)), offered("A", value=1)],
        F.PARTLY_FILLED,
    ),
    "a part, and too late": ([asked(state=S.COMMITTED, needed_by=at(0)), offered("A", value=1)], F.OVERDUE),
    "not in time": ([asked(needed_by=at(1))], F.OVERDUE),
    "not all in time": ([asked(needed_by=at(1)), offered("A", value=1)], F.OVERDUE),
    "its time is over": ([asked(needed_by=at(0), until=at(1))], F.UNFILLED),
    "its owner has given up": ([asked(state=S.UNFILLED, needed_by=at(0))], F.UNFILLED),
    "withdrawn": ([asked(state=S.WITHDRAWN, needed_by=at(0))], F.OVER),
    "done with": ([asked(state=S.RELEASED), offered("A")], F.OVER),
}


@pytest.mark.parametrize("case", STANDINGS)
def test_how_a_request_stands(case):
    messages, expected = STANDINGS[case]
    assert request(*messages).fulfilment is expected


def test_the_feed_says_so_when_the_time_comes_and_when_it_is_turned_back():
    state = fold(asked(needed_by=at(2), until=at(5)), offered("A", S.OFFERED, 1, until=at(1)))
    assert state.changes(at(0))[REQUEST].fulfilment is F.OFFERED
    assert state.changes(at(1))[REQUEST].fulfilment is F.UNANSWERED
    assert state.changes(at(2))[REQUEST].fulfilment is F.OVERDUE
    assert REQUEST not in state.changes(at(3))
    assert state.changes(at(5))[REQUEST].fulfilment is F.UNFILLED
    assert state.changes(at(0))[REQUEST].fulfilment is F.OFFERED


def test_of_many_offers_some_are_named_and_all_counted():
    found = request(asked(), *(offered(f"O-{n:02}", S.OFFERED, 1) for n in range(30)))
    assert (len(found.offers), found.offer_count, found.offered) == (20, 30, 30)


def test_an_offer_to_something_else_touches_nothing():
    told = incident()
    answering = offered("A", ref=told.message.reference)
    items = fold(told, asked(), answering).items(at(1))
    assert items[told.message.reference].ref == told.message.reference
    assert items[REQUEST].fulfilment is F.UNANSWERED
    assert items["offer/sveamobil/A"].offer == "offer/sveamobil/A"


def test_an_offer_that_turns_to_another_request_leaves_the_first():
    state = fold(asked(), offered("A"))
    assert state.changes(at(1))[REQUEST].fulfilment is F.FILLED
    state.apply(offered("A", revision=2, ref="request/nordtel/R-2"))
    assert state.changes(at(1))[REQUEST].fulfilment is F.UNANSWERED
