"""What docs/operator.md tells operators to write works as it stands there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bus import provision
from bus.messages import Incident
from bus.ndjson import read_line
from bus.vocabulary import Freshness, MeasureState, OperatorMode, SituationState
from consumers.reading import fold_log

if TYPE_CHECKING:
    from tests.conftest import ProvisionedGroup

ROOT = Path(__file__).parents[2]


def snippets(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "operator.md").read_text("utf-8"), re.DOTALL)
    assert found
    return found


@pytest.fixture
def environment(group: ProvisionedGroup) -> dict[str, str]:
    """What an operator's machine has: the credentials, and nothing else of ours."""
    key = provision.credentials_file(group.credentials, group.realm, "nordtel")
    others = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
    return others | {"NTSG_CONFIG": str(key), "PYTHONPATH": str(ROOT)}


async def said(program: str, environment: dict[str, str], directory: Path) -> tuple[str, str]:
    answer = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=directory,
        env=environment,
        check=False,
    )
    return answer.stdout, answer.stderr


def test_the_line_is_a_message() -> None:
    assert isinstance(read_line(snippets("json")[0]).message, Incident)


async def test_the_program_publishes(group: ProvisionedGroup, environment: dict[str, str], tmp_path: Path) -> None:
    found = await said(snippets("python")[0], environment, tmp_path)
    assert found == (f"{group.realm}.incident.v1.nordtel 0\n", "")


async def test_a_day_in_ten_lines(group: ProvisionedGroup, environment: dict[str, str], tmp_path: Path) -> None:
    program = snippets("python")[1]
    body = program.partition("async def day() -> None:\n")[2].partition("\n\n\nasyncio.run")[0].splitlines()
    assert len(body) <= 10
    assert await said(program, environment, tmp_path) == ("STORED 0\n", "")
    fold = await fold_log(group.settings("hub"))
    view = fold.state.view(datetime.now(UTC), fold.inputs, True)
    assert view.quarantined == 0
    assert [(item.ref, item.state) for item in view.measures] == [("measure/nordtel/M-3", MeasureState.ACTIVE)]
    [situation] = view.situations
    assert (situation.members, situation.state) == (("incident/nordtel/I-18",), SituationState.CLOSED)


async def test_the_heartbeat_is_heard_and_ends_cleanly(
    group: ProvisionedGroup, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "status.toml").write_text(snippets("toml")[0], "utf-8")
    words = ["-m", "ntsg", "heartbeat", "--outbox", "outbox", "--file", "status.toml", "--every", "0.005"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    receipts = [json.loads(await process.stdout.readline()) for _ in range(3)]
    process.terminate()
    _, complaint = await process.communicate()
    assert (process.returncode, complaint) == (0, b"")
    assert [receipt["ref"] for receipt in receipts] == ["status/nordtel/status"] * 3
    assert len({receipt["revision"] for receipt in receipts}) == 3
    fold = await fold_log(group.settings("hub"))
    view = fold.state.view(datetime.now(UTC), fold.inputs, True)
    [actor] = [actor for actor in view.actors if actor.actor == "nordtel"]
    assert (actor.mode, actor.freshness, actor.nothing_to_report) == (OperatorMode.REDUCED, Freshness.FRESH, False)
    assert view.flags == ()
