"""The description of the API is true to the API: schemathesis asks what it allows, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from bus.messages import MESSAGES
from producers.gateway import Limits
from producers.gateway.openapi import document
from tests.gateway.conftest import Start

UNLIMITED = Limits(rate=1e6, burst=1_000_000, failures_per_minute=1e9)
EXAMPLES = 10
BEYOND = [positive_data_acceptance, negative_data_rejection]
"""What a schema cannot say of a message (an incident has a place, unless it is suspected), and who may ask without a
key: the other tests know."""
OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(document()).get_all_operations()]


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
        for operation in OPERATIONS
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or operation.definition.raw.get("parameters") or operation.body
    ],
)
def test_answers_are_as_described(operation: Any, mode: GenerationMode, start: Start) -> None:
    answering = start(limits=UNLIMITED)
    headers = {"Authorization": f"Bearer {answering.key()}"}

    @settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        case.call_and_validate(base_url=answering.address, headers=headers, excluded_checks=BEYOND)

    ask()


def test_each_kind_is_described_with_all_its_fields() -> None:
    schemas = document()["components"]["schemas"]
    for kind, model in MESSAGES.items():
        described = schemas[model.__name__]
        assert set(described["properties"]) == {"kind", "sent_at", *model.model_fields}
        assert described["properties"]["kind"] == {"const": kind.value}
        assert described["additionalProperties"] is False
