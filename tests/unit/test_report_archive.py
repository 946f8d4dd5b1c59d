"""Reports are kept: numbered without gap, fetched byte for byte, and what was changed since is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bus.errors import DamagedReport, UnknownReport
from bus.topics import Realm
from bus.vocabulary import Audience
from consumers.merge import Projections, State, View
from consumers.report import Archive, Form, Report, ReportData
from consumers.words import Language
from tests.merging import GROUP, at, fold, incident, picture

MADE_AT = datetime(2026, 1, 10, 12, tzinfo=UTC)
REALM = "ntsg"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "reports")


def issue(archive: Archive, view: View) -> Report:
    return archive.issue(view, made_at=MADE_AT, prepared_by="vakthavande")


def seen(hours: float, audience: Audience = Audience.FULL) -> View:
    return Projections(fold(incident())).view(audience, at(hours), {}, True)


def told(report: Report) -> ReportData:
    return ReportData.model_validate_json(report.file(Form.JSON, Language.SWEDISH))


def test_an_old_number_is_fetched_byte_for_byte(archive: Archive) -> None:
    first, second = issue(archive, seen(1)), issue(archive, seen(2))
    assert [first.number, second.number] == [1, 2]
    assert archive.fetch(REALM, 1) == first
    assert archive.fetch(REALM, 2) == second
    assert [manifest.number for manifest in archive.manifests(REALM)] == [2, 1]
    assert archive.manifest(REALM, 2).digest == seen(2).digest


def test_changes_are_told_since_the_latest_earlier_picture_for_the_same_audience(archive: Archive) -> None:
    reports = [
        issue(archive, seen(1)),
        issue(archive, seen(2, Audience.PEER)),
        issue(archive, seen(3)),
        issue(archive, seen(4, Audience.PEER)),
        issue(archive, seen(2)),  # of an earlier hour than the third
    ]
    assert [told(report).previous for report in reports] == [None, None, 1, 2, 1]


def test_realms_have_numbers_of_their_own(archive: Archive) -> None:
    state = State(Realm("ntsg-exercise"))
    state.registry = GROUP
    assert issue(archive, seen(1)).number == 1
    assert issue(archive, state.view(at(1), {}, True)).number == 1
    assert issue(archive, seen(2)).number == 2


def test_an_unknown_number_is_told_with_those_that_are_kept(archive: Archive) -> None:
    with pytest.raises(UnknownReport, match="none is yet"):
        archive.fetch(REALM, 1)
    issue(archive, seen(1))
    with pytest.raises(UnknownReport, match=r"no report 2 of ntsg .* numbers 1 to 1"):
        archive.fetch(REALM, 2)


@pytest.mark.parametrize("name", ["report.sv.pdf", "report.json", "tables.zip"])
def test_a_changed_file_is_noticed(archive: Archive, tmp_path: Path, name: str) -> None:
    issue(archive, seen(1))
    file = tmp_path / "reports" / REALM / "000001" / name
    content = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DamagedReport, match=name):
        archive.fetch(REALM, 1)
    file.unlink()
    with pytest.raises(DamagedReport, match="cannot be read"):
        archive.fetch(REALM, 1)


def test_a_changed_manifest_is_noticed(archive: Archive, tmp_path: Path) -> None:
    issue(archive, seen(1))
    issue(archive, seen(2))
    manifest = tmp_path / "reports" / REALM / "000001" / "manifest.json"
    manifest.chmod(0o600)
    manifest.write_text(manifest.read_text().replace("vakthavande", "någon annan"))
    with pytest.raises(DamagedReport, match="when report 2 was made"):
        archive.fetch(REALM, 1)
    manifest.write_text("{}")
    with pytest.raises(DamagedReport, match="manifest"):
        archive.manifest(REALM, 1)


def test_a_report_in_the_place_of_another_is_noticed(archive: Archive, tmp_path: Path) -> None:
    home = tmp_path / "reports" / REALM
    issue(archive, seen(1))
    shutil.copytree(home / "000001", home / "000007")
    with pytest.raises(DamagedReport, match="report 1 of ntsg"):
        archive.fetch(REALM, 7)


def test_nothing_is_compared_with_a_damaged_report(archive: Archive, tmp_path: Path) -> None:
    issue(archive, seen(1))
    file = tmp_path / "reports" / REALM / "000001" / "report.json"
    file.chmod(0o600)
    file.write_bytes(b"{}")
    with pytest.raises(DamagedReport):
        issue(archive, seen(2))
    assert not (tmp_path / "reports" / REALM / "000002").exists()


def test_two_at_once_take_two_numbers(archive: Archive) -> None:
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda hours: issue(archive, seen(hours)), (1, 2, 3, 4)))
    assert sorted(report.number for report in reports) == [1, 2, 3, 4]
    assert all(archive.fetch(REALM, report.number) == report for report in reports)


def test_a_process_that_dies_while_it_writes_leaves_no_report(archive: Archive, tmp_path: Path) -> None:
    """It ends after the files are written and before they have their name: the number is free again."""
    program = (
        "import os, pathlib\n"
        "from tests.unit.test_report_archive import Archive, issue, seen\n"
        "pathlib.Path.rename = lambda *_: os._exit(9)\n"
        f"issue(Archive(pathlib.Path({str(tmp_path / 'reports')!r})), seen(1))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    home = tmp_path / "reports" / REALM
    assert ended.returncode == 9
    assert [place for place in home.iterdir() if place.name.startswith(".unfinished")]
    with pytest.raises(UnknownReport):
        archive.fetch(REALM, 1)
    assert issue(archive, seen(1)).number == 1
    assert {place.name for place in home.iterdir()} == {".lock", "000001"}


def test_what_is_kept_is_for_its_owner_alone(archive: Archive, tmp_path: Path) -> None:
    issue(archive, picture(incident()))
    home = tmp_path / "reports" / REALM
    for place in (home, *home.glob("0*"), *home.glob("0*/*")):
        assert place.stat().st_mode & 0o077 == 0, place
