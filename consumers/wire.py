"""The feeds on the wire: their records, their keys, and what a value is.

Every batch of changes is one transaction over all feeds. The last record of each, under the key `summary`, says what
the batch amounts to; a key without a value is gone from the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bus.codec import Codec, encode
from bus.errors import CodecError, InvalidMessage
from bus.messages import Part
from bus.transport.port import Outgoing
from consumers.merge.view import ITEM_OF_KEY, Summary

SUMMARY_KEY = b"summary"


class Encoder:
    """Encodes the items of one batch: what is the same in several feeds, once."""

    def __init__(self) -> None:
        self._encoded: dict[int, tuple[Part, bytes]] = {}
        """By identity; the items are held, so that no other takes the place of one."""

    def __call__(self, item: Part) -> bytes:
        held = self._encoded.get(id(item))
        if held is None:
            held = self._encoded[id(item)] = item, encode(item)
        return held[1]


def batch(
    topic: str, changes: Mapping[str, Part | None], summary: Summary, encoded: Callable[[Part], bytes] = encode
) -> Iterable[Outgoing]:
    """The records of one batch in one feed, in the order in which they must be stored."""
    for key, item in changes.items():
        yield Outgoing(topic, key.encode(), None if item is None else encoded(item))
    yield Outgoing(topic, SUMMARY_KEY, encode(summary))


def read_item(codec: Codec, key: str, value: bytes) -> Part | None:
    """The item under a key; None for a kind of item that came after this package.

    Raises CodecError or InvalidMessage, naming the key, for a value that cannot be read.
    """
    model = ITEM_OF_KEY.get(key.partition("/")[0])
    if model is None:
        return None
    try:
        return codec.decode(value, model)[0]
    except (CodecError, InvalidMessage) as error:
        error.add_note(f"in the feed under the key {key}; a newer hub may have written it: upgrade ntsg-bus here")
        raise


def read_summary(codec: Codec, value: bytes) -> Summary:
    """Raises CodecError or InvalidMessage."""
    return codec.decode(value, Summary)[0]
