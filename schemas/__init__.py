"""The contract, language-neutral: Avro schemas by version, one file per record, with golden samples beside them.

A later version must be FULL_TRANSITIVE compatible with all earlier ones (`schemas.compatibility`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

__all__ = ["LATEST", "NAMESPACE", "VERSIONS", "Schema", "all_schemas", "read_schema"]

Schema = dict[str, Any]
"""A parsed .avsc document."""

NAMESPACE = "ntsg.v1"
VERSIONS = ("1.0",)
LATEST = VERSIONS[-1]


def read_schema(name: str, version: str = LATEST) -> Schema:
    """The schema of one record, for example `incident`. Raises FileNotFoundError."""
    document: Schema = json.loads(files("schemas").joinpath(version, f"{name}.avsc").read_text("utf-8"))
    return document


def all_schemas(version: str = LATEST) -> Iterator[tuple[str, Schema]]:
    """Every schema of a version, by name."""
    for file in sorted(files("schemas").joinpath(version).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".avsc"):
            yield file.name.removesuffix(".avsc"), json.loads(file.read_text("utf-8"))
