"""Byte-rate quotas, in Kafka's own protocol: no client library for Python sets them.

Two requests of KIP-546: aiokafka describes the one, the other is described here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import DescribeClientQuotasRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from bus.errors import BusError
from bus.transport.connection import Connection, mapped

Limits = Mapping[str, float | None]
"""Bytes a second at each broker, by Kafka's name of the quota; None where it is to be lifted."""

_USER = "user"
_ANY_NAMED = 2
_TEXT = String("utf-8")
_ENTITY = Array(("entity_type", _TEXT), ("entity_name", _TEXT))


class _AlterResponse(Response):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("entries", Array(("error_code", Int16), ("error_message", _TEXT), ("entity", _ENTITY))),
    )


class _AlterStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _AlterResponse
    SCHEMA = Schema(
        (
            "entries",
            Array(("entity", _ENTITY), ("ops", Array(("key", _TEXT), ("value", Float64), ("remove", Boolean)))),
        ),
        ("validate_only", Boolean),
    )


class _AlterRequest(Request[_AlterStruct]):  # type: ignore[misc]
    API_KEY = 49

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    def build(self, request_struct_class: type[_AlterStruct]) -> _AlterStruct:
        return request_struct_class(self._entries, False)


async def read_quotas(connection: Connection) -> dict[str, dict[str, float]]:
    """The quotas set for single users, by user. Raises BusError."""
    answer = await _ask(connection, DescribeClientQuotasRequest([(_USER, _ANY_NAMED, None)], True), "reading quotas")
    _check(answer.error_code, answer.error_message, "reading quotas")
    return {entity[0][1]: dict(values) for entity, values in answer.entries or ()}


async def set_quotas(connection: Connection, limits: Iterable[tuple[str, Limits]]) -> None:
    """Set or lift quotas of users, all in one request. Raises BusError, naming the first user that was refused."""
    entries = [
        ([(_USER, user)], [(name, rate or 0.0, rate is None) for name, rate in sorted(named.items())])
        for user, named in limits
    ]
    if not entries:
        return
    answer = await _ask(connection, _AlterRequest(entries), "setting quotas")
    for code, message, entity in answer.entries:
        _check(code, message, f"setting the quota of {entity[0][1]}")


async def _ask(connection: Connection, request: Request[Any], doing: str) -> Any:
    client = AIOKafkaClient(**connection.client_options)
    try:
        with mapped(doing):
            await client.bootstrap()
            return await client.send(client.get_random_node(), request)
    finally:
        await client.close()


def _check(code: int, message: str | None, doing: str) -> None:
    if code:
        raise BusError(f"{doing}: the broker refuses: {message or f'error {code}'}")
