"""The description of the API is true to the API: schemathesis asks what it allows, and what it does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bus.messages import MESSAGES
from producers.gateway import Limits
from producers.gateway.openapi import document
from tests.gateway.conftest import Start

UNLIMITED = Limits(rate=1e6, burst=1_000_000, failures_per_minute=1e9)
PHASES = ("examples", "coverage", "fuzzing", "stateful")
"""What the description gives as examples; each bound of each schema, kept and broken; drawn inputs; links followed."""
DRAWN = 20
"""Inputs of each operation, the same in every run."""
BEYOND = ("positive_data_acceptance", "negative_data_rejection")
"""What a schema cannot say of a message (an incident has a place, unless it is suspected): the other tests know."""


def test_answers_are_as_described(start: Start, tmp_path: Path) -> None:
    answering = start(limits=UNLIMITED)
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "run", f"{answering.address}/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {answering.key()}", "--phases", ",".join(PHASES)),
        *(
            "--max-examples",
            str(DRAWN),
            "--generation-deterministic",
            "--exclude-checks",
            ",".join(BEYOND),
            "--no-color",
        ),
        *("--suppress-health-check", "all"),
    ]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-8_000:] + answer.stderr[-2_000:]
    operations = sum(len(methods) for methods in document()["paths"].values())
    assert f"Operations:       {operations} selected" in answer.stdout
    tried = re.search(r"(\d+) generated, (\d+) passed", answer.stdout)
    assert tried is not None
    assert int(tried[2]) == int(tried[1]) > 1_000
    with answering.client(answering.key()) as client:
        assert client.get("/v1/messages/incident/I-17").status_code == 200, "the example was never taken"


def test_each_kind_is_described_with_all_its_fields() -> None:
    schemas = document()["components"]["schemas"]
    for kind, model in MESSAGES.items():
        described = schemas[model.__name__]
        assert set(described["properties"]) == {"kind", "sent_at", *model.model_fields}
        assert described["properties"]["kind"] == {"const": kind.value}
        assert described["additionalProperties"] is False
