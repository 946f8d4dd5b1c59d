"""`ntsg simulate`: a made-up crisis."""

from __future__ import annotations

import json
from typing import TextIO

import click


@click.command()
@click.option("--seed", type=int, required=True, help="Equal seeds give equal crises.")
@click.option(
    "--labels",
    type=click.File("w", encoding="utf-8"),
    metavar="FILE",
    help="Write here which incidents belong together in truth: one JSON object with ref and crisis per line.",
)
@click.option("--crisis", "kind", metavar="KIND", help="Kind of the main event.  [default: the seed chooses]")
@click.option(
    "--noise",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="How much is missing, late or wrong; 0 is the whole truth at once.",
)
def simulate(seed: int, labels: TextIO | None, kind: str | None, noise: float) -> None:
    """A made-up crisis as its operators would tell it: an exercise, as NDJSON on standard output.

    \b
    Example: ntsg simulate --seed 7 --crisis storm --labels truth.ndjson > crisis.ndjson
             ntsg merge --realm ntsg-exercise crisis.ndjson
    """
    from bus.ndjson import write_line
    from producers.simulator import CrisisKind, Noise
    from producers.simulator import simulate as simulated

    if kind is not None and kind not in set(CrisisKind):
        raise click.BadParameter(f"{kind!r}: use one of {', '.join(CrisisKind)}", param_hint="--crisis")
    crisis = simulated(seed, crisis=CrisisKind(kind) if kind else None, noise=Noise().scaled(noise))
    for told in crisis.messages:
        click.echo(write_line(told.message, told.sent_at, told.known_at))
    if labels is not None:
        for ref, event in crisis.labels.items():
            click.echo(json.dumps({"ref": ref, "crisis": event}), file=labels)
