"""What chaos is made of: a disk that runs full. (Brokers that may be hurt are in `tests/conftest.py`.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.disks import NoDisk, SmallDisk, small_disk

Disk = Callable[[int], SmallDisk]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Makes disks of so many bytes: `disk(2_000_000)`. Only root may; for everybody else the limit of a file's size
    (`room` of `tests.outboxes.filled`) is what the kernel refuses by.
    """
    numbers = count(1)
    with ExitStack() as stack:

        def make(size: int) -> SmallDisk:
            try:
                return stack.enter_context(small_disk(tmp_path / f"disk-{next(numbers)}", size))
            except NoDisk as error:
                pytest.skip(f"a disk of its own needs the right to mount one: {error}")

        yield make
