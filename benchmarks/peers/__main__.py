"""`make peers`: our hub with all its rules, beside the plain part of the work on each framework, in turns."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import click

from benchmarks.corpus import ACTORS, incidents
from benchmarks.ground import Site, ground
from benchmarks.peers.plain import Task
from bus.logs import configure
from bus.references import Kind

COUNT = 100_000
REPEATS = 5
AIM = 1.3
PATIENCE = 300
"""Seconds until a process counts as one that does not run."""

HUB = "our hub, all rules"
LOOP = "no framework: aiokafka and a loop"
PEERS = {
    "Quix Streams": "benchmarks.peers.with_quixstreams",
    "FastStream": "benchmarks.peers.with_faststream",
    "Bytewax": "benchmarks.peers.with_bytewax",
}
MODULES = {HUB: "benchmarks.peers.hub", **PEERS, LOOP: "benchmarks.peers.loop"}

ROOT = Path(__file__).resolve().parents[2]


class DidNotRun(Exception):
    """The process ended without a report; the message is the last that it said."""


@dataclass(slots=True)
class Runs:
    """Of one module, turn by turn: records per second, and per second of processor time; or why there are none."""

    rates: list[float] = field(default_factory=list)
    lean: list[float] = field(default_factory=list)
    problem: str | None = None


@click.command()
@click.option("--records", default=COUNT, show_default=True, help="Incident messages in the log.")
@click.option("--repeats", default=REPEATS, show_default=True, help="Of each, in turns.")
@click.option(
    "--python",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".venv-peers/bin/python"),
    show_default=True,
    help="The peers' interpreter.",
)
def main(records: int, repeats: int, python: Path) -> None:
    """Measure our hub beside Quix Streams, FastStream and Bytewax on one real broker."""
    configure(logging.ERROR)
    if not python.is_file():
        raise click.ClickException(f"{python} does not exist; `make peers` makes the peers' environment")
    click.echo(table(asyncio.run(measure(records, repeats, python.absolute()))))


async def measure(records: int, repeats: int, python: Path) -> dict[str, Runs]:
    async with ground() as place:
        click.echo("history ...", err=True)
        site = await place.realm("peers")
        await site.fill(list(incidents(records)))
        return await asyncio.to_thread(take_turns, task(site, records), repeats, python)


def task(site: Site, records: int) -> Task:
    """As the administrator, for all alike: Quix Streams asks for topics' configurations, Bytewax names a group of its
    own, and no reader of the bus may do that.
    """
    admin = site.admin
    topics = tuple(site.realm.input(Kind.INCIDENT, actor) for actor in ACTORS)
    return Task(admin.bootstrap, str(admin.user), str(admin.secret()), topics, records)


def take_turns(given: Task, repeats: int, python: Path) -> dict[str, Runs]:
    """All of them once, and again, so that a slow minute of the machine hurts all alike.

    Raises RuntimeError when they did not find the same: then they did not do the same work.
    """
    found = {name: Runs() for name in MODULES}
    incidents_found: set[int] = set()
    outcomes: set[str] = set()
    for turn in range(repeats):
        for name, runs in found.items():
            if runs.problem:
                continue
            click.echo(f"{turn + 1} of {repeats}: {name} ...", err=True)
            try:
                said = run(Path(sys.executable) if name == HUB else python, MODULES[name], given)
            except DidNotRun as error:
                runs.problem = str(error)
                continue
            runs.rates.append(said["records"] / said["seconds"])
            runs.lean.append(said["records"] / said["processor"])
            incidents_found.add(said["incidents"])
            outcomes |= {said["outcome"]} - {""}
    if len(incidents_found) > 1 or len(outcomes) > 1:
        raise RuntimeError(f"not the same work: {sorted(incidents_found)} incidents, {len(outcomes)} outcomes")
    return found


def run(python: Path, module: str, given: Task) -> Mapping[str, float | str]:
    """What the process reports. Raises DidNotRun."""
    try:
        done = subprocess.run(
            [python, "-m", module],
            cwd=ROOT,
            env=os.environ | given.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DidNotRun(f"no end within {PATIENCE} s") from error
    if done.returncode != 0:
        raise DidNotRun((done.stderr.strip().splitlines() or [f"ended with {done.returncode}, in silence"])[-1])
    report: Mapping[str, float | str] = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def table(found: Mapping[str, Runs]) -> str:
    """The hub's rate over each peer's in the same turn: what the machine did to one it did to the other, more or less.
    By processor time, a busy machine hardly shows.
    """
    lines = [
        f"{'':<34} {'':>11} {'hub over it, by the clock':>26}   {'by processor time':>20}",
        f"{'':<34} {'records/s':>11} {'median':>14} {'min':>5} {'max':>5}   {'median':>8} {'min':>5} {'max':>5}",
    ]
    for name, runs in found.items():
        if runs.problem:
            lines.append(f"{name:<34} did not run: {runs.problem}")
            continue
        line = f"{name:<34} {median(runs.rates):>11,.0f}"
        if name != HUB and not found[HUB].problem:
            clock, processor = faster(found[HUB].rates, runs.rates), faster(found[HUB].lean, runs.lean)
            line += f" {median(clock):>14.2f} {min(clock):>5.2f} {max(clock):>5.2f}"
            line += f"   {median(processor):>8.2f} {min(processor):>5.2f} {max(processor):>5.2f}"
        lines.append(line)
    return "\n".join([*lines, "", verdict(found)])


def faster(hub: Sequence[float], peer: Sequence[float]) -> list[float]:
    return [ours / theirs for ours, theirs in zip(hub, peer, strict=True)]


def verdict(found: Mapping[str, Runs]) -> str:
    """Against the best of the peers: the one whose median is the highest."""
    ran = {name: found[name] for name in PEERS if not found[name].problem}
    hub = found[HUB]
    if hub.problem or not ran:
        return "Nothing to compare."
    best = max(ran, key=lambda name: median(ran[name].rates))
    clock, processor = faster(hub.rates, ran[best].rates), faster(hub.lean, ran[best].lean)
    return (
        f"The best of them is {best}: the hub does {median(clock):.2f} times its rate, "
        f"{median(processor):.2f} by processor time (aim: {AIM})."
    )


if __name__ == "__main__":
    main()
