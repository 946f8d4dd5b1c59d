"""The gateway's API as OpenAPI 3.1. The messages' schemas are made from the models that read them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from bus.messages import MESSAGES
from bus.references import ID_PATTERN, Kind
from producers.gateway.problems import MEDIA_TYPE, TYPES
from producers.outbox import EntryState

__all__ = ["document"]

_INSTANT = {"type": "string", "format": "date-time"}
_NUMBER = {"type": "integer", "minimum": 0}

RECEIPT: Mapping[str, Any] = {
    "type": "object",
    "description": "The gateway's disk has the message. `state` says whether the bus has it, too.",
    "required": ["number", "ref", "revision", "state"],
    "additionalProperties": False,
    "properties": {
        "number": {"type": "integer", "description": "Names this receipt: /v1/receipts/{number}"},
        "ref": {"type": "string", "description": "kind/actor/id"},
        "revision": {"type": "integer"},
        "state": {"type": "string", "enum": [state.value for state in EntryState]},
        "topic": {"type": "string"},
        "accepted_at": _INSTANT,
        "partition": _NUMBER,
        "offset": _NUMBER,
        "known_at": {**_INSTANT, "description": "When the bus stored it"},
        "code": {"type": "string", "description": "Of REFUSED and DAMAGED: the kind of error"},
        "reason": {"type": "string", "description": "Of REFUSED and DAMAGED: what is wrong, and what to do"},
    },
}

EXAMPLE: Mapping[str, Any] = {
    "kind": "incident",
    "actor": "nordtel",
    "id": "I-17",
    "revision": 1,
    "status": "ACTUAL",
    "observed_at": "2026-01-10T06:00:00+01:00",
    "state": "CONFIRMED",
    "title": "Mobiltelefoni nere i Kalmar län",
    "impacts": [{"service": "MOBILE_VOICE", "impact": "OUTAGE"}],
    "areas": [{"kind": "LAN", "code": "08"}],
    "users": {"value": 12000, "basis": "ESTIMATED", "scope": "OWN_SUBSCRIPTIONS"},
    "cause": {"category": "NATURAL_PHENOMENON", "detail": "POWER_CUT", "certainty": "LIKELY"},
    "next_update_at": "2026-01-10T07:00:00+01:00",
}
"""What a first report may look like. Name your own actor, and the status of your realm."""

PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [f"urn:ntsg:problem:{name}" for name in TYPES]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "remedy"],
                "properties": {
                    "line": {"type": "integer", "description": "Of NDJSON, counted from 1"},
                    "path": {"type": "string", "description": "Of the field, such as areas.0.code; empty: the whole"},
                    "remedy": {"type": "string"},
                },
            },
        },
    },
}


@cache
def document() -> dict[str, Any]:
    """The description that `/v1/openapi.json` gives."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ntsg gateway",
            "version": "1.0",
            "description": "Publish incidents, measures and works to the coordination bus without Kafka.",
        },
        "security": [{"key": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key of one actor"}},
            "schemas": {
                **_messages(),
                "Receipt": RECEIPT,
                "Receipts": _object(receipts={"type": "array", "items": _ref("Receipt")}),
                "Said": _object(receipt={"type": "integer"}, message=_ref("Message")),
                "Page": {
                    **_object(messages={"type": "array", "items": _ref("Said")}),
                    "properties": {
                        "messages": {"type": "array", "items": _ref("Said")},
                        "next": {"type": "string", "description": "Give it as `after` for the next page"},
                    },
                },
                "Problem": PROBLEM,
            },
        },
    }


def _paths() -> dict[str, Any]:
    return {
        "/v1/messages": {
            "post": {
                "operationId": "postMessages",
                "summary": "Publish one message (JSON) or many (NDJSON): all are kept, or none",
                "parameters": [
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "description": "A name for this request; whoever repeats it gets the same answer",
                        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": _ref("Message"),
                            "examples": {"incident": {"summary": "A first report", "value": EXAMPLE}},
                        },
                        "application/x-ndjson": {
                            "schema": {"type": "string", "description": "One message a line, as JSON"}
                        },
                    },
                },
                "responses": {
                    "202": _answer("On the gateway's disk, and on its way", "Receipts") | {"links": _LINKS},
                    **_problems(400, 401, 403, 408, 409, 413, 415, 422, 429, 503, 507),
                },
            },
            "get": {
                "operationId": "ownMessages",
                "summary": "The latest revision of everything that this actor has told here",
                "parameters": [
                    _query("kind", {"type": "string", "enum": list(Kind)}, "Only of this kind"),
                    _query("after", {"type": "string"}, "`next` of the page before"),
                    _query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "At most"),
                ],
                "responses": {"200": _answer("A page", "Page"), **_problems(400, 401, 429)},
            },
        },
        "/v1/messages/{kind}/{id}": {
            "get": {
                "operationId": "ownMessage",
                "summary": "The latest revision of one entity",
                "parameters": [
                    _path("kind", {"type": "string", "enum": list(Kind)}),
                    _path("id", {"type": "string", "pattern": ID_PATTERN}),
                ],
                "responses": {"200": _answer("What was said last", "Said"), **_problems(401, 404, 429)},
            }
        },
        "/v1/receipts": {
            "get": {
                "operationId": "unsettled",
                "summary": "Receipts of what has yet to reach the bus, and of what it refused",
                "responses": {"200": _answer("In the order of acceptance", "Receipts"), **_problems(401, 429)},
            }
        },
        "/v1/receipts/{number}": {
            "get": {
                "operationId": "receipt",
                "summary": "What became of a message",
                "parameters": [_path("number", {"type": "integer", "minimum": 0})],
                "responses": {"200": _answer("Its receipt, as it is now", "Receipt"), **_problems(401, 404, 429)},
            }
        },
        "/v1/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the gateway answers, and delivers",
                "security": [],
                "responses": {
                    "200": {
                        "description": "`waiting`: it accepts, and what it accepts waits for the bus",
                        "content": {
                            "application/json": {
                                "schema": _object(
                                    status={"type": "string", "enum": ["ok", "waiting"]}, realm={"type": "string"}
                                )
                            }
                        },
                    }
                },
            }
        },
    }


def _messages() -> dict[str, Any]:
    """The schema of each kind with its `kind` and `sent_at`, and of any message."""
    pairs = [(model, "validation") for model in MESSAGES.values()]
    _, made = models_json_schema(pairs, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas: dict[str, Any] = made["$defs"]
    for kind, model in MESSAGES.items():
        schema = schemas[model.__name__]
        schema["properties"] = {"kind": {"const": kind.value}, "sent_at": _INSTANT, **schema["properties"]}
        schema["required"] = ["kind", *schema["required"]]
    names = [model.__name__ for model in MESSAGES.values()]
    return {
        **schemas,
        "Message": {
            "oneOf": [_ref(name) for name in names],
            "discriminator": {
                "propertyName": "kind",
                "mapping": {kind.value: f"#/components/schemas/{model.__name__}" for kind, model in MESSAGES.items()},
            },
        },
    }


_LINKS = {
    "receipt": {
        "operationId": "receipt",
        "parameters": {"number": "$response.body#/receipts/0/number"},
        "description": "What became of the first message",
    }
}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": dict(properties),
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}


def _problems(*statuses: int) -> dict[str, Any]:
    titles = {status: "; ".join(title for each, title in TYPES.values() if each == status) for status in statuses}
    return {
        str(status): {"description": title, "content": {MEDIA_TYPE: {"schema": _ref("Problem")}}}
        for status, title in titles.items()
    }


def _query(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _path(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}
