"""What docs/operator.md tells operators to write works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bus import provision
from bus.messages import Incident
from bus.ndjson import read_line

if TYPE_CHECKING:
    from tests.conftest import ProvisionedGroup

ROOT = Path(__file__).parents[2]


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (ROOT / "docs" / "operator.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_line_is_a_message() -> None:
    assert isinstance(read_line(snippet("json")).message, Incident)


async def test_the_program_publishes(group: ProvisionedGroup) -> None:
    key = provision.credentials_file(group.credentials, group.realm, "nordtel")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
    answer = subprocess.run(  # noqa: ASYNC221 - nothing else runs in this loop
        [sys.executable, "-c", snippet("python")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment | {"NTSG_CONFIG": str(key)},
        check=False,
    )
    assert (answer.stdout, answer.stderr) == (f"{group.realm}.incident.v1.nordtel 0\n", "")
