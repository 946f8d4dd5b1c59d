"""What is remembered of every message, also once another speaks for its entity: little memory, and nothing lost.

A body is kept as the bytes that came, and is read again in the rare cases that need it: a copy known earlier that lets
another message win, or two messages of one revision whose facts have to be compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bus.envelope import Envelope
from bus.instants import from_millis, to_millis
from bus.messages import Incident, Message
from bus.vocabulary import CountBasis, CountScope, Impact, IncidentState, Service, Tlp
from consumers.merge.effects import Effect, effects_of
from consumers.merge.forecasts import forecast_of

Read = Callable[[str, bytes], Message]
"""From the kind of a message and its bytes to the message. It was read once, so it can be read again."""


def unread(kind: str, value: bytes) -> Message:
    """For states that take no bytes. Raises TypeError."""
    raise TypeError(f"a {kind} is held as {len(value)} bytes; give the state what reads them")


class Gist(NamedTuple):
    """What rules about history ask of a message. Incidents alone say more than the first four."""

    revision: int
    observed_at: datetime
    on_behalf_of: str | None
    tlp: Tlp
    state: IncidentState | None = None
    started_at: datetime | None = None
    detected_at: datetime | None = None
    restored_at: datetime | None = None
    basis: CountBasis | None = None
    """None where no users are told of."""
    scope: CountScope | None = None
    users: int | None = None
    forecast: datetime | None = None
    """When it was to be over; None where nothing is promised."""
    effects: tuple[Effect, ...] = ()

    @classmethod
    def of(cls, message: Message) -> Gist:
        if not isinstance(message, Incident):
            return cls(message.revision, message.observed_at, message.on_behalf_of, message.tlp)
        users = message.users
        return cls(
            message.revision,
            message.observed_at,
            message.on_behalf_of,
            message.tlp,
            message.state,
            message.started_at,
            message.detected_at,
            message.restored_at,
            users.basis if users else None,
            users.scope if users else None,
            users.value if users else None,
            forecast_of(message.restoration),
            effects_of(message),
        )

    def dump(self) -> bytes:
        """As bytes, for `load`."""
        revision, observed_at, on_behalf_of, tlp, state, started, detected, restored, *counted, forecast, effects = self
        instants = (observed_at, started, detected, restored, forecast)
        millis = [None if instant is None else to_millis(instant) for instant in instants]
        told = [revision, on_behalf_of, tlp, state, *millis, *counted, effects]
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def load(cls, dumped: bytes) -> Gist:
        """From what `dump` gave. Raises ValueError for anything else."""
        try:
            revision, on_behalf_of, tlp, state, *rest = json.loads(dumped)
            observed, started, detected, restored, forecast, basis, scope, users, effects = rest
            return cls(
                int(revision),
                from_millis(observed),
                on_behalf_of,
                Tlp(tlp),
                None if state is None else IncidentState(state),
                None if started is None else from_millis(started),
                None if detected is None else from_millis(detected),
                None if restored is None else from_millis(restored),
                None if basis is None else CountBasis(basis),
                None if scope is None else CountScope(scope),
                users,
                None if forecast is None else from_millis(forecast),
                tuple(_effect(*effect) for effect in effects),
            )
        except (TypeError, OverflowError) as error:
            raise ValueError(f"not the gist of a message: {error}") from error


def _effect(service: str, impact: str, numbers: list[int] | None) -> Effect:
    low_best_high = None
    if numbers is not None:
        low, best, high = numbers
        low_best_high = low, best, high
    return Effect(Service(service), Impact(impact), low_best_high)


class Signed(StrEnum):
    """How a message is signed whose actor has begun to sign."""

    VERIFIED = "VERIFIED"
    UNSIGNED = "UNSIGNED"
    UNVERIFIABLE = "UNVERIFIABLE"
    """It carries a signature that does not fit, or that no key of the actor made."""


_SIGNED = (Signed.UNVERIFIABLE, Signed.UNSIGNED, None, Signed.VERIFIED)
"""From worst to best: what was taken unasked needs no remark because a copy of it is not signed."""


class Trace(NamedTuple):
    """A message as it is remembered."""

    gist: Gist
    content: bytes
    sent_at: datetime
    known_at: datetime
    body: bytes | Message
    """The bytes that came; the message itself where nobody has them."""
    signed: Signed | None = None
    """None where the registry asked for no signature."""

    @classmethod
    def of(cls, envelope: Envelope, value: bytes | None = None, signed: Signed | None = None) -> Trace:
        """Of a message that came as `value`."""
        body = envelope.message if value is None else value
        return cls(Gist.of(envelope.message), envelope.content, envelope.sent_at, envelope.known_at, body, signed)

    def with_copy(self, copy: Trace) -> Trace:
        """What is known of a message that came twice: when it was first sent, first known, and at best signed."""
        signed = max(self.signed, copy.signed, key=_SIGNED.index)
        sent_at, known_at = min(self.sent_at, copy.sent_at), min(self.known_at, copy.known_at)
        return self._replace(sent_at=sent_at, known_at=known_at, signed=signed)

    @property
    def order(self) -> tuple[int, datetime, bytes]:
        """What decides between two messages about one entity: the greater wins."""
        return self.gist.revision, self.sent_at, self.content
