"""From this machine to a bus that lets the user in: settings, names, ports, TLS, certificate, login, the brokers' own
addresses. Each question needs the ones before it; the first that is ILL is the last that is asked.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bus.errors import AuthenticationFailed, BusError
from bus.settings import CONFIG_VARIABLE, Settings
from bus.transport.connection import Connection
from producers.doctor.answers import Answer, Verdict, ill, told, well

KNOCK_SECONDS = 5.0
EXPIRY_TOLD = timedelta(days=30)

Address = tuple[str, int]

NOT_YET_VALID, EXPIRED, OTHER_HOST, OTHER_ADDRESS = 9, 10, 62, 64
STRANGERS = {7, 18, 19, 20, 21, 30}
"""Why a certificate is not taken: X509_V_ERR_.. of OpenSSL. Of the last, none was issued by who is trusted."""


async def reach(settings: Settings) -> AsyncIterator[Answer]:
    """The answers, as they come. Raises InvalidSettings for settings that cannot be used at all."""
    connection = Connection.of(settings)
    if settings.user is None and settings.tls_certificate is None:
        yield ill(
            "settings",
            "nobody is named: these are no settings of yours",
            f"name your credentials file: --config ntsg-exercise.toml, or in {CONFIG_VARIABLE}",
        )
        return
    yield well("settings", f"user {settings.user}, realm {settings.realm}, bus {settings.bootstrap}")
    given = _addresses(settings.bootstrap)
    for address in given:
        if fault := await _not_found(address):
            yield ill("names", fault, "is bootstrap as it was given to you? Else ask whoever runs your name service")
            return
    yield well("names", "the bus's names are found")

    faults = {address: fault for address in given if (fault := await _closed(address))}
    answering = [address for address in given if address not in faults]
    if not answering:
        yield ill(
            "ports",
            "; ".join(faults.values()),
            "is bootstrap as it was given to you? Else have the firewall opened, from here to there",
        )
        return
    if faults:
        yield told("ports", f"{len(answering)} answer, but: {'; '.join(faults.values())}", "ask, if it stays")
    else:
        yield well("ports", f"{len(answering)} of the bus's addresses answer")

    if settings.tls_ca is not None:
        answer = await _encryption(settings, answering[0], connection.security["ssl_context"])
        yield answer
        if answer.verdict is Verdict.ILL:
            return
    if settings.tls_certificate is not None:
        answer = _own_certificate(settings, settings.tls_certificate)
        yield answer
        if answer.verdict is Verdict.ILL:
            return
    try:
        await connection.diagnose()
    except BusError as error:
        yield await _locked_out(settings, answering[0], error)
        return
    yield well("login", "the bus knows this user")

    sent_to = await connection.brokers()
    for address in sent_to:
        if fault := await _not_found(address) or await _closed(address):
            yield ill(
                "brokers",
                f"the bus sends its clients on to {_text(address)}, and {fault}",
                "open the firewall for that address, too; if it can be none of the bus's, tell your administrator "
                "that the brokers name a wrong one (advertised.listeners)",
            )
            return
    yield well("brokers", f"{len(sent_to)} of the bus's own addresses answer")


def _addresses(bootstrap: str) -> list[Address]:
    named = (address.strip().rpartition(":") for address in bootstrap.split(","))
    return [(host.strip("[]"), int(port)) for host, _, port in named]


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _not_found(address: Address) -> str:
    try:
        await asyncio.get_running_loop().getaddrinfo(*address, type=socket.SOCK_STREAM)
    except OSError as error:
        return f"{address[0]} is not found ({error.strerror})"
    return ""


async def _closed(address: Address) -> str:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*address), KNOCK_SECONDS)
    except ConnectionRefusedError:
        return f"nobody listens at {_text(address)}"
    except TimeoutError:
        return f"nothing comes back from {_text(address)} within {KNOCK_SECONDS:.0f} s"
    except OSError as error:
        return f"{_text(address)} is not reached ({error.strerror or error})"
    writer.close()
    return ""


async def _encryption(settings: Settings, address: Address, context: ssl.SSLContext) -> Answer:
    try:
        certificate = await _certificate(address, context)
    except ssl.SSLCertVerificationError as error:
        return await _not_believed(settings, address, error)
    except (OSError, TimeoutError) as error:
        return ill(
            "TLS",
            f"{_text(address)} speaks no TLS ({getattr(error, 'reason', None) or str(error) or 'no answer'})",
            "is this the port that you were given? tls_ca belongs to one that speaks TLS",
        )
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    if until - datetime.now(UTC) < EXPIRY_TOLD:
        return told("TLS", f"the bus's certificate ends {until:%Y-%m-%d}", "tell your administrator")
    return well("TLS", f"the bus is who it says it is, until {until:%Y-%m-%d}")


async def _certificate(address: Address, context: ssl.SSLContext) -> dict[str, Any]:
    """What the bus shows there."""
    _, writer = await asyncio.wait_for(
        asyncio.open_connection(*address, ssl=context, server_hostname=address[0]), KNOCK_SECONDS
    )
    found: dict[str, Any] = writer.get_extra_info("peercert") or {}
    writer.close()
    return found


async def _not_believed(settings: Settings, address: Address, error: ssl.SSLCertVerificationError) -> Answer:
    there = _text(address)
    if error.verify_code == EXPIRED:
        return ill(
            "TLS",
            f"the certificate of {there} has expired, if it is {_now()} now, as this machine has it",
            "if it is, tell your administrator to renew it; else set the clock (NTP)",
        )
    if error.verify_code == NOT_YET_VALID:
        return ill(
            "TLS",
            f"the certificate of {there} is not valid yet, if it is {_now()} now, as this machine has it",
            "set the clock (NTP)",
        )
    if error.verify_code in (OTHER_HOST, OTHER_ADDRESS):
        return ill(
            "TLS",
            f"the certificate of {there} is for {await _names_there(settings, address) or 'other names'}",
            f"name the bus so in bootstrap; if {address[0]} is what you were given, tell your administrator",
        )
    if error.verify_code in STRANGERS:
        return ill(
            "TLS",
            f"the certificate of {there} is by nobody whom {settings.tls_ca} vouches for",
            "take the ca.pem that came with your credentials; if it is that one, ask your administrator, and trust no "
            "other: somebody may stand in between",
        )
    return ill("TLS", f"the certificate of {there} is not taken: {error.verify_message}", "tell your administrator")


async def _names_there(settings: Settings, address: Address) -> str:
    context = Connection.of(settings).security["ssl_context"]
    context.check_hostname = False  # the chain is still verified
    try:
        named = (await _certificate(address, context)).get("subjectAltName", ())
    except (OSError, TimeoutError):
        return ""
    return ", ".join(dict.fromkeys(name for _, name in named))


def _own_certificate(settings: Settings, file: Path) -> Answer:
    try:
        from bus.certificates import bearer
    except ModuleNotFoundError as error:
        return told("certificate", f"not looked at: that needs {error.name}", "pip install 'ntsg-bus[signing]'")
    name, since, until = bearer(file)
    now = datetime.now(UTC)
    if not since <= now < until:
        return ill(
            "certificate",
            f"yours holds from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC, and it is {_now()} now",
            "ask your administrator for a new one, and put it in the place of this; or set the clock (NTP)",
        )
    if settings.user not in (None, name):
        return ill(
            "certificate",
            f"yours is {name}'s, and the settings say {settings.user}",
            "the bus goes by the certificate: take the one that belongs to these settings",
        )
    if until - now < EXPIRY_TOLD:
        return told("certificate", f"yours ends {until:%Y-%m-%d}", "ask your administrator for the next one in time")
    return well("certificate", f"yours is {name}'s, until {until:%Y-%m-%d}")


async def _locked_out(settings: Settings, address: Address, error: BusError) -> Answer:
    if settings.tls_ca is None and await _speaks_tls(address):
        return ill(
            "login",
            f"{_text(address)} speaks TLS, and the settings name no tls_ca",
            "name the ca.pem that came with your credentials as tls_ca, or use the credentials file as it is",
        )
    if settings.tls_certificate is not None:
        return ill(
            "login",
            f"the bus does not take this certificate at {_text(address)}",
            "is this the address that takes certificates? Else ask your administrator for a new one",
        )
    if isinstance(error, AuthenticationFailed):
        return ill(
            "login",
            f"the bus does not let {settings.user} in with this password ({settings.sasl_mechanism})",
            "take the credentials file that you were sent last, for this bus and realm; if it is that one, ask your "
            "administrator for `ntsg rotate`",
        )
    return ill(
        "login",
        f"{_text(address)} hangs up, or does not answer, when {settings.user} logs in",
        "is this the address that takes passwords? Else ask your administrator whether the bus is well",
    )


async def _speaks_tls(address: Address) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is said there
    try:
        await _certificate(address, context)
    except (OSError, TimeoutError):
        return False
    return True
