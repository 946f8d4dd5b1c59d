"""The demo as a newcomer runs it: as a process, from nothing, to the end or to Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from bus import broker as local_broker
from producers.storm import storm

NTSG = (sys.executable, "-m", "ntsg")
FAST = ("demo", "--once", "--start", "2026-01-10T06:00Z", "--pace", "24")
SECONDS = 120
MESSAGES = len(storm(datetime(2026, 1, 10, 6, tzinfo=UTC)))

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where everything that a command writes has to be."""
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.fixture
def start(place: Path) -> Start:
    """Starts `ntsg` with the given arguments, in an environment of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
    environment |= {"NTSG_HOME": str(place / "home"), "TMPDIR": str(place / "tmp"), "PYTHONUNBUFFERED": "1"}

    def run(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*NTSG, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[2],
        )

    return run


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=SECONDS)
    return process.returncode, output, errors


def left_behind(place: Path) -> list[str]:
    """Processes that were started with something under `place`, and files in its temporary directory."""
    processes = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(place) in line and process.pid != os.getpid():
            processes.append(line)
    return [*processes, *(str(path) for path in (place / "tmp").iterdir())]


def check_picture(view: dict[str, Any]) -> None:
    assert view["status"] == "EXERCISE"
    assert view["settled"] is True
    assert view["quarantined"] == 0
    assert len(view["situations"]) == 1, "the two that are over left the picture two weeks after"
    assert len(view["situations"][0]["actors"]) >= 8
    assert sum(view["inputs"].values()) >= MESSAGES


def test_it_ends_by_itself_alike_on_any_broker_and_leaves_nothing_behind(start: Start, place: Path) -> None:
    status, output, errors = finished(start(*FAST))
    assert status == 0, errors
    assert f"{MESSAGES} of {MESSAGES} messages" in errors
    digest = output.splitlines()[-1].removeprefix("digest ")
    assert digest.startswith("sha256:")
    assert "ÖVNING" in output or "EXERCISE" in output
    assert left_behind(place) == []

    try:
        status, output, errors = finished(start("broker", "start", "--json"))
        assert status == 0, errors
        running = json.loads(output)
        status, output, errors = finished(start(*FAST, "--json"))
        assert status == 0, errors
        view = json.loads(output)
        check_picture(view)
        assert view["digest"] == digest
        status, output, _ = finished(start("broker", "status", "--json"))
        assert (status, json.loads(output)["pids"]) == (0, running["pids"])
    finally:
        local_broker.stop(place / "home" / "broker", report=lambda _: None)
    status, _, errors = finished(start("broker", "status"))
    assert status == 1
    assert "ntsg broker start" in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["Kafka", f"25 of {MESSAGES} messages"], ids=["starting", "replaying"])
def test_interrupted_it_leaves_nothing_behind(start: Start, place: Path, number: signal.Signals, moment: str) -> None:
    process = start("demo", "--once", "--pace", "2")
    assert process.stderr is not None
    for line in process.stderr:
        if moment in line:
            break
    process.send_signal(number)
    status, _, errors = finished(process)
    assert status == 130
    assert "Traceback" not in errors
    assert left_behind(place) == []


def test_a_realm_that_is_no_exercise_is_wrong_usage(start: Start) -> None:
    status, _, errors = finished(start("demo", "--realm", "ntsg"))
    assert status == 2
    assert "-exercise" in errors
