"""The hub on real Kafka: from the operators' topics to the view."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bus.instants import format_instant
from bus.transport.kafka import KafkaTransport
from bus.vocabulary import MessageStatus
from consumers.hub.notices import NoticeState, read_notices
from consumers.reading import fold_log
from tests.conftest import ProvisionedGroup
from tests.group import incident, link, newer_incident_schema, newer_record, record, schema_record, status
from tests.hubs import PATIENCE, Consumer, Hubs, write


@pytest.fixture
def hubs(group: ProvisionedGroup, tmp_path: Path) -> Iterator[Hubs]:
    with Hubs(group, tmp_path / "hubs") as started:
        yield started


async def report(group: ProvisionedGroup, revision: int = 1) -> None:
    """Two operators report, and coordination links."""
    await write(group.settings("nordtel"), [incident(revision=revision), status(revision=revision)])
    await write(group.settings("sveamobil"), [incident("sveamobil", revision=revision)])
    await write(group.settings("samordning"), [link()])


async def test_from_the_log_to_the_view_the_feed_and_back(group: ProvisionedGroup, hubs: Hubs) -> None:
    await report(group)
    hub = hubs.start("one")
    settled = await hub.settled()
    fold = await fold_log(group.settings("hub"))
    assert (settled.digest, settled.inputs) == (fold.state.digest, dict(fold.inputs))
    view = json.loads(await hub.view())
    assert view["settled"]
    assert [s["members"] for s in view["situations"]] == [["incident/nordtel/I-1", "incident/sveamobil/I-1"]]

    async with Consumer.reading(group.settings("room")) as consumer:
        change = await consumer.reaches(settled.digest)
        assert change.summary.inputs == settled.inputs
        assert consumer.picture == dict(fold.state.items(change.as_of))


async def test_equal_inputs_equal_digest_on_two_hubs(group: ProvisionedGroup, hubs: Hubs) -> None:
    one, other = hubs.start("one"), hubs.start("other")
    await one.settled()
    await other.settled()
    for revision in range(1, 6):
        await report(group, revision)
    fold = await fold_log(group.settings("hub"))
    for hub in (one, other):
        status = await hub.shows(lambda status: status.inputs == dict(fold.inputs), "at the end of the log")
        assert status.digest == fold.state.digest
        assert status.rules == fold.state.rules


async def test_the_past_is_what_was_known_then(group: ProvisionedGroup) -> None:
    await report(group, 1)
    then = await fold_log(group.settings("hub"))
    known_at = then.known_at
    assert known_at is not None
    await report(group, 2)
    past = await fold_log(group.settings("hub"), known_at)
    assert past.state.digest == then.state.digest, f"as of {format_instant(known_at)}"
    assert past.inputs == then.inputs
    assert (await fold_log(group.settings("hub"))).state.digest != then.state.digest


async def test_bad_input_is_held_shown_and_judged_again(group: ProvisionedGroup, hubs: Hubs) -> None:
    realm, good = group.realm, record(group.realm, incident())
    assert good.value is not None
    held = [
        replace(good, value=b"rubbish"),
        replace(good, value=good.value + b"\x00"),
        replace(good, key=b"nordtel/I-2"),
        replace(record(realm, incident("sveamobil")), topic=good.topic),
        record(realm, incident(status=MessageStatus.EXERCISE)),
        newer_record(realm, incident(id="I-9"), tlp="YET_TO_COME"),
    ]
    async with KafkaTransport(group.settings("nordtel")).writer() as writer:
        await writer.send([good, *held])
    hub = hubs.start("one")
    status = await hub.leads()
    assert status.quarantined == json.loads(await hub.view())["quarantined"] == len(held)
    notices = await read_notices(KafkaTransport(group.admin), realm)
    assert list(notices.values()) == [NoticeState.HELD] * len(held)

    async with KafkaTransport(group.admin).writer() as writer:
        await writer.send([schema_record(realm, newer_incident_schema())])
    status = await hub.shows(lambda status: status.quarantined == len(held) - 1, "holding one less")
    fold = await fold_log(group.settings("hub"))
    assert (status.digest, status.inputs) == (fold.state.digest, dict(fold.inputs))
    assert {place.offset for place in fold.quarantine.held} == set(range(1, len(held)))


async def test_sigterm_ends_a_hub_cleanly(hubs: Hubs) -> None:
    hub = hubs.start("one")
    await hub.leads()
    hub.process.terminate()
    assert hub.process.wait(PATIENCE) == 0
    assert not (hub.directory / "address").exists()
    assert "Traceback" not in hub.output
