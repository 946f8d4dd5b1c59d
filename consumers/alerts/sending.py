"""How alerts leave: a signed POST, or mail. Each raises AlertFailed where the other side did not take it.

A webhook is signed: `NTSG-Signature: t=<seconds>,v1=<hex>`, the HMAC-SHA-256 of `<seconds>.<body>` under the shared
secret. Who receives it compares in constant time, refuses what is older than some minutes, and takes `Idempotency-Key`
for what it is: the same alert may come twice.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib
import httpx

from bus.errors import AlertFailed, InvalidSettings
from consumers.alerts.rules import Channel, EmailChannel, WebhookChannel, read_secret
from consumers.alerts.wording import Alert

__all__ = ["SIGNATURE", "send", "signature"]

SIGNATURE = "NTSG-Signature"


async def send(alert: Alert, channel: Channel, now: datetime) -> None:
    """Send it. Returns when the other side has taken it. Raises AlertFailed."""
    try:
        if isinstance(channel, WebhookChannel):
            await _post(alert, channel, now)
        else:
            await _mail(alert, channel, now)
    except (httpx.HTTPError, aiosmtplib.SMTPException, OSError, InvalidSettings) as error:
        raise AlertFailed(f"channel {channel.name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Without the address, which may carry a token."""
    match error:
        case httpx.HTTPStatusError():
            return f"answered {error.response.status_code}"
        case InvalidSettings():
            return str(error)
        case aiosmtplib.SMTPResponseException():
            return f"{type(error).__name__} {error.code}"
    return type(error).__name__


async def _post(alert: Alert, channel: WebhookChannel, now: datetime) -> None:
    body = json.dumps(alert.fields, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": _name(alert),
        SIGNATURE: signature(read_secret(channel.secret_file), body, int(now.timestamp())),
    }
    async with httpx.AsyncClient(verify=_trust(channel), timeout=channel.timeout_seconds) as client:
        (await client.post(channel.url, content=body, headers=headers)).raise_for_status()


def signature(secret: str, body: bytes, seconds: int) -> str:
    """What the header says of a body, sent at so many seconds since the epoch."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


async def _mail(alert: Alert, channel: EmailChannel, now: datetime) -> None:
    mail = EmailMessage()
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.to)
    mail["Subject"] = alert.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{_name(alert)}@{alert.fields['realm']}.ntsg.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(alert.body)
    refused, _ = await aiosmtplib.send(
        mail,
        hostname=channel.host,
        port=channel.port,
        start_tls=channel.starttls,
        username=channel.user,
        password=read_secret(channel.password_file) if channel.password_file else None,
        tls_context=_trust(channel),
        timeout=channel.timeout_seconds,
    )
    if refused:
        raise AlertFailed(f"channel {channel.name}: {len(refused)} of {len(channel.to)} addresses were refused")


def _name(alert: Alert) -> str:
    """Of one telling: what is told twice by accident has the same."""
    return f"{alert.id}.{alert.fields['occasion']}.{alert.fields['degree'] or 0}.{alert.fields['times']}"


def _trust(channel: Channel) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=channel.tls_ca)
    except OSError as error:
        raise InvalidSettings(f"tls_ca {channel.tls_ca}: {error.strerror or error}") from error
