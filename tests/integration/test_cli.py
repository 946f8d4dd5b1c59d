"""The command line against a real broker, as administrator, operator and staff."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from bus import provision
from bus.broker import Running
from bus.ndjson import write_line
from bus.topics import Kind, Realm
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Outgoing
from ntsg import cli
from tests.group import incident
from tests.hubs import Hubs

if TYPE_CHECKING:
    from tests.conftest import ProvisionedGroup

Run = Callable[..., Result]
ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@pytest.fixture
def run(group: ProvisionedGroup) -> Run:
    """Runs `ntsg` as a member of the group: `run("nordtel", "publish", file)`."""

    def as_member(slug: str, *arguments: object, **options: Any) -> Result:
        return CliRunner().invoke(cli, [*map(str, arguments), "--config", str(config(group, slug))], **options)

    return as_member


def config(group: ProvisionedGroup, slug: str) -> Path:
    return provision.credentials_file(group.credentials, group.realm, slug)


def publish(run: Run, *lines: str) -> list[dict[str, Any]]:
    result = run("nordtel", "publish", "-", input="\n".join(lines))
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("command", ["view", "digest", "watch"])
def test_who_may_read_a_part_alone_gets_no_picture_that_looks_like_all_clear(run: Run, command: str) -> None:
    refused = run("nordtel", command)
    assert refused.exit_code == 1
    assert "--audience" in refused.output
    assert not refused.stdout


def test_publish_prints_a_receipt_per_line(run: Run, group: ProvisionedGroup) -> None:
    receipts = publish(run, write_line(incident()), "", write_line(incident(revision=2)))
    topic = f"{group.realm}.incident.v1.nordtel"
    assert receipts == [
        {"ref": "incident/nordtel/I-1", "revision": 1, "topic": topic, "partition": 0, "offset": 0},
        {"ref": "incident/nordtel/I-1", "revision": 2, "topic": topic, "partition": 0, "offset": 1},
    ]
    assert list(receipts[0]) == ["ref", "revision", "topic", "partition", "offset"]


def test_publish_sends_the_good_lines_and_refuses_the_others(run: Run) -> None:
    lines = "\n".join([write_line(incident()), '{"kind":"incident"}', write_line(incident("sveamobil"))])
    result = run("nordtel", "publish", "-", input=lines)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "line 2: actor: required field is missing" in result.stderr
    assert "line 3: incident/sveamobil/I-1@1: user" in result.stderr


def test_what_the_broker_refuses_is_said_by_line(run: Run) -> None:
    link = {
        "kind": "link",
        "actor": "nordtel",
        "id": "L-1",
        "revision": 1,
        "status": "ACTUAL",
        "observed_at": "2026-01-10T06:00:00Z",
        "relation": "MUST_LINK",
        "a": "incident/nordtel/I-1",
        "b": "incident/nordtel/I-2",
    }
    result = run("nordtel", "publish", "-", input="\n".join([json.dumps(link), write_line(incident())]))
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "line 1: " in result.stderr
    assert "no right" in result.stderr


def test_a_wrong_password_is_a_plain_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTSG_PASSWORD", "wrong")
    result = run("nordtel", "publish", "-", input=write_line(incident()))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "check user and password" in result.stderr
    assert "wrong" not in result.stderr.replace("is wrong", "")


def test_report_is_made_from_the_bus_and_kept(run: Run, tmp_path: Path) -> None:
    publish(run, write_line(incident(id="I-1")))
    made = run("room", "report", "--archive", tmp_path, "--format", "json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert [situation["members"] for situation in told["view"]["situations"]] == [["incident/nordtel/I-1"]]
    assert run("room", "report", "--archive", tmp_path, "--format", "json", "--number", 1).stdout == made.stdout


def test_view_shows_now_and_then(run: Run) -> None:
    publish(run, write_line(incident(id="I-1")))
    then = json.loads(run("room", "view", "--json").stdout)
    time.sleep(0.01)  # so that the two append times differ: the broker's clock counts milliseconds
    publish(run, write_line(incident(id="I-2", areas=({"kind": "KOMMUN", "code": "0980"},))))
    now = json.loads(run("room", "view", "--json").stdout)
    again = json.loads(run("room", "view", "--json", "--as-of", then["as_of"]).stdout)
    assert [len(view["situations"]) for view in (then, now, again)] == [1, 2, 1]
    assert again["as_of"] == then["as_of"]
    assert (again["digest"], again["inputs"]) == (then["digest"], then["inputs"])
    assert now["digest"] != then["digest"]
    text = run("room", "view", "--lang", "en", "--as-of", then["as_of"]).stdout
    assert "not the present" in text


def test_each_audience_sees_its_own_picture(run: Run, group: ProvisionedGroup, tmp_path: Path) -> None:
    reports = [incident(tlp="RED"), incident(id="I-2", users={"value": 12_345}), incident(id="I-3", tlp="CLEAR")]
    publish(run, *map(write_line, reports))
    with Hubs(group, tmp_path / "hubs") as hubs:
        asyncio.run(hubs.start("one").leads())
        fed = {
            audience: json.loads(run(reader, "view", "--audience", audience, "--json").stdout)
            for audience, reader in (("AUTHORITY", "tillsyn"), ("PEER", "sveamobil"))
        }
        refused = run("sveamobil", "view", "--audience", "AUTHORITY")
    folded = {
        audience: json.loads(run("room", "view", "--audience", audience, "--json", "--as-of", found["as_of"]).stdout)
        for audience, found in fed.items()
    }
    for audience, found in fed.items():
        assert found["withheld"] == folded[audience]["withheld"] == {"tlp:incident": 1}
        assert found["digest"] == folded[audience]["digest"]
        assert found["totals"] == folded[audience]["totals"]
        assert [s["id"] for s in found["situations"]] == [s["id"] for s in folded[audience]["situations"]]
        assert found["energy"] == folded[audience]["energy"]
    assert fed["AUTHORITY"]["totals"]["users"]["MOBILE_VOICE"]["best"] == 12_345
    assert "12345" not in json.dumps(fed["PEER"])
    assert refused.exit_code == 1
    assert "no right" in refused.stderr
    public = run("room", "view", "--audience", "PUBLIC", "--lang", "en").stdout
    assert public.splitlines()[0] == "Kronobergs län, in one place or more: voice: outage."


def test_explain_says_why_now_and_then(run: Run) -> None:
    publish(run, write_line(incident()))
    then = json.loads(run("room", "view", "--json").stdout)
    time.sleep(0.01)  # as above
    publish(run, write_line(incident(revision=2, state="RETRACTED", reason="fel kund")))
    ref = f"situation/{then['situations'][0]['id']}"
    now = json.loads(run("room", "explain", ref, "--json").stdout)
    assert [section["section"] for section in now["sections"]] == ["former"]
    again = run("room", "explain", f"{ref}#severity", "--lang", "en", "--as-of", then["as_of"]).stdout
    assert "Severity 2 minor" in again
    unknown = run("room", "explain", "incident/nordtel/I-11")
    assert unknown.exit_code == 1
    assert "did you mean incident/nordtel/I-1?" in unknown.stderr


def test_digest_is_that_of_the_view(run: Run) -> None:
    publish(run, write_line(incident()))
    view = json.loads(run("room", "view", "--json").stdout)
    found = json.loads(run("room", "digest", "--json").stdout)
    assert {name: found[name] for name in ("digest", "inputs", "rules", "realm")} == {
        name: view[name] for name in ("digest", "inputs", "rules", "realm")
    }
    assert run("room", "digest").stdout.strip() == view["digest"]


def test_a_realm_that_was_never_provisioned_says_so(run: Run) -> None:
    result = run("room", "view", "--realm", "nowhere")
    assert result.exit_code == 1
    assert "ntsg provision" in result.stderr


@contextmanager
def process(
    group: ProvisionedGroup, slug: str, *arguments: str, terminal: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`ntsg` as a member of the group runs it, on a terminal if one is given."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
    started = subprocess.Popen(
        [sys.executable, "-m", "ntsg", *arguments, "--config", str(config(group, slug))],
        stdin=terminal,
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment | {"PYTHONUNBUFFERED": "1", "TERM": "xterm-256color"},
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def test_tail_prints_messages_as_they_arrive_until_interrupted(run: Run, group: ProvisionedGroup) -> None:
    sent = datetime(2026, 1, 10, 6, 5, tzinfo=UTC)
    publish(run, write_line(incident(), sent))
    with process(group, "room", "tail", "--from-start", "--kind", "incident", "--actor", "nordtel") as tail:
        assert tail.stdout is not None
        first = json.loads(tail.stdout.readline())
        publish(run, write_line(incident(revision=2)))
        second = json.loads(tail.stdout.readline())
        tail.send_signal(signal.SIGINT)
        _, errors = tail.communicate(timeout=PATIENCE)
    assert (first["kind"], first["sent_at"], first["revision"]) == ("incident", "2026-01-10T06:05:00Z", 1)
    assert "known_at" in first
    assert second["revision"] == 2
    assert (tail.returncode, errors) == (0, "")


def test_watch_shows_the_picture_grow_until_interrupted(run: Run, group: ProvisionedGroup) -> None:
    publish(run, write_line(incident(title="Avbrott ett")))
    with process(group, "room", "watch", "--lang", "en") as watch:
        assert watch.stdout is not None
        seen = ""
        deadline = time.monotonic() + PATIENCE
        while "Avbrott ett" not in seen and time.monotonic() < deadline:
            seen += watch.stdout.readline()
        publish(run, write_line(incident(title="Avbrott två", revision=2)))
        while "Avbrott två" not in seen and time.monotonic() < deadline:
            seen += watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        _, errors = watch.communicate(timeout=PATIENCE)
    assert "Avbrott två" in seen
    assert (watch.returncode, errors) == (0, "")


def test_watch_hears_keys_in_a_terminal_and_leaves_it_as_it_was(run: Run, group: ProvisionedGroup) -> None:
    titles = [f"Avbrott {number}" for number in ("ett", "två", "tre")]
    publish(run, *(write_line(incident(id=f"I-{number}", title=title)) for number, title in enumerate(titles)))
    ranked = [item["title"] for item in json.loads(run("room", "view", "--json").stdout)["situations"]]
    assert sorted(ranked) == sorted(titles)
    ours, theirs = pty.openpty()
    try:
        termios.tcsetwinsize(theirs, (24, 80))
        before = termios.tcgetattr(theirs)
        with process(group, "room", "watch", "--lang", "en", terminal=theirs) as watch:
            shown(ours, rf"›[^\n]*{ranked[0]}")
            for keys, awaited in [
                (b"j", rf"›[^\n]*{ranked[1]}"),
                (b"\x1b[B", rf"›[^\n]*{ranked[2]}"),
                (b"k", rf"›[^\n]*{ranked[1]}"),
                (b"l", "Gemensam lägesbild"),
            ]:
                os.write(ours, keys)
                shown(ours, awaited)
            os.write(ours, b"q")
            seen = shown(ours, r"\x1b\[\?1049l")
            _, errors = watch.communicate(timeout=PATIENCE)
        assert (watch.returncode, errors) == (0, "")
        assert "\x1b[?25h" in seen, "the cursor shows again"
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)


def shown(terminal: int, awaited: str) -> str:
    """What a terminal is sent from now on, up to what is awaited (a pattern)."""
    sent, deadline = b"", time.monotonic() + PATIENCE
    while not re.search(awaited, text := sent.decode(errors="ignore")):
        left = deadline - time.monotonic()
        assert left > 0, f"not within {PATIENCE:.0f} s: {awaited}; the last: {text[-3000:]}"
        if select.select([terminal], [], [], left)[0]:
            sent += os.read(terminal, 65536)
    return text


def test_provision_rotate_and_end(broker: Running, realm: Realm, tmp_path: Path) -> None:
    actors = tmp_path / "actors.toml"
    actors.write_text('[actors.nordtel]\nname = "Nordtel"\nroles = ["MNO"]\n')
    admin = ("--config", str(broker.credentials), "--realm", str(realm), "--credentials", str(tmp_path / "keys"))

    def ntsg(*arguments: object) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in (*arguments, *admin)])

    planned = ntsg("provision", "--no-quotas", "--dry-run", "--json", actors)
    assert planned.exit_code == 0, planned.output
    assert {"CreateTopic", "CreateUser", "Grant"} <= {each["action"] for each in json.loads(planned.stdout)["actions"]}
    assert not (tmp_path / "keys").exists()
    assert ntsg("provision", "--no-quotas", actors).exit_code == 0
    assert json.loads(ntsg("provision", "--no-quotas", "--json", actors).stdout)["actions"] == []

    [key] = (tmp_path / "keys").rglob("*.toml")
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_text()
    rotated = ntsg("rotate", "nordtel")
    assert (rotated.exit_code, rotated.stdout.strip()) == (0, str(key))
    assert key.read_text() != before

    later = datetime.now(UTC) + timedelta(days=1)
    refused = ntsg("end", "nordtel", "--at", later.isoformat())
    assert refused.exit_code == 1
    assert "valid_until" in refused.stderr
    assert ntsg("end", "nordtel").exit_code == 0
    assert not key.exists()


def test_quarantine_is_listed_shown_and_settled(run: Run, group: ProvisionedGroup, tmp_path: Path) -> None:
    topic = group.realm.input(Kind.INCIDENT, "nordtel")

    async def send_rubbish() -> None:
        async with KafkaTransport(group.settings("nordtel")).writer() as writer:
            await writer.send([Outgoing(topic, b"nordtel/\x1b[2JI-1", b"rubbish")])

    asyncio.run(send_rubbish())
    place = f"{topic}/0/0"
    [held] = [json.loads(line) for line in run("room", "quarantine", "list", "--json").stdout.splitlines()]
    assert (held["place"], held["code"], held["settled_by"]) == (place, "NOT_SINGLE_OBJECT", None)
    shown = run("samordning", "quarantine", "show", place, "--output", tmp_path / "original")
    assert b"rubbish".hex() in shown.stdout
    assert "nordtel/[2JI-1\n" in shown.stdout, "a key steers no terminal"
    assert (tmp_path / "original").read_bytes() == b"rubbish"
    unknown = run("room", "quarantine", "show", f"{topic}/0/1")
    assert (unknown.exit_code, f"did you mean {place}?" in unknown.stderr) == (1, True)
    refused = run("room", "quarantine", "settle", place, "--reason", "Sänd på nytt.")
    assert refused.exit_code == 1, "a reader decides nothing"
    settled = run("samordning", "quarantine", "settle", place, "--reason", "Sänd på nytt.")
    assert settled.exit_code == 0, settled.output
    assert run("room", "quarantine", "list").stdout == ""
    assert "settled by decision/samordning/Q-" in run("room", "quarantine", "list", "--all").stdout
    assert json.loads(run("room", "view", "--json").stdout)["quarantined"] == 0
    assert run("samordning", "quarantine", "settle", place, "--reason", "Nej.", "--withdraw").exit_code == 0
    assert json.loads(run("room", "view", "--json").stdout)["quarantined"] == 1
