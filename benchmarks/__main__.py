"""`python -m benchmarks`: all measurements on one broker, as a table of ratios or as JSON."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection
from dataclasses import asdict

import click

from benchmarks import folding, history, latency, merging, publishing, rooming, signing, starting
from benchmarks.corpus import incidents
from benchmarks.ground import ground
from benchmarks.result import Row
from bus.logs import configure

COUNT = 100_000
REPEATS = 3
LATENCY_SECONDS = 12.0
GROUPS = (
    publishing.GROUP,
    signing.GROUP,
    merging.GROUP,
    folding.GROUP,
    latency.GROUP,
    rooming.GROUP,
    starting.GROUP,
    history.GROUP,
)


@click.command()
@click.option("--records", default=COUNT, show_default=True, help="Incidents that are folded.")
@click.option("--repeats", default=REPEATS, show_default=True, help="Of each, in turns; the median counts.")
@click.option("--only", type=click.Choice(GROUPS), multiple=True, help="These alone.")
@click.option(
    "--largest", default=merging.OPEN[-1], show_default=True, help="Incidents open at most; a million takes minutes."
)
@click.option(
    "--incidents",
    "decade",
    default=history.COUNT,
    show_default=True,
    help="Incidents of ten years; the two million of a national group take an hour.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def main(records: int, repeats: int, only: tuple[str, ...], largest: int, decade: int, as_json: bool) -> None:
    """Measure the Publisher, the merge, the hub, the way between them, the room, a hub's start, and ten years of it."""
    configure(logging.ERROR)
    groups = set(only or GROUPS)
    rows: list[Row] = []
    if merging.GROUP in groups:
        click.echo("merging ...", err=True)
        rows += merging.measure(max(1, records // 4), largest)
    if signing.GROUP in groups:
        click.echo("signing ...", err=True)
        rows += signing.measure(max(1, records // 10))
    if history.GROUP in groups:
        click.echo("ten years ...", err=True)
        rows += history.measure(decade)
    if groups - {merging.GROUP, history.GROUP, signing.GROUP}:
        rows += asyncio.run(measure(records, repeats, groups))
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        click.echo(table(rows))


async def measure(records: int, repeats: int, groups: Collection[str]) -> list[Row]:
    rows: list[Row] = []
    async with ground() as place:
        if publishing.GROUP in groups:
            click.echo("publishing ...", err=True)
            rows += await publishing.measure(place, max(1, records // 4), repeats)
        if latency.GROUP in groups:
            click.echo("latency ...", err=True)
            rows += await latency.measure(place, LATENCY_SECONDS)
        if rooming.GROUP in groups:
            click.echo("room ...", err=True)
            rows += await rooming.measure(place)
        if folding.GROUP in groups or starting.GROUP in groups:
            click.echo("history ...", err=True)
            site = await place.realm("history")
            await site.fill(list(incidents(records)))
            if folding.GROUP in groups:
                click.echo("folding ...", err=True)
                rows += await folding.measure(site, records, repeats)
            if starting.GROUP in groups:
                click.echo("starting ...", err=True)
                rows += await starting.measure(site, 1)
    return rows


def table(rows: list[Row]) -> str:
    lines = [f"{'':<10} {'':<52} {'':>18} {'ratio':>6}  aim"]
    group = ""
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        value = f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.2f}"
        name = "" if row.group == group else row.group
        lines.append(f"{name:<10} {row.what:<52} {value + ' ' + row.unit:>18} {ratio:>6}  {row.aim}".rstrip())
        group = row.group
    return "\n".join(lines)


if __name__ == "__main__":
    main()
