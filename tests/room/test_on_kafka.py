"""The room as it is run: `ntsg hub` on a real Kafka, staff who act with the coordination's own credentials."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from bus.provision import credentials_file
from bus.vocabulary import ReportedVia
from consumers.merge.view import View
from tests.conftest import ProvisionedGroup
from tests.group import incident
from tests.hubs import PATIENCE, until, write
from tests.room.conftest import sign_in, token_in


class RunningHub:
    """`ntsg hub` as a process."""

    def __init__(self, group: ProvisionedGroup, directory: Path) -> None:
        self.directory = directory
        (directory / "address").unlink(missing_ok=True)
        files = {slug: credentials_file(group.credentials, group.realm, slug) for slug in ("hub", "samordning")}
        command = [sys.executable, "-m", "ntsg", "hub", "--config", files["hub"], "--act-as", files["samordning"]]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}
        directory.mkdir(exist_ok=True)
        self.output = (directory / "output").open("ab")
        self.process = subprocess.Popen(
            [*map(str, command), "--directory", str(directory), "--port", "0"],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    @property
    def address(self) -> str:
        return (self.directory / "address").read_text().strip()

    async def settled(self) -> None:
        async def holds() -> bool:
            said = (self.directory / "output").read_text(errors="replace")
            assert self.process.poll() is None, said
            with suppress(OSError, httpx.HTTPError):
                async with httpx.AsyncClient(base_url=self.address, timeout=5) as client:
                    return (await client.get("/health/ready")).status_code == 200
            return False

        await until(holds, "the hub is settled")


@contextmanager
def running(group: ProvisionedGroup, directory: Path) -> Iterator[RunningHub]:
    hub = RunningHub(group, directory)
    try:
        yield hub
    finally:
        hub.process.kill()
        hub.process.wait(PATIENCE)
        hub.output.close()


@pytest.fixture
def password(tmp_path: Path) -> str:
    """Of an officer, made on the command line before the hub is started."""
    words = ("room", "user", "add", "kim", "--role", "OFFICER", "--function", "vakthavande", "--generate")
    file = tmp_path / "hub" / "room.sqlite"
    made = subprocess.run(
        [sys.executable, "-m", "ntsg", *words, "--accounts", str(file)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    return made.stdout.strip()


async def test_an_officer_acts_and_a_killed_hub_lets_them_go_on(
    group: ProvisionedGroup, tmp_path: Path, password: str
) -> None:
    await write(group.settings("nordtel"), [incident()])
    with running(group, tmp_path / "hub") as hub:
        await hub.settled()
        async with httpx.AsyncClient(base_url=hub.address, timeout=PATIENCE) as client:
            assert (await sign_in(client, "kim", password)).status_code == 303
            page = (await client.get("/")).text
            view = View.model_validate_json((await client.get("/v1/view")).content)
            [situation] = view.situations
            form = {"act": "note", "title": "Ringt Nordtel", "affects": f"situation/{situation.id}"}
            form |= {"csrf": token_in(page), "digest": view.digest, "as_of": view.as_of.isoformat()}
            preview = await client.post("/acts/preview", data=form)
            draft = preview.text.partition('name="draft" value="')[2].partition('"')[0]
            sent = await client.post("/acts", data={"csrf": token_in(page), "draft": draft})
            assert sent.status_code == 200, sent.text
            cookies = dict(client.cookies)
        hub.process.send_signal(signal.SIGKILL)
        hub.process.wait(PATIENCE)
    with running(group, tmp_path / "hub") as hub:
        await hub.settled()
        async with httpx.AsyncClient(base_url=hub.address, timeout=PATIENCE, cookies=cookies) as client:
            view = View.model_validate_json((await client.get("/v1/view")).content)
            [decision] = view.decisions
            assert (decision.actor, decision.title, decision.by_function) == (
                "samordning", "Ringt Nordtel", "vakthavande",
            )  # fmt: skip
            assert decision.reported_via is ReportedVia.UI
            assert view.quarantined == 0
