"""The local broker with TLS: passwords over an encrypted connection, and certificates in place of them."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bus import broker as local_broker
from bus.broker import Running
from bus.certificates import Authority
from bus.errors import BrokerError, BusError, BusUnavailable, InvalidInput, InvalidSettings, NotAllowed
from bus.settings import Settings
from bus.topics import Realm
from bus.transport.connection import Connection
from consumers.reading import fold_log
from producers.publisher import Publisher
from tests.conftest import HEAP_MB, ProvisionedGroup, provision_group, quiet
from tests.group import incident
from tests.speaking import Speaking, speaking, told


@dataclass(frozen=True)
class Place:
    running: Running
    group: ProvisionedGroup


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls-broker")


@pytest.fixture(scope="module")
def running(directory: Path) -> Iterator[Running]:
    try:
        yield local_broker.start(directory, port=0, heap_mb=HEAP_MB, quick=True, tls=True, report=quiet)
    finally:
        local_broker.stop(directory, report=quiet)


@pytest.fixture
async def group(running: Running, realm: Realm, tmp_path: Path) -> ProvisionedGroup:
    return await provision_group(running, realm, tmp_path / "credentials")


def with_certificate(group: ProvisionedGroup, running: Running, file: Path) -> Settings:
    """The settings of nordtel, who logs in with this certificate and knows no password."""
    told = group.settings("nordtel")
    return Settings(
        bootstrap=running.mutual, realm=told.realm, user=told.user, tls_ca=told.tls_ca, tls_certificate=file
    )


async def test_passwords_go_over_tls_and_certificates_in_place_of_them(
    running: Running, group: ProvisionedGroup, tmp_path: Path
) -> None:
    async with Publisher(group.settings("nordtel")) as publisher:
        assert (await publisher.publish(incident())).offset == 0

    local_broker.vouch(running.directory, f"{group.realm}.nordtel", tmp_path / "nordtel.pem")
    assert stat.S_IMODE((tmp_path / "nordtel.pem").stat().st_mode) == 0o600
    own = with_certificate(group, running, tmp_path / "nordtel.pem")
    async with Publisher(own) as publisher:
        assert (await publisher.publish(incident(revision=2))).offset == 1
    foreign = own.model_copy(update={"user": f"{group.realm}.sveamobil"})
    async with Publisher(foreign) as publisher:  # says that it is another; the certificate says who it is
        with pytest.raises(NotAllowed):
            await publisher.publish(incident("sveamobil"))


async def test_nobody_comes_in_without_tls_or_by_another_authority(
    running: Running, group: ProvisionedGroup, tmp_path: Path
) -> None:
    told = group.settings("nordtel")
    with pytest.raises(BusError):
        await Connection.of(told.model_copy(update={"tls_ca": None})).diagnose()

    stranger = Authority.of(tmp_path / "stranger")
    with pytest.raises(BusUnavailable, match="tls_ca"):
        await Connection.of(told.model_copy(update={"tls_ca": stranger.certificate_file})).diagnose()

    stranger.vouch(f"{group.realm}.nordtel", tmp_path / "forged.pem")
    with pytest.raises(BusError):
        await Connection.of(with_certificate(group, running, tmp_path / "forged.pem")).diagnose()


async def test_a_certificate_of_another_host_is_refused(running: Running) -> None:
    """The node's certificate names 127.0.0.1 and localhost; 127.0.0.2 reaches it too, and is neither."""
    elsewhere = running.settings().model_copy(update={"bootstrap": running.bootstrap.replace("127.0.0.1", "127.0.0.2")})
    with pytest.raises(BusUnavailable):
        await Connection.of(elsewhere).diagnose()
    assert Connection.of(elsewhere).security["ssl_context"].check_hostname


def test_tls_is_for_life(directory: Path, running: Running) -> None:
    with pytest.raises(BrokerError, match="made with TLS"):
        local_broker.start(directory, tls=False, report=quiet)


def test_only_a_broker_with_tls_vouches_and_no_key_is_written_over(running: Running, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="--tls"):
        local_broker.vouch(tmp_path, "ntsg.nordtel", tmp_path / "nordtel.pem")
    (tmp_path / "there.pem").touch()
    with pytest.raises(InvalidInput, match="never written over"):
        local_broker.vouch(running.directory, "ntsg.nordtel", tmp_path / "there.pem")


@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_a_certificate_that_cannot_be_read_is_told(running: Running, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "own.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettings, match="tls_certificate"):
        Connection.of(running.settings().model_copy(update={"tls_certificate": file}))
    with pytest.raises(InvalidSettings, match="tls_ca"):
        Connection.of(Settings(tls_certificate=file))


def test_an_authority_that_lost_a_file_is_told(tmp_path: Path) -> None:
    Authority.of(tmp_path)
    assert stat.S_IMODE((tmp_path / "ca-key.pem").stat().st_mode) == 0o600
    ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    (tmp_path / "ca-key.pem").unlink()
    with pytest.raises(InvalidSettings, match="restore"):
        Authority.of(tmp_path)


async def test_a_new_certificate_while_reports_go_out(
    running: Running, group: ProvisionedGroup, realm: Realm, tmp_path: Path
) -> None:
    own, following, user = tmp_path / "own.pem", tmp_path / "following.pem", f"{realm}.nordtel"
    for file in (own, following):
        local_broker.vouch(running.directory, user, file)
    async with (
        Publisher(with_certificate(group, running, own)) as publisher,
        speaking(Speaking("I-1", publisher)) as go_on,
    ):
        with told("credentials_renewed") as often_enough:
            following.replace(own)
            await often_enough(1)
        await go_on("reports go out with the new certificate")
    assert len((await fold_log(group.settings("hub"))).quarantine.held) == 0


async def test_a_certificate_whose_time_is_over_opens_nothing(
    running: Running, group: ProvisionedGroup, realm: Realm, tmp_path: Path
) -> None:
    authority = Authority.of(running.directory / "tls")
    for name, life in (("ended.pem", timedelta(minutes=-1)), ("valid.pem", timedelta(days=1))):
        authority.vouch(f"{realm}.nordtel", tmp_path / name, life=life)
    await Connection.of(with_certificate(group, running, tmp_path / "valid.pem")).diagnose()
    with pytest.raises(BusError):
        await Connection.of(with_certificate(group, running, tmp_path / "ended.pem")).diagnose()
