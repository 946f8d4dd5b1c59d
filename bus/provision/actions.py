"""What provisioning is about to do, as data: shown to people first, carried out after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bus.instants import format_instant
from bus.provision.rules import Right
from bus.registry import Actor, ReaderEntry
from bus.settings import Mechanism
from bus.topics import Realm


@dataclass(frozen=True, slots=True)
class CreateTopic:
    name: str
    config: Mapping[str, str]
    replication_factor: int

    @property
    def text(self) -> str:
        kept = "compacted" if self.config["cleanup.policy"] == "compact" else "kept for ever"
        return f"create topic {self.name} ({kept}, {self.replication_factor} replica(s))"


@dataclass(frozen=True, slots=True)
class RepairTopic:
    name: str
    changes: Mapping[str, tuple[str, str]]
    """From and to, by the name of the setting."""

    @property
    def text(self) -> str:
        changes = ", ".join(f"{name} {before} -> {after}" for name, (before, after) in sorted(self.changes.items()))
        return f"repair topic {self.name}: {changes}"


@dataclass(frozen=True, slots=True)
class CreateUser:
    user: str
    file: Path
    bootstrap: str
    has_password: bool
    """The file holds a password already (of an earlier cluster, or of a run that was cut short): it is used."""

    @property
    def text(self) -> str:
        return f"create user {self.user}, {'with the password in' if self.has_password else 'password in'} {self.file}"


@dataclass(frozen=True, slots=True)
class UpdateCredentials:
    user: str
    file: Path
    bootstrap: str

    @property
    def text(self) -> str:
        return f"update the address of the bus to {self.bootstrap} in {self.file}"


@dataclass(frozen=True, slots=True)
class EndPassword:
    """The password before the last, whose time has come."""

    user: str
    mechanism: Mechanism
    until: datetime

    @property
    def text(self) -> str:
        return f"end the password of {self.user} before the last ({self.mechanism}), due {format_instant(self.until)}"


@dataclass(frozen=True, slots=True)
class DeleteUser:
    user: str
    file: Path

    @property
    def text(self) -> str:
        return f"delete user {self.user} and {self.file}"


@dataclass(frozen=True, slots=True)
class Grant:
    user: str
    rights: tuple[Right, ...]

    @property
    def text(self) -> str:
        return f"allow {self.user}: {', '.join(right.text for right in self.rights)}"


@dataclass(frozen=True, slots=True)
class Revoke:
    user: str
    rights: tuple[Right, ...]

    @property
    def text(self) -> str:
        return f"no longer allow {self.user}: {', '.join(right.text for right in self.rights)}"


@dataclass(frozen=True, slots=True)
class SetQuota:
    user: str
    limits: Mapping[str, float | None]
    """Bytes a second at each broker, by Kafka's name of the quota; None lifts it."""

    @property
    def text(self) -> str:
        limits = (
            f"no {name}" if rate is None else f"{name} {rate / 1024:,.0f} KiB/s"
            for name, rate in sorted(self.limits.items())
        )
        return f"limit {self.user}: {', '.join(limits)}"


@dataclass(frozen=True, slots=True)
class LogEntry:
    entry: Actor | ReaderEntry

    @property
    def text(self) -> str:
        since, until = self.entry.valid_from, self.entry.valid_until
        span = (f" from {since.isoformat()}" if since else "") + (f" until {until.isoformat()}" if until else "")
        match self.entry:
            case Actor(slug=slug, roles=roles):
                return f"log actor {slug} ({', '.join(roles) or 'no role'}){span}"
            case ReaderEntry(slug=slug, audience=audience, writes_view=hub):
                return f"log reader {slug} ({audience}{', writes the view' if hub else ''}){span}"


@dataclass(frozen=True, slots=True)
class LogSchema:
    name: str
    fingerprint: str
    avsc: str

    @property
    def text(self) -> str:
        return f"log schema {self.name} ({self.fingerprint})"


Action = (
    CreateTopic
    | RepairTopic
    | CreateUser
    | UpdateCredentials
    | EndPassword
    | DeleteUser
    | Grant
    | Revoke
    | SetQuota
    | LogEntry
    | LogSchema
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What differs between what should be and what is. `notices` is what only a person can mend."""

    realm: Realm
    actions: tuple[Action, ...]
    notices: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.actions)

    @property
    def text(self) -> str:
        lines = [f"  {action.text}" for action in self.actions] or ["  no change"]
        return "\n".join([f"realm {self.realm}:", *lines, *(f"  notice: {notice}" for notice in self.notices)])
