"""The OpenAPI 3.1 document, made from the endpoints and from the models of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from consumers.room.endpoints import EVENTS, Endpoint
from consumers.room.problems import MEDIA_TYPE, Problem

_REF = "#/components/schemas/{model}"


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """What programs may ask, and what they are answered."""
    models = dict.fromkeys([*(e.answer for e in endpoints if e.answer is not None), Problem])
    named, schemas = models_json_schema([(model, "serialization") for model in models], ref_template=_REF)
    references = {model: schema for (model, _), schema in named.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "NTSG coordination room",
            "version": version("ntsg-bus"),
            "description": "The shared picture, as the asker's audience may see it. See docs/integrator.md.",
        },
        "security": [{"token": []}, {"session": []}],
        "paths": {e.path: {"get": _operation(e, references)} for e in endpoints},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `ntsg room token add`."},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-ntsg", "description": "Of a person."},
            },
        },
    }


def _operation(endpoint: Endpoint, references: dict[Any, Any]) -> dict[str, Any]:
    problem = {"content": {MEDIA_TYPE: {"schema": references[Problem]}}}
    responses: dict[str, Any] = {
        "200": {
            "description": endpoint.doc,
            "content": {endpoint.media_type: {"schema": _schema(endpoint, references)}},
        }
    }
    if endpoint.is_tagged:
        responses["200"]["headers"] = {
            "ETag": {"schema": {"type": "string"}, "description": "Weak: equal as long as the picture tells the same."}
        }
        responses["304"] = {"description": "The picture still tells what it told when this ETag was given."}
    statuses = [HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED]
    statuses += [HTTPStatus.FORBIDDEN] if endpoint.full_only else []
    if endpoint.may_lack or endpoint.of_an_instant:
        statuses.append(HTTPStatus.NOT_FOUND)
    if endpoint.of_an_instant:
        statuses.append(HTTPStatus.SERVICE_UNAVAILABLE)
    for status in statuses:
        responses[str(int(status))] = {"description": status.phrase, **problem}
    return {
        "operationId": endpoint.name,
        "summary": endpoint.doc,
        "parameters": [
            {"name": p.name, "in": p.place, "required": p.required, "description": p.doc, "schema": p.schema}
            for p in endpoint.parameters
        ],
        "responses": responses,
    }


def _schema(endpoint: Endpoint, references: dict[Any, Any]) -> dict[str, Any]:
    if endpoint.media_type == EVENTS:
        return {"type": "string"}
    schema: dict[str, Any] = references[endpoint.answer]
    return schema
