"""Everything that can go wrong, as one tree. Each class is a decision that a caller can take.

    NtsgError                      anything from this package
    ├── InvalidInput               mend the input; trying again changes nothing
    │   ├── InvalidMessage         a message breaks the contract (names the field and the remedy)
    │   ├── InvalidRegistry        actors.toml breaks the contract
    │   ├── InvalidSettings        a setting is missing or wrong
    │   ├── UnknownKey             no API key has that id, or it has ended
    │   ├── UnknownReference       nothing is known by that reference (names the nearest)
    │   └── UnknownReport          no situation report of that number is kept
    ├── CodecError                 bytes that cannot be read; the bytes are kept, the record is quarantined
    │   ├── NotSingleObject        no Avro single-object marker
    │   ├── UnknownFingerprint     written with a schema that is not held (yet)
    │   ├── DamagedBody            truncated, overlong or otherwise broken bytes
    │   └── WrongSchema            readable, but not the kind of record that belongs here
    ├── BusError                   the bus did not do what was asked
    │   ├── BusUnavailable         no broker answers; trying again later is right
    │   ├── AuthenticationFailed   user or password is wrong
    │   ├── NotAllowed             the user has no right to this topic or action
    │   ├── UnknownTopic           the topic does not exist: provision first
    │   ├── TooLarge               the record exceeds the bus's limit
    │   └── Fenced                 another writer with the same transactional id took over
    ├── OutboxError                the outbox's disk did not do what was asked; nothing of the call was kept
    │   ├── OutboxFull             no room left: let it be delivered, or give it more
    │   └── OutboxInUse            another process has it: use that one, or end it
    ├── NotRemembered              the gateway's disk takes nothing more: free some of it, and ask again
    ├── AlertFailed                a channel did not take an alert: it is tried again, and the hub's status says so
    ├── DamagedReport              a kept situation report is not what it was: restore it from a copy
    ├── ArchiveLost                what a fold had laid aside cannot be read back: fold from the start
    └── BrokerError                the local broker could not be started, reached or stopped

Every message says what happened, where, and what to do about it. Library errors are mapped to these
at one border (`bus.transport.connection`, `bus.codec`, `bus.messages`) and kept as `__cause__`.
"""

from __future__ import annotations

from collections.abc import Sequence


class NtsgError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidInput(NtsgError):
    """The input is wrong; trying again changes nothing."""


class InvalidMessage(InvalidInput):
    """A message breaks the contract.

    `problems` holds one `(path, remedy)` per fault, for example
    `("impacts.0.service", "unknown symbol 'MOBIL'; use one of MOBILE_VOICE, ...")`.
    """

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{path}: {remedy}" if path else remedy for path, remedy in problems))


class InvalidRegistry(InvalidInput):
    """The actor registry breaks the contract."""


class InvalidSettings(InvalidInput):
    """A setting is missing or wrong."""


class UnknownKey(InvalidInput):
    """No API key has that id, or it has ended."""


class UnknownReference(InvalidInput):
    """Nothing is known by the reference `ref`. `nearest` are known ones that may have been meant."""

    def __init__(self, ref: str, nearest: Sequence[str]) -> None:
        self.ref = ref
        self.nearest = tuple(nearest)
        hint = f"; did you mean {', '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(f"nothing is known by {ref!r}{hint}")


class UnknownReport(InvalidInput):
    """No situation report of that number is kept."""


class CodecError(NtsgError):
    """Bytes that cannot be read as the record that they should be."""


class NotSingleObject(CodecError):
    """The bytes do not begin with the Avro single-object marker C3 01."""


class UnknownFingerprint(CodecError):
    """The writer's schema is not held. `fingerprint` is its CRC-64-AVRO, 16 hex digits as on the wire."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        super().__init__(
            f"written with schema {fingerprint}, which is not held here; publish that schema to the schemas topic"
        )


class DamagedBody(CodecError):
    """The bytes end too early, go on too long, or do not fit their schema."""


class WrongSchema(CodecError):
    """The bytes are readable, but their schema is not the one that belongs in this place."""


class BusError(NtsgError):
    """The bus did not do what was asked."""


class BusUnavailable(BusError):
    """No broker answers. Nothing is wrong with the request: try again later."""


class AuthenticationFailed(BusError):
    """The broker refuses the user or the password."""


class NotAllowed(BusError):
    """The user is known, but has no right to do this."""


class UnknownTopic(BusError):
    """The topic does not exist. Provisioning makes topics."""


class TooLarge(BusError):
    """The record exceeds what the bus accepts."""


class Fenced(BusError):
    """Another writer with the same transactional id took over; this one is dead. Drop it."""


class OutboxError(NtsgError):
    """The outbox's disk did not do what was asked. Nothing of the call was kept; what was kept before, still is."""


class OutboxFull(OutboxError):
    """The outbox has no room left. Nothing of the call was kept: it becomes free as records are delivered."""


class OutboxInUse(OutboxError):
    """Somebody else has the outbox open. One process at a time delivers it."""


class NotRemembered(NtsgError):
    """The gateway's own disk did not take what was to be remembered. What is in the outboxes is untouched."""


class AlertFailed(NtsgError):
    """A channel did not take an alert. It is tried again, ever more seldom."""


class DamagedReport(NtsgError):
    """A kept situation report is not what it was when it was made: changed, cut or lost. Restore it from a copy."""


class ArchiveLost(NtsgError):
    """What a fold had laid aside on disk cannot be read back. The log has it: fold from the start."""


class BrokerError(NtsgError):
    """The local broker could not be started, reached or stopped."""
