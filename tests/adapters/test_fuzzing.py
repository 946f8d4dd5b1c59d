"""Whatever is dropped into the spool: an adapter gives messages and faults, and nothing else ever comes out of it.

`corpus/` keeps the inputs that once got through; each is read again in every run. NTSG_FUZZ=2500 looks longer.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bus.codec import Codec, encode
from bus.errors import CodecError, InvalidMessage
from bus.messages import MESSAGES
from bus.ndjson import BadLine, Line, read_line, read_lines, write_line
from bus.references import Kind
from producers.adapters import Format, Importer, Reading, Translations, read
from producers.adapters.columns import KINDS, columns_of
from tests.adapters.test_golden import GOLDEN, SOURCES, expected

CORPUS = Path(__file__).parent / "corpus"
IMPORTER = Importer(actor="nordtel", areas=("07",), translations=Translations.read(GOLDEN / "translations.toml"))
LENIENT = settings(
    max_examples=int(os.environ.get("NTSG_FUZZ", "40")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

SNIPPETS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            *(b"<", b"]", b"}", b'"', b"\n", b"\x00", b"\xff\xfe", b"null", b"-1", b"1e999", b"NaN", b"9" * 40),
            *(b"0000-00-00", b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59", b"&x;", b"<!DOCTYPE a>"),
            *(b";;;", b'""', b"[[[[", b"\\ud800"),
        ]
    ),
)


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, bytes]:
    """A golden source with a few places cut out, doubled, or written over."""
    source = draw(st.sampled_from(SOURCES))
    content = source.read_bytes()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 20)))
        content = content[:start] + draw(SNIPPETS) * draw(st.integers(1, 2)) + content[end:]
    return source.name, content


def sound(reading: Reading) -> None:
    """Faults say something, and messages are messages."""
    assert all(str(fault).strip() for fault in reading.faults)
    for found in reading.found:
        assert found.message.actor == "nordtel"
        assert read_line(write_line(found.message)).message == found.message


@LENIENT
@given(spoilt())
def test_a_spoilt_source_is_read_or_refused(source: tuple[str, bytes]) -> None:
    name, content = source
    sound(read(content, name, IMPORTER))


@LENIENT
@given(st.binary(max_size=300), st.sampled_from(Format))
def test_any_bytes_are_read_or_refused(content: bytes, format: Format) -> None:
    sound(read(content, "x", IMPORTER, format=format))


@LENIENT
@given(st.sampled_from(KINDS), st.data())
def test_any_cells_are_read_or_refused(kind: Kind, data: st.DataObject) -> None:
    columns = columns_of(kind)
    cells = [
        data.draw(st.one_of(st.just(""), st.text(max_size=12), st.from_regex(r"\d{4}-\d\d-\d\d \d\d:\d\d")))
        for _ in columns
    ]
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    table = ";".join(column.field for column in columns) + "\n" + ";".join(quoted) + "\n"
    sound(read(table.encode("utf-8", "replace"), "x.csv", IMPORTER, kind=kind))


@pytest.mark.parametrize("kept", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_once_got_through_does_so_no_more(kept: Path) -> None:
    sound(read(kept.read_bytes(), kept.name, IMPORTER))


@LENIENT
@given(st.lists(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)), max_size=5))
@example([b'{"kind":"incident","actor":' + b"[" * 2000])
def test_any_lines_are_messages_or_bad_lines(lines: list[bytes]) -> None:
    for _, line in read_lines(b"\n".join(lines).split(b"\n")):
        assert isinstance(line, Line | BadLine)
        assert not isinstance(line, BadLine) or str(line)


GOOD = [read_line(line).message for source in SOURCES for line in expected(source).read_text("utf-8").splitlines()]


@LENIENT
@given(st.sampled_from(GOOD), st.integers(0, 400), SNIPPETS)
def test_any_record_is_a_message_or_an_error_of_ours(message: object, at: int, snippet: bytes) -> None:
    model = type(message)
    assert model in MESSAGES.values()
    value = encode(message)  # type: ignore[arg-type]
    start = min(at, len(value))
    try:
        decoded, _ = Codec().decode(value[:start] + snippet + value[start + len(snippet) :], model)  # type: ignore[arg-type]
    except (CodecError, InvalidMessage):
        return
    assert isinstance(decoded, model)
