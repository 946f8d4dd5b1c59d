"""Any bytes are taken or refused: the kept inputs again, and good ones spoilt anew (NTSG_FUZZ=2500 tries longer).

`make fuzz` looks further, by what each input reaches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import NAMES
from tests.fuzz.targets import TARGETS, close, kept, seeds

LENIENT = settings(
    max_examples=int(os.environ.get("NTSG_FUZZ", "30")), deadline=None, suppress_health_check=list(HealthCheck)
)
SNIPPETS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            *rb"""< ] } " null -1 1e999 NaN &x; \ud800 %ED%A0%80 0000-00-00 9999-12-31T23:59:59-23:59""".split(),
            *(b"\n", b"\x00", b"\xff\xfe", b"9" * 40, b"[" * 2_000, b"0001-01-01T00:00:00+23:59"),
            *(b"\x80" * 10, b"\xff" * 9 + b"\x01", b"\x01" * 8, b"\x00" * 8),
        ]
    ),
)


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    yield
    close()


@st.composite
def spoilt(draw: st.DrawFn, name: str) -> bytes:
    """A good input with a few places cut out, doubled, or written over."""
    content = draw(st.sampled_from(seeds(name)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 20)))
        content = content[:start] + draw(SNIPPETS) + content[end:]
    return content


def test_every_target_is_fuzzed() -> None:
    assert tuple(TARGETS) == NAMES
    assert all(seeds(name) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_spoilt_input_is_taken_or_refused(name: str) -> None:
    @LENIENT
    @given(spoilt(name))
    def ask(content: bytes) -> None:
        TARGETS[name](content)

    ask()


@pytest.mark.parametrize("name", NAMES)
def test_what_was_kept_is_taken_or_refused(name: str) -> None:
    found = kept(name)
    assert found
    for called, content in found.items():
        try:
            TARGETS[name](content)
        except Exception as error:
            raise AssertionError(f"{called} got through: {content!r}") from error
