"""What the doctor finds before anybody is let in: each fault is real, and each answer says what to do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bus.broker.cluster import free_port
from bus.certificates import Authority
from bus.errors import InvalidSettings
from bus.settings import CONFIG_VARIABLE, Settings, load_settings
from producers.doctor import Answer, Verdict, examine

HERE = ("127.0.0.1",)


async def found(settings: Settings) -> Answer:
    """The answer with which the doctor ends. It has to be the only one that is ILL, and to name a remedy."""
    answers = [answer async for answer in examine(settings)]
    assert [answer.verdict is Verdict.ILL for answer in answers] == [False] * (len(answers) - 1) + [True]
    assert answers[-1].remedy
    return answers[-1]


def settings_at(port: int, **fields: Any) -> Settings:
    return Settings(bootstrap=f"127.0.0.1:{port}", user="ntsg.nordtel", password=SecretStr("secret"), **fields)


@asynccontextmanager
async def listening(certificate: Path | None = None) -> AsyncIterator[int]:
    """Somebody who hangs up on whatever is said; with TLS, if there is a certificate. The port."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.of(tmp_path / "authority")


async def test_nobody_is_named() -> None:
    answer = await found(Settings(user=None, tls_certificate=None))
    assert answer.asked == "settings"
    assert CONFIG_VARIABLE in answer.remedy


async def test_a_name_that_is_not_found() -> None:
    answer = await found(settings_at(1).model_copy(update={"bootstrap": "no-such-host.invalid:9092"}))
    assert (answer.asked, "no-such-host.invalid" in answer.text) == ("names", True)


async def test_a_port_where_nobody_listens() -> None:
    answer = await found(settings_at(free_port([])))
    assert (answer.asked, "firewall" in answer.remedy) == ("ports", True)


async def test_one_of_two_is_down_and_the_other_is_asked(authority: Authority, tmp_path: Path) -> None:
    authority.vouch("node", tmp_path / "node.pem", HERE)
    async with listening(tmp_path / "node.pem") as port:
        settings = settings_at(port, tls_ca=authority.certificate_file)
        both = settings.model_copy(update={"bootstrap": f"127.0.0.1:{free_port([port])},{settings.bootstrap}"})
        answers = [answer async for answer in examine(both)]
    assert [(a.asked, a.verdict) for a in answers[2:4]] == [("ports", Verdict.TOLD), ("TLS", Verdict.WELL)]


async def test_a_certificate_that_has_expired(authority: Authority, tmp_path: Path) -> None:
    authority.vouch("node", tmp_path / "node.pem", HERE, life=timedelta(minutes=-1))
    async with listening(tmp_path / "node.pem") as port:
        answer = await found(settings_at(port, tls_ca=authority.certificate_file))
    assert (answer.asked, "has expired" in answer.text, "renew" in answer.remedy) == ("TLS", True, True)


async def test_a_certificate_that_is_not_valid_yet(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=1)

    monkeypatch.setattr("bus.certificates.datetime", Tomorrow)
    authority.vouch("node", tmp_path / "node.pem", HERE)
    async with listening(tmp_path / "node.pem") as port:
        answer = await found(settings_at(port, tls_ca=authority.certificate_file))
    assert (answer.asked, "not valid yet" in answer.text, "clock" in answer.remedy) == ("TLS", True, True)


async def test_a_certificate_for_another_name(authority: Authority, tmp_path: Path) -> None:
    authority.vouch("node", tmp_path / "node.pem", ("bus.example.net",))
    async with listening(tmp_path / "node.pem") as port:
        answer = await found(settings_at(port, tls_ca=authority.certificate_file))
    assert (answer.asked, "is for bus.example.net" in answer.text) == ("TLS", True)


async def test_a_certificate_by_a_stranger(authority: Authority, tmp_path: Path) -> None:
    Authority.of(tmp_path / "stranger").vouch("node", tmp_path / "node.pem", HERE)
    async with listening(tmp_path / "node.pem") as port:
        answer = await found(settings_at(port, tls_ca=authority.certificate_file))
    assert (answer.asked, "ca.pem" in answer.remedy, "somebody may stand" in answer.remedy) == ("TLS", True, True)


async def test_a_port_that_speaks_no_tls(authority: Authority) -> None:
    async with listening() as port:
        answer = await found(settings_at(port, tls_ca=authority.certificate_file))
    assert (answer.asked, "speaks no TLS" in answer.text) == ("TLS", True)


async def test_a_port_that_speaks_tls_and_no_authority_is_named(authority: Authority, tmp_path: Path) -> None:
    authority.vouch("node", tmp_path / "node.pem", HERE)
    async with listening(tmp_path / "node.pem") as port:
        answer = await found(settings_at(port, tls_ca=None))
    assert (answer.asked, "speaks TLS" in answer.text, "tls_ca" in answer.remedy) == ("login", True, True)


async def test_who_listens_is_no_broker() -> None:
    async with listening() as port:
        answer = await found(settings_at(port, tls_ca=None))
    assert (answer.asked, "hangs up" in answer.text) == ("login", True)


@pytest.mark.parametrize(
    ("name", "life", "told"),
    [
        ("ntsg.nordtel", timedelta(minutes=-1), "yours holds from"),
        ("ntsg.sveamobil", timedelta(days=90), "yours is ntsg.sveamobil's"),
    ],
)
async def test_an_own_certificate_that_opens_nothing(
    authority: Authority, tmp_path: Path, name: str, life: timedelta, told: str
) -> None:
    authority.vouch("node", tmp_path / "node.pem", HERE)
    authority.vouch(name, tmp_path / "own.pem", life=life)
    async with listening(tmp_path / "node.pem") as port:
        settings = settings_at(port, tls_ca=authority.certificate_file, tls_certificate=tmp_path / "own.pem")
        answer = await found(settings)
    assert (answer.asked, told in answer.text) == ("certificate", True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('password = "cut sho', "not TOML"),
        ('bootstrap = "bus.example"', "host:port"),
        ('sasl_mechanism = "PLAIN"', "sasl_mechanism"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    (tmp_path / "own.toml").write_text(text)
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "own.toml"))
    with pytest.raises(InvalidSettings, match=told) as refused:
        load_settings()
    assert "cut sho" not in str(refused.value)
