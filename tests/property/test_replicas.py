"""Hubs on one log: each reads its partitions in an order of its own, reads some of it twice, is asked at any time, and
is killed now and then. Whenever they have read equally far, they show the same picture, and whoever followed the
changes of one of them has it too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bus.envelope import outgoing
from bus.instants import to_millis
from bus.messages import Incident, Part
from bus.topics import TopicPartition
from bus.transport.port import Outgoing, Stored
from consumers.fold import Fold
from consumers.hub.snapshot import Kept
from consumers.quarantine import Place
from tests.property.strategies import START, envelopes, instants
from tests.property.test_recall import ENDED, GROUP, REALM, STAFF, KeptOnDisk, entry, kept_on_disk, respelled

PARTITIONS = 2
"""Of each input topic, though real ones have one: so that the records of one actor overtake each other."""


class Hub:
    """A fold, what is written down of it, and what somebody who follows its changes has heard."""

    def __init__(self, kept: KeptOnDisk) -> None:
        self._kept = kept
        self._log: dict[Place, Stored] = {}
        self.followed: dict[str, Part] = {}

    @property
    def fold(self) -> Fold:
        return self._kept.fold

    def read(self, records: Sequence[Stored]) -> None:
        """Folds on; where that asks for a fold from the start, as hubs do: the registry first."""
        self._log.update({Place.of(record): record for record in records})
        self._kept.read(records)
        if self.fold.needs_refold:
            self._kept.begin()
            self.followed = {}
            self._kept.read(sorted(self._log.values(), key=lambda record: record.topic != REALM.actors))

    def write(self) -> None:
        self._kept.write()

    def follow(self, as_of: datetime) -> None:
        for key, item in self.fold.state.changes(as_of).items():
            if item is None:
                self.followed.pop(key, None)
            else:
                self.followed[key] = item

    def restart(self) -> None:
        """What was read after the last write is to be read again."""
        self._kept.restart()
        self._log = {
            place: record
            for place, record in self._log.items()
            if place.offset < self.fold.position(TopicPartition(place.topic, place.partition))
        }
        self.followed = {}


@st.composite
def logs(draw: st.DrawFn) -> Mapping[TopicPartition, Sequence[Stored]]:
    """Messages, and what comes of some: copies, other spellings, other facts at one revision, the next revision."""
    log: defaultdict[TopicPartition, list[Stored]] = defaultdict(list)

    def store(record: Outgoing, partition: int = 0) -> None:
        place = TopicPartition(record.topic, partition)
        known_at = to_millis(START + timedelta(minutes=draw(st.sampled_from((0, 30, 500)))))
        log[place].append(Kept(*place, len(log[place]), known_at, record.key, record.value, tuple(record.headers)))

    for actor in (*GROUP, STAFF):
        store(entry(actor))
    for said in draw(st.lists(envelopes(), min_size=2, max_size=6)):
        told = outgoing(REALM, said.message, said.sent_at)
        assert told.value is not None
        corrected = {"reason": "rättelse"} | ({"title": "Rättelse"} if isinstance(said.message, Incident) else {})
        following = {**corrected, "revision": said.message.revision + 1}
        ways = (
            told,
            Outgoing(told.topic, told.key, respelled(told.value), told.headers),
            outgoing(REALM, said.message.model_copy(update=corrected), said.sent_at),
            outgoing(REALM, said.message.model_copy(update=following), said.sent_at),
        )
        for record in (told, *draw(st.lists(st.sampled_from(ways), max_size=2))):
            store(record, draw(st.integers(0, PARTITIONS - 1)))
        for actor in draw(st.lists(st.sampled_from((ENDED, GROUP[0], STAFF)), max_size=1)):
            store(entry(actor))
    return log


@given(logs(), st.data())
def test_hubs_that_have_read_the_same_show_the_same(log, data):
    places = sorted(log)
    for order in (places[::-1], data.draw(st.permutations(places))):
        with kept_on_disk() as ours, kept_on_disk() as theirs:
            fresh, hub = Hub(theirs), Hub(ours)
            for place in places:
                fresh.read(log[place])
            live(hub, log, data)
            for place in order:
                hub.read(log[place])
            assert hub.fold.inputs == fresh.fold.inputs
            assert hub.fold.state.digest == fresh.fold.state.digest
            assert hub.fold.quarantine.held.keys() == fresh.fold.quarantine.held.keys()
            for as_of in (START + timedelta(hours=8), START + timedelta(hours=40)):
                hub.follow(as_of)
                assert hub.fold.state.view(as_of, {}, True) == fresh.fold.state.view(as_of, {}, True)
                assert hub.followed == hub.fold.state.items(as_of) == fresh.fold.state.items(as_of)


def live(hub: Hub, log: Mapping[TopicPartition, Sequence[Stored]], data: st.DataObject) -> None:
    """What befalls a hub before it has read everything."""
    places = sorted(log)
    for what in data.draw(
        st.lists(st.sampled_from(("read", "read", "read", "again", "ask", "publish", "write", "leave", "killed")))
    ):
        match what:
            case "read":
                place = data.draw(st.sampled_from(places))
                position = hub.fold.position(place)
                hub.read(log[place][position : position + data.draw(st.integers(1, 4))])
            case "again":
                place = data.draw(st.sampled_from(places))
                hub.read(log[place][: hub.fold.position(place)])
            case "ask":
                hub.fold.state.view(data.draw(instants), {}, True)
            case "publish":
                hub.follow(data.draw(instants))
            case "killed":
                hub.restart()
            case "write":
                hub.write()
            case "leave":
                hub.fold.state.archive(data.draw(instants))
