"""Python's cyclic collector, in a process that keeps a large picture without cycles: it would walk what is kept again
and again, and find nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 50, 50)
"""Of the three generations, while the hub runs."""


def begin() -> None:
    """For the process, before it folds."""
    gc.set_threshold(*THRESHOLDS)


def spare() -> None:
    """Leave alone all that there is. Costs nothing: for every batch while the hub catches up."""
    gc.freeze()


@contextmanager
def away() -> Iterator[None]:
    """For the time of a piece of work without cycles: nothing that is made meanwhile is looked at; where it is much,
    not later either.
    """
    working = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > THRESHOLDS[0]:
            gc.freeze()
        if working:
            gc.enable()


def settle() -> None:
    """Once the hub has caught up: drop what cycles there were, and leave alone what remains."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
