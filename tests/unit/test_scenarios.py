"""The golden scenarios: what the field has been through, told by a made-up group, says what it must say."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from consumers.files import merge_lines
from ntsg import cli
from tests import golden

DOCUMENT = Path(__file__).parents[2] / "docs" / "scenarios.md"
CHECKPOINTS = [
    pytest.param(scenario, checkpoint, id=f"{scenario.name}-{checkpoint.as_of:%m%dT%H%M}")
    for scenario in map(golden.read, golden.names())
    for checkpoint in scenario.checkpoints
]
SCENARIOS = [pytest.param(golden.read(name), id=name) for name in golden.names()]


@pytest.mark.parametrize(("scenario", "checkpoint"), CHECKPOINTS)
def test_the_picture_says_what_it_must(scenario: golden.Scenario, checkpoint: golden.Checkpoint) -> None:
    failures = list(scenario.failures(checkpoint))
    assert not failures, "\n".join([checkpoint.because, *failures])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_of_it_is_refused_and_its_lines_are_in_order(scenario: golden.Scenario) -> None:
    view = merge_lines(scenario.lines, realm=golden.REALM, registry=golden.group())
    assert view.quarantined == 0
    known = [line.known_at or line.sent_at for line in scenario.lines]
    assert None not in known
    assert known == sorted(known)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_neither_order_nor_repetition_changes_it(scenario: golden.Scenario) -> None:
    for checkpoint in scenario.checkpoints:
        pictures = {
            merge_lines(lines, realm=golden.REALM, registry=golden.group(), as_of=checkpoint.as_of).model_dump_json()
            for lines in (scenario.lines, scenario.lines[::-1], [*scenario.lines, *scenario.lines[::2]])
        }
        assert len(pictures) == 1


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_is_told_in_the_index_with_how_to_run_it(scenario: golden.Scenario) -> None:
    text = DOCUMENT.read_text("utf-8")
    assert scenario.title in text
    assert f"tests/scenarios/{scenario.name}.ndjson" in text


def test_the_commands_of_the_index_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(golden.DIRECTORY)
    commands = [line.removeprefix("$ ntsg ") for line in DOCUMENT.read_text("utf-8").splitlines() if "$ ntsg" in line]
    assert commands
    for command in commands:
        result = CliRunner().invoke(cli, shlex.split(command))
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_its_expectations_lie_within_its_story(scenario: golden.Scenario) -> None:
    instants = [checkpoint.as_of for checkpoint in scenario.checkpoints]
    known = [line.known_at or line.sent_at for line in scenario.lines]
    assert instants == sorted(instants)
    assert min(known) <= instants[0]
    assert instants[-1] <= max(known) + timedelta(days=30)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("situations[incident/nordtel/I-1].uzers", "no uzers; there is"),
        ("situations[incident/nordtel/NONE].users", "nothing called"),
        ("situations.title", "no title"),
        ("totals[I-1]", "is no list to choose from"),
        ("totals!", "is no step"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path: str, reason: str) -> None:
    scenario = golden.read("wholesale")
    view = merge_lines(scenario.lines, realm=golden.REALM).model_dump(mode="json")
    with pytest.raises(LookupError, match=reason):
        golden.look_up(view, path)
