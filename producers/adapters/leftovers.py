"""What a reader of notices leaves behind: properties of a calendar and texts of an e-mail that have no field here."""

from __future__ import annotations

import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from html.parser import HTMLParser

__all__ = ["of_calendar", "of_email"]

READ = frozenset({"BEGIN", "END", "SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "UID", "SEQUENCE", "ORGANIZER"})
"""Properties of an event that are read; so are those that begin with X-MAINTNOTE, but for the few that nobody reads."""

MAINTNOTE = frozenset({"PROVIDER", "ACCOUNT", "MAINTENANCE-ID", "OBJECT-ID", "IMPACT", "STATUS"})

_FOLD = re.compile(rb"\r?\n[ \t]")
_ESCAPED = re.compile(r"\\([\\;,nN])")
_BLANK = re.compile(r"\s*\n\s*")


def of_calendar(content: bytes) -> list[dict[str, object]]:
    """For each event, in order, the properties that the reader does not know."""
    events: list[dict[str, object]] = []
    for raw in _FOLD.sub(b"", content).splitlines():
        head, _, value = raw.decode("utf-8", "replace").partition(":")
        name = head.partition(";")[0].strip().upper()
        if name == "BEGIN" and value.strip().upper() == "VEVENT":
            events.append({})
        elif events and name and name not in READ and name.removeprefix("X-MAINTNOTE-") not in MAINTNOTE:
            text = _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value).strip()
            events[-1][name] = f"{events[-1][name]}; {text}" if name in events[-1] else text
    return events or [{}]


def of_email(message: Message) -> dict[str, object]:
    """The subject and the text of an e-mail; of its HTML, the words, where it has no plain text."""
    plain = [_text(part) for part in message.walk() if part.get_content_type() == "text/plain"]
    html = [_words(_text(part)) for part in message.walk() if part.get_content_type() == "text/html"]
    body = "\n".join(plain) if any(text.strip() for text in plain) else "\n".join(html)
    return {
        "subject": _subject(str(message["Subject"])),
        "text": _BLANK.sub(" / ", body.strip()),
    }


def _subject(written: str) -> str:
    try:
        return str(make_header(decode_header(written)))
    except (MessageError, LookupError, ValueError):  # as it was written, then
        return written


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):  # a charset that nobody knows
        return payload.decode("utf-8", "replace")


class _Words(HTMLParser):
    """The words of a page, without its styles and programs."""

    SILENT = frozenset({"style", "script", "head", "title"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's names
        self._silent += tag in self.SILENT

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in self.SILENT))

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(" ".join(data.split()))


def _words(html: str) -> str:
    parser = _Words()
    parser.feed(html)
    parser.close()
    return "\n".join(parser.words)
