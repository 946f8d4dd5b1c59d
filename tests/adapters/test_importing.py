"""`ntsg import`: what it prints, what it refuses, and the table that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bus.ndjson import Line, read_lines
from bus.references import Kind
from ntsg import cli
from producers.adapters.columns import KINDS, columns_of

GOLDEN = Path(__file__).parent / "golden"
GUIDE = Path(__file__).parents[2] / "docs" / "adapters.md"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NTSG_BOOTSTRAP", "NTSG_REALM", "NTSG_USER", "NTSG_PASSWORD", "NTSG_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["import", *map(str, arguments)])


def test_a_dry_run_prints_what_would_be_sent_and_needs_no_bus() -> None:
    result = run("--actor", "nordtel", "--area", "07", "--dry-run", GOLDEN / "incidents.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line for _, line in read_lines(result.stdout.splitlines())]
    assert [line.message.id for line in lines if isinstance(line, Line)] == ["SN-1", "SN-2"]


def test_the_realm_decides_whether_it_is_an_exercise() -> None:
    result = run("--actor", "nordtel", "--realm", "ntsg-exercise", "--dry-run", GOLDEN / "works.csv")
    assert json.loads(result.stdout)["status"] == "EXERCISE"


def test_a_fault_goes_to_standard_error_and_makes_the_exit_status(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("id;observed_at;state;title;impact;areas\nI-1;nu;bekräftat;X;avbrott;07\n", "utf-8")
    result = run("--actor", "nordtel", "--dry-run", table)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "a.csv: row 2, column Gäller från (B): 'nu' is not a time" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        ((), 2, "name the FILE"),
        (("--template", "a.pdf"), 2, "end the name in .xlsx or .csv"),
        ((GOLDEN / "works.csv",), 1, "whose messages are they"),
        (("--actor", "nordtel", "--area", "7", "--dry-run", GOLDEN / "works.csv"), 1, "did you mean 07"),
    ],
)
def test_wrong_usage_says_what_is_right(arguments: tuple[object, ...], status: int, reason: str) -> None:
    result = run(*arguments)
    assert result.exit_code == status
    assert reason in result.stderr


def test_wrong_translations_name_the_entry(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text('[places]\n"Hemma" = ["7"]\n')
    result = run("--actor", "nordtel", "--translations", file, "--dry-run", GOLDEN / "works.csv")
    assert result.exit_code == 1
    assert "places.Hemma.0" in result.stderr
    assert "did you mean 07" in result.stderr


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv"])
def test_a_template_that_nobody_filled_in_is_no_report(tmp_path: Path, name: str) -> None:
    assert run("--template", tmp_path / name).exit_code == 0
    result = run("--actor", "nordtel", "--dry-run", tmp_path / name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{name}: nothing is filled in below the headings; write a row" in result.stderr


@pytest.mark.parametrize("format", ["tmf642", "tmf656"])
def test_an_empty_list_is_said_to_report_nothing(tmp_path: Path, format: str) -> None:
    """What a system exports while nothing is wrong: no failure, and no silence either."""
    file = tmp_path / "a.json"
    file.write_text("[]")
    result = run("--actor", "nordtel", "--dry-run", "--format", format, file)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "a.json: note: the list is empty: nothing is reported" in result.stderr


def test_a_template_is_written_and_never_over_another_file(tmp_path: Path) -> None:
    target = tmp_path / "a.xlsx"
    assert run("--template", target).exit_code == 0
    again = run("--template", target)
    assert again.exit_code == 1
    assert "File exists" in again.stderr


def test_the_guide_names_every_column() -> None:
    guide = GUIDE.read_text("utf-8")
    missing = [
        f"{kind}: {column.field}"
        for kind in KINDS
        for column in columns_of(kind)
        if f"| {column.swedish} | {column.english} | `{column.field}` |" not in guide
    ]
    assert missing == []
    assert Kind.ACK not in KINDS
