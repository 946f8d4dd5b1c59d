"""What a new operator is given: one directory with all that it takes to plug in.

Its credentials for each realm, ready configurations for this package, for Java and for librdkafka (kcat), the CA
certificate, the schemas, and a guide in five steps. It holds passwords: its owner alone may read it, and it travels by
a way that keeps secrets.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from bus.credentials import Credentials, write_private
from bus.errors import InvalidInput, InvalidSettings
from bus.provision.rules import kinds_of
from bus.registry import Actor
from bus.topics import Realm
from schemas import LATEST

__all__ = ["write_bundle"]

CA = "ca.pem"
_JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class _Line:
    """One setting under the names that Java and librdkafka have for it; None where one has none."""

    java: str | None
    librdkafka: str | None
    value: str


def write_bundle(actor: Actor, credentials: Mapping[Realm, Path], directory: Path) -> tuple[Path, ...]:
    """Write the bundle of an actor, from its credentials file in each realm, into a new directory; returns its files.

    Raises InvalidInput when the directory exists, InvalidSettings when a credentials file or the CA cannot be read, or
    the directory not be written.
    """
    if not credentials:
        raise InvalidInput(f"there are no credentials of {actor.slug}; provision it first, or rotate {actor.slug}")
    if directory.exists():
        raise InvalidInput(f"{directory} exists; name another directory, or remove it with the passwords in it")
    held = {realm: Credentials.read(file) for realm, file in credentials.items()}
    try:
        directory.mkdir(mode=0o700, parents=True)
        for realm, own in held.items():
            _configure(directory, realm, own)
        _copy_schemas(directory / "schemas" / LATEST)
        write_private(directory / "README.md", _guide(actor, held))
    except OSError as error:
        raise InvalidSettings(f"{directory} cannot be written: {error}") from error
    return tuple(sorted(file for file in directory.rglob("*") if file.is_file()))


def _configure(directory: Path, realm: Realm, own: Credentials) -> None:
    if own.tls_ca is not None:
        shutil.copyfile(own.tls_ca, directory / CA)
        own = replace(own, tls_ca=Path(CA))
    own.write(directory / f"{realm}.toml")
    lines = list(_lines(own))
    java = (f"{line.java}={line.value}" for line in lines if line.java)
    librdkafka = (f"{line.librdkafka}={line.value}" for line in lines if line.librdkafka)
    write_private(directory / f"{realm}.java.properties", "\n".join(java) + "\n")
    write_private(directory / f"{realm}.kcat.conf", "\n".join(librdkafka) + "\n")


def _lines(own: Credentials) -> Iterable[_Line]:
    yield _Line("bootstrap.servers", "bootstrap.servers", own.bootstrap)
    yield _Line("security.protocol", "security.protocol", "SASL_SSL" if own.tls_ca else "SASL_PLAINTEXT")
    yield _Line("sasl.mechanism", "sasl.mechanism", "SCRAM-SHA-512")
    yield _Line("sasl.jaas.config", None, f'{_JAAS} required username="{own.user}" password="{own.password}";')
    yield _Line(None, "sasl.username", own.user)
    yield _Line(None, "sasl.password", own.password)
    if own.tls_ca:
        yield _Line("ssl.truststore.type", None, "PEM")
        yield _Line("ssl.truststore.location", "ssl.ca.location", str(own.tls_ca))
    # Nothing that has an answer from the bus is lost or doubled there.
    yield _Line("acks", "acks", "all")
    yield _Line("enable.idempotence", "enable.idempotence", "true")


def _copy_schemas(directory: Path) -> None:
    directory.mkdir(parents=True)
    for schema in resources.files("schemas").joinpath(LATEST).iterdir():
        if schema.name.endswith(".avsc"):
            (directory / schema.name).write_text(schema.read_text("utf-8"), "utf-8")


def _guide(actor: Actor, held: Mapping[Realm, Credentials]) -> str:
    exercise = next((realm for realm in held if realm.is_exercise), None)
    real = next((realm for realm in held if not realm.is_exercise), None)
    first = exercise or real
    kinds = "\n".join(f"| {kind} | `{first.input(kind, actor.slug)}` |" for kind in kinds_of(actor)) if first else ""
    return f"""# {actor.name} on the coordination bus

This directory holds passwords. Keep it where only those who need it can read it.

1. **Install**, in an environment of its own (Python 3.11 or newer):
   `python -m venv bus && bus/bin/pip install ntsg-bus`
2. **See whether you get through**: `NTSG_CONFIG={first}.toml bus/bin/ntsg doctor --round-trip`. Each line says what is
   well, and what to do where it is not.
3. **Report something in the exercise**: write one incident as `try.ndjson`, `"status": "EXERCISE"`
   (`ntsg check try.ndjson` says what is wrong with it), then
   `NTSG_CONFIG={first}.toml bus/bin/ntsg publish try.ndjson`. The receipt says where it is stored.
4. **Let your systems do it**: `ntsg publish --outbox`, `DurablePublisher` in Python, or any Kafka client with
   `{first}.java.properties` or `{first}.kcat.conf` (run it in this directory) and the schemas in `schemas/`. Values
   are Avro single-object encoded, keys are `{actor.slug}/<id>`.
5. **Then in earnest**: the same with `{real or first}.toml` and `"status": "ACTUAL"`; and `ntsg heartbeat`, so that
   your silence means something.

You publish to:

| kind | topic |
|---|---|
{kinds}
"""
