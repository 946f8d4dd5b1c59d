"""What is fuzzed: each target takes any bytes, and comes back. What must not happen, it raises.

Bad input may bring an error of `bus.errors` that belongs there, and nothing else; what is taken survives the way back.
Where a target can be asked several things, the first byte of an input chooses.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

from bus.codec import Codec, encode
from bus.credentials import Credentials
from bus.errors import CodecError, InvalidInput, InvalidMessage, WrongSchema
from bus.messages import MESSAGES, Message
from bus.ndjson import read_line, write_line
from bus.purged import PURGED
from bus.signatures import HEADER as SIGNATURE
from bus.topics import Kind, Realm
from bus.transport.port import Outgoing
from consumers.fold import Fold
from producers.adapters import Format, Importer, Translations, cap, maintnote, read, tables, tmf642, tmf656
from producers.adapters.columns import KINDS
from producers.gateway import Gateway, KeyRing, Limits
from producers.gateway.form.sessions import Sessions
from producers.gateway.server import application
from producers.outbox.carrying import read_in
from producers.outbox.entry import frame_of
from producers.outbox.ledger import Owner
from tests.gateway.conftest import memory
from tests.group import ACTORS, Log, entries

Target = Callable[[bytes], None]

ROOT = Path(__file__).parent
GOLDEN = ROOT.parent / "adapters" / "golden"
SAMPLES = ROOT.parents[1] / "schemas" / "1.0" / "samples"
ADAPTERS = (maintnote, cap, tmf656, tmf642, tables)
"""Imported when they are needed; here at once, so that the fuzzer sees into them."""
REALM = Realm("ntsg")
TOPIC = REALM.input(Kind.INCIDENT, "nordtel")
HEADERS = ("ce_time", SIGNATURE, PURGED)
"""Those that a hub reads."""
MODELS = list(MESSAGES.values())
FORMATS = list(Format)
CODEC = Codec()
IMPORTER = Importer(actor="nordtel", areas=("07",), translations=Translations.read(GOLDEN / "translations.toml"))
LARGEST = 500_000
"""Bytes that an answer, or a message made of an input of a few kilobytes, may have."""


def codec(data: bytes) -> None:
    """A record of some kind, as it may stand on the bus."""
    model = MODELS[_choice(data, len(MODELS))]
    with suppress(CodecError, InvalidMessage):
        message, _ = CODEC.decode(data[1:], model)
        assert_same(message)
        assert CODEC.decode(encode(message), model)[0] == message


def record(data: bytes) -> None:
    """A record as an actor may leave it on a topic of its own: any key, value and headers. Every hub reads on."""
    name, _, rest = data[1:].partition(b"\n")
    key, _, value = rest.partition(b"\n")
    chosen = _choice(data, 2 * len(HEADERS))
    header = HEADERS[chosen % len(HEADERS)], name
    written = Outgoing(TOPIC, key, value if chosen < len(HEADERS) else None, (header,))
    log = Log(REALM).add(*entries(REALM, ACTORS)).add(written)
    fold = Fold(REALM, CODEC)
    entered = fold.apply(log.records)
    assert len(entered) + len(fold.quarantine) == 1, "neither in the picture nor held"


def schema(data: bytes) -> None:
    """A writer's schema, as it may stand on the schemas topic; then a record that says it was written with it."""
    text, _, value = data.decode("utf-8", "replace").partition("\n---\n")
    reader = copy(CODEC)
    reader._known = dict(CODEC._known)  # making one takes longer than asking it
    with suppress(WrongSchema):
        fingerprint = bytes.fromhex(reader.learn(text))
        for model in MODELS:
            with suppress(CodecError, InvalidMessage):
                reader.decode(b"\xc3\x01" + fingerprint + value.encode(), model)


def line(data: bytes) -> None:
    """A line of NDJSON."""
    with suppress(InvalidMessage):
        found = read_line(data.decode("utf-8", "surrogateescape"))
        assert_same(found.message)


def adapters(data: bytes) -> None:
    """A file of one of the formats."""
    chosen = _choice(data, len(FORMATS) + len(KINDS))
    kind = KINDS[chosen - len(FORMATS)] if chosen >= len(FORMATS) else None
    format = FORMATS[chosen] if kind is None else Format.CSV
    reading = read(data[1:], "x", IMPORTER, format=format, kind=kind)
    assert all(str(fault).strip() for fault in reading.faults)
    for found in reading.found:
        assert found.message.actor == "nordtel"
        assert_same(found.message)


def assert_same(message: Message) -> None:
    """Written and read again, it is what it was."""
    written = write_line(message)
    assert len(written) < LARGEST
    try:
        again = read_line(written).message
    except InvalidMessage as error:
        raise AssertionError(f"what was written cannot be read: {written}") from error
    assert again == message


def carried(data: bytes) -> None:
    """A file of `ntsg outbox export`: lines as they are or, so that more than the checksum is tried, a frame of any
    content.
    """
    if _choice(data, 2):
        frame = {"ref": "incident/nordtel/I-1", "revision": 1, "frame": b64encode(frame_of(data[1:])).decode()}
        head = {"format": "ntsg-outbox-1", "realm": "ntsg", "actor": "nordtel"}
        content = "".join(f"{json.dumps(each)}\n" for each in (head, frame)).encode()
    else:
        content = data[1:]
    with suppress(InvalidInput):
        found = read_in(content.splitlines(keepends=True))
        assert all(Owner.of(parcel.record.topic) == found.owner for parcel in found.parcels)


def gateway(data: bytes) -> None:
    """A request to the gateway or its form, from somebody with a key."""
    asked = _asked(REQUESTS[_choice(data, len(REQUESTS))], data[1:])
    status, headers, body = _gateway().ask(**asked)
    assert status < 500 or status == 507, (status, body)
    assert len(body) < LARGEST
    if status >= 400 and asked["path"].startswith("/v1/"):
        assert headers["content-type"] == "application/problem+json"
        problem = json.loads(body)
        assert problem["status"] == status
        assert problem["detail"] or problem["title"]


TARGETS: Mapping[str, Target] = {
    target.__name__: target for target in (codec, record, schema, line, adapters, carried, gateway)
}


def seeds(name: str) -> Sequence[bytes]:
    """Good inputs of a target, to begin with."""
    match name:
        case "codec":
            return [bytes([n]) + (SAMPLES / f"{kind}.avro").read_bytes() for n, kind in enumerate(MESSAGES)]
        case "schema":
            return [path.read_bytes() + b"\n---\n" for path in sorted(SAMPLES.parent.glob("[!v]*.avsc"))]
        case "record":
            value = (SAMPLES / "incident.avro").read_bytes()
            told = b'{"at":"2026-01-10T06:00:00Z","function":"samordning","reason":"namn","proof":"scrypt;YQ==;Yg=="}'
            names = (b"2026-01-10T06:00:00Z", b"ed25519;" + b64encode(bytes(64)), told)
            return [bytes([n]) + names[n % 3] + b"\nnordtel/I-17\n" + value for n in range(6)]
        case "line":
            return [line for path in sorted(GOLDEN.glob("*.ndjson")) for line in path.read_bytes().splitlines()]
        case "adapters":
            paths = [path for path in sorted(GOLDEN.iterdir()) if path.suffix not in (".ndjson", ".toml")]
            return [bytes([_format_of(path)]) + path.read_bytes() for path in paths]
        case "gateway":
            messages = seeds("line")
            form = b"state=CONFIRMED&title=Avbrott&impact=OUTAGE&areas=Stockholm&observed_at=2026-01-10T06:00"
            plain = [bytes([0]) + message for message in messages] + [bytes([1]) + b"\n".join(messages)]
            named = [bytes([2]) + b"k-1\n" + messages[0], bytes([4]) + b"Bearer x", bytes([5]) + b"ntsg_x"]
            paths = [b"messages?kind=incident&after=a&limit=2", b"receipts/1", b"messages/incident/I-1"]
            return [*plain, *named, *(bytes([3]) + path for path in paths), *(bytes([n]) + form for n in range(6, 10))]
        case _:
            return [b"\x00" + b'{"format":"ntsg-outbox-1","realm":"ntsg","actor":"nordtel"}\n{}\n', b"\x01" + bytes(40)]


def kept(name: str) -> Mapping[str, bytes]:
    """Inputs that once got through, and those that reach what others do not; all tests try each of them."""
    far, place = ROOT / "corpus" / f"{name}.txt", ROOT / "corpus" / name
    lines = far.read_text().splitlines() if far.exists() else []
    found = {f"{name}:{number}": b64decode(text) for number, text in enumerate(lines, start=1)}
    return found | {f"{name}/{path.name}": path.read_bytes() for path in sorted(place.glob("*"))}


def inputs(name: str) -> Sequence[bytes]:
    """All that is known of a target, to begin with."""
    return [*seeds(name), *kept(name).values()]


REQUESTS = ("json", "ndjson", "named", "path", "key", "enter", *(f"form {kind}" for kind in KINDS))


def _asked(what: str, data: bytes) -> dict[str, Any]:
    """The parts of a request, as a server hands it on."""
    authorized = {"authorization": _gateway().authorization}
    typed = {"content-type": "application/json"}
    match what.split():
        case ["json"]:
            return {"path": "/v1/messages", "body": data, "headers": authorized | typed}
        case ["ndjson"]:
            headers = authorized | {"content-type": "application/x-ndjson"}
            return {"path": "/v1/messages", "body": data, "headers": headers}
        case ["named"]:
            name, _, body = data.partition(b"\n")
            headers = authorized | typed | {"idempotency-key": name.decode("latin-1")}
            return {"path": "/v1/messages", "body": body, "headers": headers}
        case ["path"]:
            path, _, query = data.partition(b"?")
            return {"method": "GET", "path": f"/v1/{_path(path)}", "query": _printable(query), "headers": authorized}
        case ["key"]:
            return {"method": "GET", "path": "/v1/messages", "headers": {"authorization": data.decode("latin-1")}}
        case ["enter"]:
            origin, _, body = data.partition(b"\n")
            return _form("/enter", body, {"origin": origin.decode("latin-1")})
        case [_, kind]:
            extra = f"&csrf={_gateway().csrf}&draft=d1&based_on=0".encode()
            return _form(f"/send/{kind}", data + extra, {"cookie": f"ntsg={_gateway().cookie}"})
    raise AssertionError(what)


def _form(path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    return {"path": path, "body": body, "headers": headers | {"content-type": "application/x-www-form-urlencoded"}}


class _Running:
    """A gateway in this process, on a bus in memory."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._directory = TemporaryDirectory(prefix="ntsg-fuzz-")
        self._stack = AsyncExitStack()
        place, bus = Path(self._directory.name), memory()
        Credentials("127.0.0.1:1", "ntsg.nordtel", "secret", "ntsg").write(place / "credentials" / "nordtel.toml")
        limits = Limits(rate=1e9, burst=1_000_000_000, failures_per_minute=1e9, outbox_bytes=50_000_000)
        opening = Gateway.open(place / "gateway", place / "credentials", transport=lambda _: bus, limits=limits)
        self.gateway = self._loop.run_until_complete(self._stack.enter_async_context(opening))
        self._app = application(self.gateway, tls=False)
        now = datetime.now(UTC)
        key, written = KeyRing(self.gateway.database.connection).add("nordtel", now)
        self.authorization = f"Bearer {written}"
        sessions = Sessions(self.gateway.database.connection, self.gateway.keys)
        self.cookie = sessions.begin(key.id, now + timedelta(days=1_000))
        session = sessions.find(self.cookie, now)
        assert session is not None
        self.csrf = session.csrf

    def close(self) -> None:
        self._loop.run_until_complete(self._stack.aclose())
        self._loop.close()
        self._directory.cleanup()

    def ask(
        self, *, path: str, headers: Mapping[str, str], method: str = "POST", body: bytes = b"", query: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """The answer: status, headers and body. Raises what the application does."""
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(event: dict[str, Any]) -> None:
            told.append(event)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": query,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in (headers | _HOST).items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        self._loop.run_until_complete(asyncio.wait_for(self._app(scope, receive, send), 30))  # type: ignore[arg-type]
        start, *rest = told
        answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return start["status"], answered, b"".join(event.get("body", b"") for event in rest)


_HOST = {"host": "127.0.0.1"}


@cache
def _gateway() -> _Running:
    return _Running()


def close() -> None:
    """End what the targets keep running."""
    if _gateway.cache_info().currsize:
        _gateway().close()
        _gateway.cache_clear()


def _choice(data: bytes, of: int) -> int:
    return data[0] % of if data else 0


def _path(data: bytes) -> str:
    """As a server hands on a path: what is printable of it, unquoted."""
    return unquote(_printable(data).decode())


def _printable(data: bytes) -> bytes:
    return bytes(byte for byte in data if 0x20 < byte < 0x7F)


def _format_of(path: Path) -> int:
    names = {".eml": Format.NOTICE, ".ics": Format.NOTICE, ".xml": Format.CAP, ".csv": Format.CSV}
    if path.suffix in names:
        return FORMATS.index(names[path.suffix])
    return FORMATS.index(Format.TMF642 if "tmf642" in path.name else Format.TMF656)
