"""A fold that goes on from what it remembers is the fold that never stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from bus.codec import Codec, encode
from bus.envelope import Envelope, outgoing
from bus.instants import to_millis
from bus.registry import ANYONE, Actor
from bus.topics import Realm, TopicPartition
from bus.transport.port import Outgoing, Stored
from bus.vocabulary import IncidentState, Role
from consumers.fold import Fold
from consumers.hub.snapshot import Kept, Origin, Snapshot
from consumers.hub.store import Memory
from consumers.merge import Gist
from consumers.quarantine import Place
from tests.merging import at, incident
from tests.property.strategies import OPERATORS, START, envelopes, incidents, instants, late, links, past, statuses

REALM = Realm("ntsg")
GROUP = [Actor(slug=slug, name=slug, roles=(Role.MNO,), speaks_for=(ANYONE,)) for slug in OPERATORS]
STAFF = Actor(slug="samordning", name="Samordning", roles=(Role.COORDINATION,))
ENDED = Actor(slug="nordtel", name="Nordtel", valid_until=START)
"""Once this is in the log, all that Nordtel said must be judged anew."""


def respelled(value: bytes) -> bytes:
    """An incident's facts in other bytes: the number that ends the body, if it is zero, in two bytes for one. (A link
    ends in no number; what comes of one is refused.)
    """
    return value[:-1] + b"\x80\x00" if value.endswith(b"\x00") else value


def entry(actor: Actor) -> Outgoing:
    return Outgoing(REALM.actors, actor.slug.encode(), encode(actor))


@st.composite
def records(draw: st.DrawFn, said: Envelope) -> Outgoing:
    """A record of the message, as it was sent or a copy sent earlier; perhaps spelled by a foreign encoder."""
    sent_at = said.sent_at - timedelta(minutes=draw(st.sampled_from((0, 0, 2))))
    told = outgoing(REALM, said.message, sent_at)
    assert told.value is not None
    value = respelled(told.value) if draw(st.booleans()) else told.value
    return Outgoing(told.topic, told.key, value, told.headers)


@st.composite
def logs(draw: st.DrawFn) -> Sequence[Stored]:
    """A log in the order of reading, with copies, equivocation, what is held, and what is released later."""
    said = draw(st.lists(envelopes(st.one_of(incidents(), past(), links(), statuses())), min_size=1, max_size=6))
    told = [draw(records(envelope)) for envelope in draw(st.lists(st.sampled_from(said), min_size=1, max_size=10))]
    rubbish = Outgoing(told[0].topic, told[0].key, b"rubbish")
    late = draw(st.permutations([*told, rubbish, entry(STAFF), *draw(st.sampled_from(([], [entry(ENDED)])))]))
    offsets: Counter[tuple[str, int]] = Counter()
    found: list[Stored] = []
    for record in [*map(entry, GROUP), *late]:
        partition = 0 if record.topic == REALM.actors else draw(st.integers(0, 1))
        known_at = to_millis(START + timedelta(minutes=draw(st.sampled_from((-90, 0, 30, 500)))))
        offset = offsets[record.topic, partition]
        offsets[record.topic, partition] += 1
        found.append(Kept(record.topic, partition, offset, known_at, record.key, record.value, tuple(record.headers)))
    return found


class KeptOnDisk:
    """A fold that is written down when somebody says so, and goes on from what was written."""

    def __init__(self, directory: Path) -> None:
        self._snapshot = Snapshot(directory)
        self._snapshot.begin(Origin("log", str(REALM), "rules", "schemas"))
        self._memory = Memory.on(self._snapshot, REALM)

    @property
    def fold(self) -> Fold:
        return self._memory.fold

    def read(self, records: Sequence[Stored]) -> None:
        self._memory.note(records, self.fold.apply(records))

    def write(self) -> None:
        if not self.fold.needs_refold:
            changes = self._memory.changes()
            self._snapshot.write(changes)
            self._memory.written(changes)

    def restart(self) -> None:
        """What was not written is gone."""
        self._memory = Memory.on(self._snapshot, REALM)
        remembered = self._snapshot.load()
        if remembered is not None:
            self._memory.resume(remembered)

    def begin(self) -> None:
        """Nothing that was written is of use."""
        self._snapshot.begin(Origin("log", str(REALM), "rules", "schemas"))
        self._memory = Memory.on(self._snapshot, REALM)

    def close(self) -> None:
        self._snapshot.close()


@contextmanager
def kept_on_disk() -> Iterator[KeptOnDisk]:
    with TemporaryDirectory() as directory, closing(KeptOnDisk(Path(directory))) as kept:
        yield kept


def judgements(fold: Fold) -> Mapping[Place, tuple[object, ...]]:
    return {place: (held.refusal, held.known_at, held.fingerprint) for place, held in fold.quarantine.held.items()}


def places(log: Iterable[Stored]) -> set[TopicPartition]:
    return {TopicPartition(record.topic, record.partition) for record in log}


def test_a_start_holds_no_more_than_the_fold_did():
    """One is over, and stays for what is open and names it; all that held its key in later years is on the shelf."""
    told = [incident("nordtel", "OPEN", related_to=("incident/nordtel/I-0",))]
    for year in range(5):
        began = at() + timedelta(days=365 * year)
        ended = {"state": IncidentState.CLOSED, "started_at": began, "restored_at": began + timedelta(hours=2)}
        told.append(incident("nordtel", f"I-{year}", event_refs=("storm:1",), known_at=began, **ended))
    log = [Kept(REALM.actors, 0, 0, 0, b"nordtel", encode(GROUP[OPERATORS.index("nordtel")]), ())]
    for offset, said in enumerate(told):
        out = outgoing(REALM, said.message, said.sent_at)
        headers = tuple(out.headers)
        log.append(Kept(out.topic, 0, offset, to_millis(said.known_at), out.key, out.value, headers))
    as_of = at() + timedelta(days=365 * 5)
    with kept_on_disk() as kept:
        kept.read(log)
        kept.fold.state.archive(as_of)
        view, held = kept.fold.state.view(as_of, {}, True), {entity.ref for entity in kept.fold.state.entities()}
        assert held == {"incident/nordtel/OPEN", "incident/nordtel/I-0"}
        kept.write()
        kept.restart()
        assert kept.fold.state.view(as_of, {}, True) == view
        assert {entity.ref for entity in kept.fold.state.entities()} == held


@given(logs(), st.data(), instants)
def test_what_is_recalled_is_what_was_folded(log, data, as_of):
    whole = Fold(REALM)
    whole.apply(log)
    with kept_on_disk() as kept:
        for start in range(0, len(log), 4):
            kept.read(log[start : start + 2])
            if data.draw(st.booleans()):
                kept.fold.state.archive(data.draw(late | instants))
            kept.read(log[start + 2 : start + 4])
            if data.draw(st.booleans()):
                kept.write()
            if data.draw(st.booleans()):
                kept.fold.state.view(data.draw(late | instants), {}, True)
        if data.draw(st.booleans()):
            kept.restart()
        recalled = kept.fold
        recalled.apply(log)
    assert recalled.inputs == whole.inputs
    assert recalled.needs_refold == whole.needs_refold
    assert judgements(recalled) == judgements(whole)
    assert {p: dict(recalled.accepted(p)) for p in places(log)} == {p: dict(whole.accepted(p)) for p in places(log)}
    assert recalled.state.digest == whole.state.digest
    assert recalled.state.view(as_of, {}, True) == whole.state.view(as_of, {}, True)
    assert recalled.state.items(as_of) == whole.state.items(as_of)


@given(envelopes())
def test_a_gist_survives_its_dump(envelope):
    gist = Gist.of(envelope.message)
    assert Gist.load(gist.dump()) == gist


@given(envelopes(incidents()))
def test_another_spelling_is_read_as_the_same_facts(envelope):
    value = encode(envelope.message)
    message, content = Codec().decode(respelled(value), type(envelope.message))
    assert message == envelope.message
    assert content != envelope.content
