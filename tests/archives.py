"""An archive in memory, for tests of what leaves the memory of the merge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bus.vocabulary import Tlp
from consumers.merge.archive import Bundle, Span


class DictArchive:
    """Holds the bundles as they are, and looks through all of them."""

    def __init__(self) -> None:
        self.bundles: list[Bundle] = []

    def put(self, bundle: Bundle) -> None:
        self.bundles.append(bundle)

    def take_named(self, name: int) -> Sequence[Bundle]:
        return self._take(lambda bundle: name in bundle.names)

    def take_holding(self, key: int, span: Span) -> Sequence[Bundle]:
        return self._take(lambda bundle: key in bundle.keys and bundle.keys[key].meets(span))

    def take_over_after(self, instant: datetime) -> Sequence[Bundle]:
        return self._take(lambda bundle: bundle.over_since > instant)

    def heard(self) -> Sequence[Mapping[tuple[str, Tlp], datetime]]:
        return [bundle.heard for bundle in self.bundles]

    def _take(self, wanted: Callable[[Bundle], bool]) -> Sequence[Bundle]:
        taken = [bundle for bundle in self.bundles if wanted(bundle)]
        self.bundles = [bundle for bundle in self.bundles if not wanted(bundle)]
        return taken
