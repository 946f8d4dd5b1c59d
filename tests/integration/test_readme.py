"""The code in the README, run as it stands there."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bus.messages import Emergency
from bus.vocabulary import EmergencyImpact
from tests.conftest import ProvisionedGroup
from tests.group import incident
from tests.hubs import PATIENCE, Hubs, write

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def block(name: str) -> str:
    (code,) = re.findall(rf"```python {name}\n(.*?)```", README, re.DOTALL)
    return code


def environment(group: ProvisionedGroup, slug: str) -> dict[str, str]:
    settings = group.settings(slug)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("NTSG_")},
        "NTSG_BOOTSTRAP": settings.bootstrap,
        "NTSG_REALM": settings.realm,
        "NTSG_USER": settings.user or "",
        "NTSG_PASSWORD": settings.secret() or "",
    }


def test_the_first_publisher(group: ProvisionedGroup) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block("publish")],
        env=environment(group, "nordtel"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"topic='{group.settings('nordtel').realm}.incident.v1.nordtel'" in done.stdout


async def test_the_first_consumer(group: ProvisionedGroup, tmp_path: Path) -> None:
    code = block("consume")
    assert len([line for line in code.splitlines() if line.strip()]) < 15
    with Hubs(group, tmp_path) as hubs:
        await hubs.start("one").settled()
        consumer = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            code,
            env=environment(group, "room"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert consumer.stdout is not None
            await write(
                group.settings("nordtel"), [incident(emergency=Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK))]
            )
            async with asyncio.timeout(PATIENCE):
                line = (await consumer.stdout.readline()).decode()
        finally:
            consumer.kill()
            await consumer.wait()
    assert " 5 " in line


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(((?!https?:)[^)#]+)", README))))
def test_every_file_that_is_pointed_to_is_there(path: str) -> None:
    assert (ROOT / path).exists()
