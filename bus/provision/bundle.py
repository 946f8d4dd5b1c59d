"""What a new operator is given: one directory with all that it takes to plug in.

Its credentials for each realm, ready configurations for this package, for Java and for librdkafka (kcat), the CA
certificate, the schemas, a first report to send, and a guide in five steps. It holds passwords: its owner alone may
read it, and it travels by a way that keeps secrets.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from string import Template

from bus.codec import encode
from bus.credentials import Credentials, as_toml, write_private
from bus.errors import InvalidInput, InvalidSettings
from bus.instants import from_millis, to_millis
from bus.messages import Area, Incident, ServiceImpact
from bus.provision.rules import kinds_of
from bus.registry import Actor
from bus.settings import MECHANISMS, Mechanism
from bus.topics import Kind, Realm
from bus.vocabulary import AreaKind, Impact, IncidentState, MessageStatus, Service
from schemas import LATEST

__all__ = ["Mutual", "write_bundle"]

CA = "ca.pem"
_JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class Mutual:
    """Logging in with a certificate, not a password: at which address, and the file of key and certificate by realm."""

    bootstrap: str
    certificates: Mapping[Realm, Path]


@dataclass(frozen=True)
class _Way:
    """A way into one realm: with a password, or with a certificate. Files are named as they lie in the bundle."""

    name: str
    realm: Realm
    bootstrap: str
    user: str
    ca: str | None
    password: str | None = None
    mechanism: Mechanism = MECHANISMS[0]
    certificate: str | None = None

    @property
    def addresses(self) -> list[str]:
        return [address.strip() for address in self.bootstrap.split(",")]


@dataclass(frozen=True)
class _Line:
    """One setting under the names that this package, Java and librdkafka have for it; None where one has none."""

    own: str | None
    java: str | None
    librdkafka: str | None
    value: str


def write_bundle(
    actor: Actor, credentials: Mapping[Realm, Path], directory: Path, *, now: datetime, mutual: Mutual | None = None
) -> tuple[Path, ...]:
    """Write the bundle of an actor, from its credentials file in each realm, into a new directory; returns its files.

    With `mutual`, it holds a second way in, by certificate. Raises InvalidInput when the directory exists,
    InvalidSettings when a file that goes into it cannot be read, or the directory not be written.
    """
    first = next((realm for realm in credentials if realm.is_exercise), None)
    if first is None:
        raise InvalidInput(
            f"there are no credentials of {actor.slug} for the exercise, in which an operator begins; "
            f"provision it there first, or rotate {actor.slug}"
        )
    if directory.exists():
        raise InvalidInput(f"{directory} exists; name another directory, or remove it with the passwords in it")
    held = {realm: Credentials.read(file) for realm, file in credentials.items()}
    ways = [way for realm, own in held.items() for way in _ways(realm, own, mutual)]
    try:
        directory.mkdir(mode=0o700, parents=True)
        for own in held.values():
            if own.tls_ca is not None:
                shutil.copyfile(own.tls_ca, directory / CA)
        for realm, file in (mutual.certificates if mutual else {}).items():
            write_private(directory / _certificate(realm), file.read_text("ascii"))
        for way in ways:
            _configure(directory, way)
        _copy_schemas(directory / "schemas" / LATEST)
        _write_trial(directory, actor, now)
        write_private(directory / "README.md", _guide(actor, ways, first))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{directory} cannot be written: {error}") from error
    return tuple(sorted(file for file in directory.rglob("*") if file.is_file()))


def _ways(realm: Realm, own: Credentials, mutual: Mutual | None) -> Iterable[_Way]:
    ca = CA if own.tls_ca else None
    yield _Way(str(realm), realm, own.bootstrap, own.user, ca, own.password, own.mechanism)
    if mutual is not None and realm in mutual.certificates:
        yield _Way(f"{realm}.mutual", realm, mutual.bootstrap, own.user, ca, certificate=_certificate(realm))


def _certificate(realm: Realm) -> str:
    return f"{realm}.pem"


def _configure(directory: Path, way: _Way) -> None:
    lines = list(_lines(way))
    write_private(directory / f"{way.name}.toml", as_toml({line.own: line.value for line in lines if line.own}))
    java = (f"{line.java}={line.value}\n" for line in lines if line.java)
    write_private(directory / f"{way.name}.java.properties", "".join(java))
    librdkafka = (f"{line.librdkafka}={line.value}\n" for line in lines if line.librdkafka)
    write_private(directory / f"{way.name}.kcat.conf", "".join(librdkafka))


def _lines(way: _Way) -> Iterable[_Line]:
    yield _Line("bootstrap", "bootstrap.servers", "bootstrap.servers", way.bootstrap)
    yield _Line("realm", None, None, str(way.realm))
    yield _Line("user", None, None, way.user)
    protocol = "SSL" if way.ca else "PLAINTEXT"
    if way.password:
        yield _Line(None, "security.protocol", "security.protocol", f"SASL_{protocol}")
        yield _Line("sasl_mechanism", "sasl.mechanism", "sasl.mechanism", way.mechanism)
        yield _Line("password", None, "sasl.password", way.password)
        yield _Line(None, None, "sasl.username", way.user)
        jaas = f'{_JAAS} required username="{way.user}" password="{way.password}";'
        yield _Line(None, "sasl.jaas.config", None, jaas)
    if way.certificate:
        yield _Line(None, "security.protocol", "security.protocol", protocol)
        yield _Line(None, "ssl.keystore.type", None, "PEM")
        yield _Line("tls_certificate", "ssl.keystore.location", "ssl.certificate.location", way.certificate)
        yield _Line(None, None, "ssl.key.location", way.certificate)
    if way.ca:
        yield _Line(None, "ssl.truststore.type", None, "PEM")
        yield _Line("tls_ca", "ssl.truststore.location", "ssl.ca.location", way.ca)
    # What has an answer from the bus is neither lost nor doubled; groups are allowed under the user's name alone.
    yield _Line(None, "acks", "acks", "all")
    yield _Line(None, "enable.idempotence", "enable.idempotence", "true")
    yield _Line(None, "group.id", "group.id", f"{way.user}.tools")
    # Each setting of one direction makes librdkafka warn in the other.
    yield _Line(None, None, "log_level", "3")


def _copy_schemas(directory: Path) -> None:
    directory.mkdir(parents=True)
    for schema in resources.files("schemas").joinpath(LATEST).iterdir():
        if schema.name.endswith(".avsc"):
            (directory / schema.name).write_text(schema.read_text("utf-8"), "utf-8")


def _write_trial(directory: Path, actor: Actor, now: datetime) -> None:
    """A first report, as a line of JSON and as the bytes that travel."""
    incident = Incident(
        actor=actor.slug,
        id="TRY-1",
        revision=1,
        status=MessageStatus.EXERCISE,
        observed_at=from_millis(to_millis(now)),
        state=IncidentState.CONFIRMED,
        title="Prov av anslutningen",
        impacts=(ServiceImpact(service=Service.OTHER, impact=Impact.DEGRADED),),
        areas=(Area(kind=AreaKind.LAN, code="07"),),
    )
    told = {"kind": incident.kind.value, **incident.model_dump(mode="json", exclude_unset=True)}
    (directory / "try.ndjson").write_text(json.dumps(told, ensure_ascii=False) + "\n", "utf-8")
    (directory / "try.avro").write_bytes(encode(incident))


def _guide(actor: Actor, ways: Iterable[_Way], first: Realm) -> str:
    """The guide: the text beside this module, with what is this actor's own."""
    ways = tuple(ways)
    way = next(way for way in ways if way.realm == first)
    mutual = any(way.certificate for way in ways)
    words = {
        "name": actor.name,
        "slug": actor.slug,
        "first": str(first),
        "real": str(next((way.realm for way in ways if not way.realm.is_exercise), first)),
        "addresses": ", ".join(f"`{address}`" for each in ways if each.realm == first for address in each.addresses),
        "bootstrap": way.bootstrap,
        "topic": first.input(Kind.INCIDENT, actor.slug),
        "topics": "\n".join(f"| {kind} | `{first.input(kind, actor.slug)}` |" for kind in kinds_of(actor)),
        "mutual": _MUTUAL if mutual else "",
    }
    text = resources.files(__package__).joinpath("guide.md").read_text("utf-8")
    return Template(text).substitute(words)


_MUTUAL = """
With a certificate in place of the password: the same files with `.mutual` in their names. Certificate and key are in
the files named after the realm that end in `.pem`.
"""
