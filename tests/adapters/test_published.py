"""Notices that this project's authors did not write pass the adapter: `published/` says whose they are.

Writing what becomes of them anew: `python -m tests.adapters.test_published`. Read the difference before you keep it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.messages import Work
from bus.ndjson import read_line, write_line
from bus.vocabulary import Impact, WorkState
from producers.adapters import Importer, read

PUBLISHED = Path(__file__).parent / "published"
PROVIDERS = {"aquacomms1.eml": "aquacomms", "apple1.eml": "apple", "aws1.eml": "aws"}
"""Of those whose sender is not told, or is another's: as `--provider`."""
NOTICES = sorted(path for path in PUBLISHED.iterdir() if path.suffix in (".eml", ".ics"))


def lines(notice: Path) -> list[str]:
    importer = Importer(actor="nordtel", areas=("12",))
    reading = read(notice.read_bytes(), notice.name, importer, provider=PROVIDERS.get(notice.name))
    assert (reading.faults, reading.notes) == ((), ())
    return [write_line(found.message) for found in reading.found]


def expected(notice: Path) -> Path:
    return notice.with_name(f"{notice.name}.ndjson")


def work(name: str) -> Work:
    [line] = expected(PUBLISHED / name).read_text("utf-8").splitlines()
    message = read_line(line).message
    assert isinstance(message, Work)
    return message


@pytest.mark.parametrize("notice", NOTICES, ids=lambda path: path.name)
def test_a_notice_of_others_becomes_a_work(notice: Path) -> None:
    assert lines(notice) == expected(notice).read_text("utf-8").splitlines()


def test_what_becomes_of_them_says_what_they_say() -> None:
    announced, confirmed = work("ical1.ics"), work("ical2.ics")
    assert announced.reference == confirmed.reference
    assert (announced.revision, confirmed.revision) == (2, 3)
    assert (announced.state, confirmed.state) == (WorkState.TENTATIVE, WorkState.CONFIRMED)
    assert work("ical6.ics").state is WorkState.UNKNOWN
    assert work("eunetworks_cancel.eml").state is WorkState.CANCELLED
    assert [work(name).impact for name in ("aws1.eml", "netflix1.eml", "apple1.eml")] == [Impact.OUTAGE] * 3
    assert (work("aquacomms1.eml").ends_at - work("aquacomms1.eml").starts_at).total_seconds() == 10 * 3600


def test_a_notice_is_told_when_it_was_sent() -> None:
    """The library's reader of this one takes the beginning of the work for the time of the notice."""
    notice = work("apple1.eml")
    assert notice.observed_at.isoformat() == "2023-05-01T17:38:11+00:00"
    assert notice.observed_at < notice.starts_at


if __name__ == "__main__":
    for path in NOTICES:
        expected(path).write_text("".join(f"{line}\n" for line in lines(path)), "utf-8")
