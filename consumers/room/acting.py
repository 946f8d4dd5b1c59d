"""Publishing as the coordination actor: one message at a time, with that actor's own credentials.

The hub's own user may not write input topics; so a hub acts only where it was given another's credentials.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bus.credentials import Credentials
from bus.envelope import outgoing
from bus.errors import BusUnavailable, InvalidSettings
from bus.messages import Message
from bus.signatures import signs
from bus.topics import Realm
from bus.transport.kafka import KafkaTransport
from bus.transport.port import Outgoing, Position, Transport

PATIENCE = 20.0
"""Seconds to wait for the bus to take a message. After that nobody knows whether it did; sending it again is right."""


class Acting:
    """As whom, and how."""

    def __init__(
        self, transport: Transport, realm: Realm, actor: str, sign: Callable[[Outgoing], Outgoing] | None = None
    ) -> None:
        self.actor = actor
        self._transport = transport
        self._realm = realm
        self._sign = sign or (lambda record: record)

    @classmethod
    def by(cls, credentials: Path, realm: Realm) -> Acting:
        """From a credentials file. Raises InvalidSettings for one that is of another realm, or of no actor."""
        settings = Credentials.read(credentials).settings()
        prefix = f"{realm}."
        if settings.realm != realm.name or settings.user is None or not settings.user.startswith(prefix):
            raise InvalidSettings(f"{credentials} is not of an actor in realm {realm}; see `ntsg provision`")
        return cls(KafkaTransport(settings), realm, settings.user.removeprefix(prefix), signs(settings))

    async def send(self, message: Message) -> Position:
        """Returns when the bus has it. Raises BusUnavailable when it does not say so in time, NotAllowed, TooLarge and
        other BusErrors.
        """
        record = self._sign(outgoing(self._realm, message, datetime.now(UTC)))
        try:
            async with asyncio.timeout(PATIENCE), self._transport.writer() as writer:
                [position] = await writer.send([record])
                return position
        except TimeoutError as error:
            raise BusUnavailable(f"{message.reference}: the bus did not take it within {PATIENCE:.0f} s") from error
