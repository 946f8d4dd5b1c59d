"""References and keys: how one entity names another.

A reference is `kind/actor/id`; situations and conflicts, which the merge makes, are `situation/<id>` and
`conflict/<id>`; what is held in quarantine is `quarantine/<place>`, where the place is the record's topic without the
realm, its partition and its offset: `quarantine/incident.v1.nordtel:0:17`. The key of a Kafka record is `actor/id` in
UTF-8.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of message that actors publish, in the order of the contract."""

    INCIDENT = "incident"
    MEASURE = "measure"
    WORK = "work"
    STATUS = "status"
    ACK = "ack"
    LINK = "link"
    DECISION = "decision"
    REQUEST = "request"
    OFFER = "offer"


ACTOR_PATTERN = r"^[a-z][a-z0-9-]{1,31}$"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
DERIVED_KINDS = ("situation", "conflict", "quarantine")
REFERENCE_PATTERN = (
    rf"^(?:(?:{'|'.join(Kind)})/{ACTOR_PATTERN[1:-1]}/{ID_PATTERN[1:-1]}"
    rf"|(?:{'|'.join(DERIVED_KINDS)})/{ID_PATTERN[1:-1]})$"
)
REFERENCE_FORM = "kind/actor/id, for example incident/nordtel/I-17, or situation/<id> or conflict/<id>"

_REFERENCE = re.compile(REFERENCE_PATTERN)


def reference(kind: str, actor: str, id: str) -> str:
    return f"{kind}/{actor}/{id}"


def is_reference(text: str) -> bool:
    return _REFERENCE.fullmatch(text) is not None


def split_reference(ref: str) -> tuple[str, str, str]:
    """Kind, actor and id of a reference; the actor of a situation or conflict is empty.

    Raises ValueError when the text is no reference.
    """
    if not is_reference(ref):
        raise ValueError(f"{ref!r} is not a reference; write {REFERENCE_FORM}")
    kind, _, rest = ref.partition("/")
    actor, _, id = rest.rpartition("/")
    return kind, actor, id


def record_key(actor: str, id: str) -> bytes:
    return f"{actor}/{id}".encode()
