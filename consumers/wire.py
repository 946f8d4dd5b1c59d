"""The feed on the wire: its records, their keys, and what a value is.

Every batch of changes is one transaction. Its last record, under the key `summary`, says what the batch amounts to;
a key without a value is gone from the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bus.codec import Codec, encode
from bus.errors import CodecError, InvalidMessage
from bus.messages import Part
from bus.transport.port import Outgoing
from consumers.merge.view import ITEM_OF_KEY, Summary

SUMMARY_KEY = b"summary"


def batch(topic: str, changes: Mapping[str, Part | None], summary: Summary) -> Iterable[Outgoing]:
    """The records of one batch, in the order in which they must be stored."""
    for key, item in changes.items():
        yield Outgoing(topic, key.encode(), None if item is None else encode(item))
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
