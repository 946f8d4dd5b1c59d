"""What one actor may send, and the records that carry it. Asks no bus."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bus.envelope import outgoing
from bus.errors import InvalidMessage, NotAllowed
from bus.messages import Message
from bus.settings import Settings
from bus.signatures import signs
from bus.topics import Realm
from bus.transport import Outgoing

__all__ = ["Speaker"]


class Speaker:
    """The settings' user, as the actor that it is in the settings' realm. Signs, where the settings name a signing key.

    Raises InvalidSettings for no such realm, and for a signing key that cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.realm = Realm(settings.realm)
        self.user = settings.user
        self.actor = settings.user and settings.user.removeprefix(f"{self.realm}.")  # users are <realm>.<actor>
        self._statuses = self.realm.statuses
        self._signed = signs(settings)

    def check(self, message: Message) -> None:
        """Raises NotAllowed for a message of another actor, InvalidMessage for a status that does not fit the realm."""
        if self.actor is not None and message.actor != self.actor:
            raise NotAllowed(
                f"{message.reference}@{message.revision}: user {self.user!r} may not publish as {message.actor!r}; "
                "use that actor's credentials, or mend `actor`"
            )
        if message.status not in self._statuses:
            fitting = " or ".join(sorted(self._statuses))
            raise InvalidMessage((("status", f"{message.status} does not fit realm {self.realm}; use {fitting}"),))

    def records(
        self, messages: Sequence[Message], sent_at: datetime | None = None, traceparent: str | None = None
    ) -> list[Outgoing]:
        """The records that carry these messages, stamped with `sent_at` or else now.

        Raises as `check` does, and TooLarge; then for none of them.
        """
        stamp = sent_at or datetime.now(UTC)
        for message in messages:
            self.check(message)
        return [self._signed(outgoing(self.realm, message, stamp, traceparent)) for message in messages]
