"""The comparison with peers is fair: the plain part does what it says, and the table says what was found."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.corpus import START, incidents
from benchmarks.peers.__main__ import AIM, HUB, PEERS, DidNotRun, Runs, run, table, verdict
from benchmarks.peers.plain import Plain, Task
from bus.envelope import outgoing
from bus.topics import Realm
from bus.transport.port import Outgoing

RECORDS = [outgoing(Realm("ntsg-exercise"), message, START) for message in incidents(100)]
TASK = Task("127.0.0.1:1", "nobody", "nothing", ("a.incident.v1.nordtel", "a.incident.v1.lagpris"), 7)


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    yield
    gc.enable()  # the plain part turns it off, for its whole process


def outcome(records: list[Outgoing]) -> str:
    plain = Plain(len(records))
    for record in records:
        plain.take(record.value, record.headers)
    assert plain.done
    return plain.outcome


def test_the_plain_part_does_not_depend_on_the_order() -> None:
    shuffled = random.Random(1).sample(RECORDS, len(RECORDS))
    assert outcome(RECORDS) == outcome(shuffled)


def test_the_plain_part_keeps_the_last_revision_alone() -> None:
    assert outcome(RECORDS) == outcome(RECORDS[-20:])
    assert outcome(RECORDS) != outcome(RECORDS[:-1])


def test_the_plain_part_reports_incidents_and_refuses_when_records_are_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = Plain(2)
    plain.take(RECORDS[0].value, RECORDS[0].headers)
    with pytest.raises(RuntimeError, match="1 of 2"):
        plain.report()
    plain.take(RECORDS[1].value, RECORDS[1].headers)
    plain.report()
    assert '"incidents": 2' in capsys.readouterr().out


def test_a_task_goes_through_the_environment_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TASK.environment.items():
        monkeypatch.setenv(name, value)
    assert Task.given() == TASK


def test_what_cannot_run_says_why() -> None:
    with pytest.raises(DidNotRun, match="No module named"):
        run(Path(sys.executable), "benchmarks.peers.missing", TASK)


def test_the_table_compares_turn_by_turn_and_names_what_did_not_run() -> None:
    first, second, third = PEERS
    found = {
        HUB: Runs([300.0, 30.0, 300.0], [40.0, 40.0, 40.0]),
        first: Runs([100.0, 10.0, 100.0], [50.0, 50.0, 50.0]),
        second: Runs([200.0, 20.0, 200.0], [20.0, 10.0, 20.0]),
        third: Runs(problem="ModuleNotFoundError"),
    }
    shown = table(found)
    assert f"{third:<34} did not run: ModuleNotFoundError" in shown
    assert verdict(found) == (
        f"The best of them is {second}: the hub does 1.50 times its rate, 2.00 by processor time (aim: {AIM})."
    )


def test_without_a_hub_or_a_peer_there_is_nothing_to_compare() -> None:
    peers = {name: Runs([1.0], [1.0]) for name in PEERS}
    assert verdict({HUB: Runs([2.0], [2.0], "no end"), **peers}) == "Nothing to compare."
    none = {name: Runs(problem="no end") for name in PEERS}
    assert "Nothing to compare." in table({HUB: Runs([2.0], [2.0]), **none})
