"""What there is to see for a visitor who wishes something: the picture, and what else a page needs of the hub."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bus.envelope import Envelope
from bus.errors import UnknownReference
from bus.instants import from_millis, to_millis
from bus.references import Kind
from bus.topics import Realm
from bus.vocabulary import Audience
from consumers.alerts.rules import AlertRules
from consumers.room.accounts import Accounts
from consumers.room.baselines import Baselines
from consumers.room.page.detail import chosen_of
from consumers.room.pictures import Picture, Pictures
from consumers.room.sight import Alerting, Filed, Report, Sight, Since, Tab, Tick, Visitor, Wish
from consumers.room.source import Source

TICK = timedelta(minutes=15)
TICKS = 24 * 4
"""A day of the log."""
MOST_HELD = 200
TELL_OWN = frozenset({Tab.SITUATIONS, Tab.ACTORS, Tab.CONFLICTS, Tab.DECISIONS})
"""Views that show links and acknowledgements of the coordination."""


Reports = Callable[[Audience], Awaitable[tuple[Filed, ...]]]


class Sights:
    """Puts them together."""

    def __init__(
        self,
        source: Source,
        accounts: Accounts,
        pictures: Pictures,
        acting_as: str | None,
        filed: Reports | None,
        alerts: AlertRules | None = None,
    ) -> None:
        """`filed` names the situation reports that an audience may see; `alerts`: whom the hub wakes for what."""
        self._alerts = alerts
        self._source = source
        self._accounts = accounts
        self._baselines = Baselines(pictures)
        self._filed = filed
        self._pictures = pictures
        self._acting_as = acting_as

    def picture(self, visitor: Visitor) -> Picture:
        """The picture of now, for whoever acts on it."""
        return self._pictures.now(visitor.audience)

    @property
    def realm(self) -> Realm:
        return self._source.realm

    async def of(self, visitor: Visitor, wish: Wish, looked: datetime | None = None) -> Sight:
        """`looked`: when a visitor without an account last looked, as their browser says.

        Raises NotYet, PastBusy and what reading the bus raises."""
        picture = await self._pictures.at(visitor.audience, wish.as_of)
        return Sight(
            view=picture.view,
            mark=picture.mark,
            progress=1.0 if picture.past else self._source.progress,
            heard_at=self._source.heard_at,
            past=picture.past,
            places=picture.places,
            reports=self._reports(picture, wish),
            since=await self._since(picture, visitor, wish, looked),
            ticks=self._ticks(picture),
            **await self._asked_for(picture, wish),
            own=self._own(picture, wish),
            acting_as=self._acting_as,
        )

    def _own(self, picture: Picture, wish: Wish) -> tuple[Envelope, ...]:
        whole = picture.view.audience is Audience.FULL
        return picture.own(self._acting_as) if whole and self._acting_as and wish.tab in TELL_OWN else ()

    async def _asked_for(self, picture: Picture, wish: Wish) -> dict[str, Any]:
        """What one tab alone shows. Single reports are for the audience FULL."""
        whole = picture.view.audience is Audience.FULL
        match wish.tab:
            case Tab.WHY if whole and wish.selected is not None:
                try:
                    return {"explanation": await picture.explain(wish.selected)}
                except UnknownReference as error:
                    return {"nearest": error.nearest}
            case Tab.QUARANTINE if whole:
                settled = picture.fold.quarantine.settled
                latest = sorted(picture.fold.quarantine.held.items(), key=lambda found: found[1].known_at, reverse=True)
                open_, dealt = ([found for found in latest if (found[0] in settled) is so] for so in (False, True))
                return {
                    "held": tuple(held for _, held in open_[:MOST_HELD]),
                    "settled_held": tuple((held, settled[place]) for place, held in dealt[:MOST_HELD]),
                }
            case Tab.ALERTS if whole and self._alerts is not None:
                return {"alerts": Alerting(self._alerts, self._source.status().alerts_failing)}
            case Tab.REPORT:
                filed = None if self._filed is None else await self._filed(picture.view.audience)
                return {"public": (await picture.public()).text, "filed": filed}
        return {}

    async def _since(self, picture: Picture, visitor: Visitor, wish: Wish, looked: datetime | None) -> Since | None:
        """From when the address says, else from when the reader last said that they had seen everything."""
        instant = wish.since
        if instant is None and not picture.past:
            instant = self._accounts.looked(visitor.name, self.realm.name) if visitor.has_account else looked
            if instant is not None and instant > picture.view.as_of:  # said at another hub, whose clock is ahead
                return Since(instant, ())
        if instant is None:
            return None
        found = await self._baselines.since(instant, picture)
        return Since(instant, found or (), under_way=found is None)

    def looked(self, visitor: Visitor, instant: datetime, digest: str) -> None:
        """Somebody has seen the picture of an instant. If it is still that of now, there is nothing to make."""
        if visitor.has_account:
            self._accounts.look(visitor.name, self.realm.name, instant)
        picture = self.picture(visitor)
        if picture.view.digest == digest and self._source.is_settled:
            self._baselines.keep(picture, instant)

    async def close(self) -> None:
        await self._baselines.close()

    def _reports(self, picture: Picture, wish: Wish) -> Mapping[str, Report]:
        """What the members of the situation tell that is shown in detail, or the incident that is selected."""
        if wish.tab is not Tab.SITUATIONS or picture.view.audience is not Audience.FULL:
            return {}
        situation = chosen_of(picture.view, wish.selected)
        refs: tuple[str, ...] = (*situation.members, *situation.duplicates) if situation is not None else ()
        if wish.selected is not None and wish.selected.startswith(f"{Kind.INCIDENT}/"):
            refs = (*refs, wish.selected)
        found = {ref: entity for ref in refs if (entity := picture.fold.state.entity(ref)) is not None}
        return {
            ref: Report(
                entity.winner,
                tuple(sorted(entity.envelopes(), key=lambda e: (e.message.revision, e.sent_at, e.content))),
                entity.last.signed,
            )
            for ref, entity in found.items()
        }

    def _ticks(self, picture: Picture) -> tuple[Tick, ...]:
        """The last day before the picture. Of what an audience sees, where that is not everything."""
        end = to_millis(self._source.as_of())
        step = TICK // timedelta(milliseconds=1)
        begin = (end // step - TICKS + 1) * step
        counts = [0] * TICKS
        for millis in self._known(picture):
            for at in millis[bisect_left(millis, begin) :]:
                counts[min((at - begin) // step, TICKS - 1)] += 1
        return tuple(Tick(from_millis(begin + number * step), count) for number, count in enumerate(counts))

    def _known(self, picture: Picture) -> Sequence[Sequence[int]]:
        """When what the audience sees was known, in milliseconds, rising."""
        fold = self._source.fold
        if picture.view.audience is Audience.FULL:
            return [known for lane in fold.partitions for known in fold.accepted(lane).values()]
        known = (getattr(item, "known_at", None) for item in picture.items.values())
        return [sorted(to_millis(at) for at in known if at is not None)]
