"""Numbers of users explained, by the account from which they were added up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bus.vocabulary import Impact, Service
from consumers.merge.effects import RANK
from consumers.merge.explain.books import Books
from consumers.merge.explain.explanation import (
    Counted,
    Counts,
    LeftOut,
    Share,
    SituationShare,
    TotalAccount,
    TotalOfImpact,
    UsersAccount,
    UsersOfImpact,
)
from consumers.merge.situations import Assembled, Cast, cast_of
from consumers.merge.users import Contribution, account_for_users
from consumers.merge.view import ServiceUsers, UserRange

_SERVICES = {service: place for place, service in enumerate(Service)}
_place = _SERVICES.__getitem__
"""Services in the order of the vocabulary: what concerns most comes first."""


def users(cast: Cast, books: Books) -> Iterator[UsersAccount]:
    """How a situation's users of each service come about."""
    accounts = account_for_users(cast.opened)
    for service in sorted(accounts, key=_place):
        by_impact = accounts[service]
        impacts = (
            UsersOfImpact(
                impact=impact,
                range=account.range,
                shares=tuple(
                    sorted(
                        (_share(contribution, books) for contribution in account.contributions),
                        key=lambda share: (-(share.adds.best or 0), -(share.adds.high or 0), share.source.ref),
                    )
                ),
                without_number=tuple(books.source(ref) for ref in account.unknown),
            )
            for impact, account in sorted(by_impact.items(), key=lambda item: RANK[item[0]], reverse=True)
        )
        yield UsersAccount(service=service, impacts=tuple(impacts), left_out=tuple(_left_out(service, cast, books)))


def counts(ref: str, made: Assembled, books: Books) -> Counts:
    """What an incident adds to the numbers of its situation."""
    cast = cast_of(made.component, books.told)
    told = books.told[ref]
    counted = []
    if told in cast.opened:
        for service, by_impact in account_for_users(cast.opened).items():
            for impact, account in by_impact.items():
                counted += [
                    Counted(service, impact, _share(contribution, books))
                    for contribution in account.contributions
                    if contribution.report.ref == ref
                ]
                if ref in account.unknown:
                    counted.append(Counted(service, impact, None))
    left_out = None if told in cast.opened else "DUPLICATE" if ref in made.component.duplicates else "OVER"
    return Counts(situation=made.situation.id, counted=tuple(counted), left_out=left_out)


def totals(books: Books) -> Iterator[TotalAccount]:
    """How the totals come about."""
    added: defaultdict[Service, defaultdict[Impact, list[SituationShare]]] = defaultdict(lambda: defaultdict(list))
    for id_, made in sorted(books.situations.items()):
        for service, found in made.situation.users.items():
            for impact, part in found.by_impact.items():
                added[Service(service)][Impact(impact)].append(SituationShare(id_, made.situation.title, part))
    for service, found in sorted(books.totals.items(), key=lambda item: _place(Service(item[0]))):
        yield TotalAccount(service=Service(service), impacts=tuple(_of_impacts(found, added[Service(service)])))


def _of_impacts(found: ServiceUsers, added: defaultdict[Impact, list[SituationShare]]) -> Iterator[TotalOfImpact]:
    for impact, range_ in found.by_impact.items():
        shares = sorted(added[Impact(impact)], key=lambda share: (-(share.adds.best or 0), share.situation))
        yield TotalOfImpact(Impact(impact), range_, tuple(shares))


def _share(contribution: Contribution, books: Books) -> Share:
    report = contribution.report
    told = books.told[report.ref].incident.users
    if told is None:
        raise ValueError(f"{report.ref} counts, but tells no number")
    return Share(
        source=books.source(report.ref),
        basis=told.basis,
        scope=report.scope,
        told=UserRange(report.low, report.best, report.high, 0),
        adds=UserRange(contribution.low, contribution.best, contribution.high, 0),
        standing=contribution.standing,
        beside=contribution.beside,
    )


def _left_out(service: Service, cast: Cast, books: Books) -> Iterator[LeftOut]:
    counted = {told.ref for told in cast.opened}
    duplicates = {told.ref for told in cast.voices} - counted
    for told in cast.everyone:
        if told.ref not in counted and told.impacts.get(service, Impact.NO_IMPACT) is not Impact.NO_IMPACT:
            yield LeftOut(books.source(told.ref), "DUPLICATE" if told.ref in duplicates else "OVER")
