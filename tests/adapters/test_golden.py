"""Each source beside the messages that it becomes: `golden/NAME` and `golden/NAME.ndjson`.

Writing them anew: `python -m tests.adapters.test_golden`. Read the difference before you keep it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.ndjson import Line, read_lines, write_line
from producers.adapters import Importer, Translations, read

GOLDEN = Path(__file__).parent / "golden"
SOURCES = sorted(path for path in GOLDEN.iterdir() if path.suffix not in (".ndjson", ".toml"))


def importer() -> Importer:
    return Importer(actor="nordtel", areas=("07",), translations=Translations.read(GOLDEN / "translations.toml"))


def lines(source: Path) -> list[str]:
    reading = read(source.read_bytes(), source.name, importer())
    assert reading.faults == ()
    return [write_line(found.message) for found in reading.found]


def expected(source: Path) -> Path:
    return source.with_name(f"{source.name}.ndjson")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_source_becomes_these_messages(source: Path) -> None:
    wanted = expected(source).read_text("utf-8").splitlines()
    assert lines(source) == wanted
    assert all(isinstance(line, Line) for _, line in read_lines(wanted))


if __name__ == "__main__":
    for path in SOURCES:
        expected(path).write_text("".join(f"{line}\n" for line in lines(path)), "utf-8")
