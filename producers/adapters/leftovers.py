"""What a reader of notices leaves behind: properties of a calendar and texts of an e-mail that have no field here."""

from __future__ import annotations

import re
from collections import defaultdict
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from html import unescape

__all__ = ["of_calendar", "of_email"]

READ = frozenset({"BEGIN", "END", "SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "UID", "SEQUENCE", "ORGANIZER"})
"""Properties of an event that are read; so are those that begin with X-MAINTNOTE, but for the few that nobody reads."""

MAINTNOTE = frozenset({"PROVIDER", "ACCOUNT", "MAINTENANCE-ID", "OBJECT-ID", "IMPACT", "STATUS"})

SILENT = ("style", "script", "head", "title")
"""Elements of a page that hold no words."""

_FOLD = re.compile(rb"\r?\n[ \t]")
_ESCAPED = re.compile(r"\\([\\;,nN])")
_TAG = re.compile(r"<(?:([a-z]{1,20})|[a-z/!?])", re.IGNORECASE)
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in SILENT}


def of_calendar(content: bytes) -> list[dict[str, object]]:
    """For each event, in order, the properties that the reader does not know."""
    events: list[defaultdict[str, list[str]]] = []
    for raw in _FOLD.sub(b"", content).splitlines():
        head, _, value = raw.decode("utf-8", "replace").partition(":")
        name = head.partition(";")[0].strip().upper()
        if name == "BEGIN" and value.strip().upper() == "VEVENT":
            events.append(defaultdict(list))
        elif events and name and name not in READ and name.removeprefix("X-MAINTNOTE-") not in MAINTNOTE:
            text = _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value).strip()
            events[-1][name].append(text)
    return [{name: "; ".join(texts) for name, texts in event.items()} for event in events] or [{}]


def of_email(message: Message) -> dict[str, object]:
    """The subject and the text of an e-mail; of its HTML, the words, where it has no plain text."""
    plain = [_text(part) for part in message.walk() if part.get_content_type() == "text/plain"]
    html = [_words(_text(part)) for part in message.walk() if part.get_content_type() == "text/html"]
    body = "\n".join(plain) if any(text.strip() for text in plain) else "\n".join(html)
    return {
        "subject": _subject(str(message["Subject"])),
        "text": " / ".join(line for each in body.splitlines() if (line := each.strip())),
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


def _words(html: str) -> str:
    """The words of a page, without its styles and programs. Reads on whatever is wrong with it, and in a time that
    grows with its length alone: the standard library's parser takes hours over a megabyte of tags that nobody closes.
    """
    texts, at, closing = [], 0, dict(_CLOSING)
    while at < len(html):
        tag = _TAG.search(html, at)
        texts.append(html[at : tag.start() if tag else len(html)])
        if tag is None:
            break
        start, end, silent = tag.start(), html.find(">", tag.end()), (tag[1] or "").lower()
        if html.startswith("<!--", start):
            over = html.find("-->", start)
            end = over + 2 if over >= 0 else -1
        elif silent in closing:
            if closed := closing[silent].search(html, start):
                end = html.find(">", closed.end())
            else:
                del closing[silent]  # so that the rest is not searched again and again
        if end < 0:
            break
        at = end + 1
    return "\n".join(words for text in texts if (words := " ".join(unescape(text).split())))
