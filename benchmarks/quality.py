"""`python -m benchmarks.quality`: how well the merge finds out, from noisy reports, which incidents belong together.

Simulated crises of every kind, each from a seed; the situations of the view, duplicates among their members, against
the simulator's labels; at the end of each crisis and when half of it is told. Retracted incidents do not count. Of what
is missed, how much a suggestion asks about; and of the suggestions, how many are right.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import combinations, groupby
from statistics import mean
from types import MappingProxyType

import click

from benchmarks.scoring import METRICS, NOTHING_ASKED, Asked, Score, score, score_suggestions
from bus.codec import content_hash, encode
from bus.envelope import Envelope
from bus.instants import format_instant
from bus.messages import Incident
from bus.topics import Realm
from bus.vocabulary import IncidentState
from consumers.merge import Situation, State
from producers.simulator import Crisis, CrisisKind, Noise, Simulated, simulate

SEEDS = 120
SCALES = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Factors on the noise; 1 is what operators are thought to send."""

RECKONED = "as reckoned"
TELLINGS: Mapping[str, Noise] = MappingProxyType(
    {
        RECKONED: Noise(),
        "plainly": Noise(
            cause_told_loosely=0,
            place_unknown_first=0,
            part_untold=0,
            key_single=0,
            key_wrong=0,
            time_rounded=0,
            start_is_detection=0,
            sent_late=0,
            uplink_down=0,
            end_untold=0,
            restored_in_error=0,
        ),
        "without ends": Noise(end_untold=0.95),
        "without parts or dependencies": Noise(part_untold=0.95, dependency_untold=0.95),
        "by county": Noise(county_first=0.4, county_only=0.25),
        "causes late or never": Noise(cause_unknown_first=0.6, cause_never_known=0.2),
        "starts missing or late": Noise(start_missing=0.4, start_is_detection=0.4),
        "few keys": Noise(key_missing=0.85, own_key_missing=0.5),
    }
)
"""Other manners of telling, so that no rule leans on one. Plainly: causes missing and late, counties, missing keys and
starts, corrections, retractions and duplicates, and nothing else."""

ASKED = ("right", "covered")
"""Of suggestions: how many are right, and how many of the missed pairs they cover. Of the crises that have any."""

KINDS = tuple(CrisisKind)
ALL = "all"
END, MIDDLE = "end", "middle"

REALM = Realm("quality-exercise")
PAIRS_SHOWN = 8
"""Of each fault of a crisis, so many examples."""


@dataclass(frozen=True)
class Measured:
    """The score of one crisis at one instant."""

    seed: int
    kind: str
    scale: float
    when: str
    score: Score
    telling: str = RECKONED
    asked: Asked = NOTHING_ASKED


@dataclass(frozen=True)
class Row:
    """Mean and worst of one metric over crises of one kind."""

    kind: str
    scale: float
    when: str
    metric: str
    crises: int
    mean: float
    worst: float
    worst_seed: int
    telling: str = RECKONED


def kind_of(seed: int) -> CrisisKind:
    """The kind of a seed's main event: all kinds in turn."""
    return KINDS[seed % len(KINDS)]


def crisis_of(seed: int, scale: float, telling: str = RECKONED) -> Crisis:
    return simulate(seed, crisis=kind_of(seed), noise=TELLINGS[telling].scaled(scale))


# --- measuring -------------------------------------------------------------------------------------------------------


def measure(seed: int, scale: float, telling: str = RECKONED) -> list[Measured]:
    """One crisis, in the middle and at the end."""
    crisis = crisis_of(seed, scale, telling)
    state = State(REALM)
    found: list[Measured] = []
    half = len(crisis.messages) // 2
    for when, told in ((MIDDLE, crisis.messages[:half]), (END, crisis.messages)):
        situations = seen(state, told)
        truth = truth_of(told, crisis.labels)
        result = score(map(refs_of, situations), truth)
        asked = score_suggestions(map(refs_of, situations), suggested(situations), truth)
        found.append(Measured(seed, crisis.kind, scale, when, result, telling, asked))
    return found


def seen(state: State, told: Sequence[Simulated]) -> tuple[Situation, ...]:
    """The situations after these messages, as of the last of them. Those applied before are known, and pass."""
    for each in told:
        state.apply(envelope(each))
    return state.view(told[-1].known_at, {}, True).situations


def envelope(simulated: Simulated) -> Envelope:
    message = simulated.message
    return Envelope(message, content_hash(encode(message)), simulated.sent_at, simulated.known_at)


def refs_of(situation: Situation) -> tuple[str, ...]:
    return situation.members + situation.duplicates


def suggested(situations: Iterable[Situation]) -> Iterator[tuple[str, str]]:
    """The two incidents of each suggestion."""
    return ((link.a, link.b) for situation in situations for link in situation.suggestions)


def standing(told: Iterable[Simulated]) -> dict[str, Incident]:
    """The highest revision of each incident."""
    found: dict[str, Incident] = {}
    for each in told:
        message = each.message
        if isinstance(message, Incident):
            held = found.get(message.reference)
            if held is None or message.revision > held.revision:
                found[message.reference] = message
    return found


def truth_of(told: Iterable[Simulated], labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of the incidents that stand."""
    return {
        ref: labels[ref] for ref, incident in standing(told).items() if incident.state is not IncidentState.RETRACTED
    }


def summarise(measured: Iterable[Measured]) -> list[Row]:
    """Mean and worst per metric: for each scale and instant, over all crises and over those of each kind."""
    sets: defaultdict[tuple[str, float, str, str], list[Measured]] = defaultdict(list)
    for each in measured:
        for kind in (ALL, each.kind):
            sets[each.telling, each.scale, each.when, kind].append(each)
    rows: list[Row] = []
    for (telling, scale, when, kind), crises in sets.items():
        for metric in (*METRICS, *ASKED):
            values = [(value, each.seed) for each in crises if (value := value_of(each, metric)) is not None]
            if not values:
                continue
            worst, seed = min(values)
            rows.append(Row(kind, scale, when, metric, len(values), mean(v for v, _ in values), worst, seed, telling))
    order = {kind: place for place, kind in enumerate((ALL, *KINDS))}
    tellings = tuple(TELLINGS)
    rows.sort(
        key=lambda row: (
            tellings.index(row.telling),
            row.scale,
            row.when,
            order[row.kind],
            (*METRICS, *ASKED).index(row.metric),
        )
    )
    return rows


def value_of(measured: Measured, metric: str) -> float | None:
    """None where a crisis has nothing of what the metric counts."""
    value: float | None = getattr(measured.asked if metric in ASKED else measured.score, metric)
    return value


# --- what went wrong -------------------------------------------------------------------------------------------------


def account(seed: int, scale: float) -> str:
    """What was wrongly merged and what was missed at the end of a crisis, with the facts that the rules saw."""
    crisis = crisis_of(seed, scale)
    situations = seen(State(REALM), crisis.messages)
    truth = truth_of(crisis.messages, crisis.labels)
    facts = {ref: facts_of(incident) for ref, incident in standing(crisis.messages).items()}
    result = score(map(refs_of, situations), truth)
    lines = [f"seed {seed}, {crisis.kind}, noise {scale:g}: {in_words(result)}"]
    for situation in situations:
        wrong = [link for link in situation.links if truth[link.a] != truth[link.b]]
        for link in wrong[:PAIRS_SHOWN]:
            lines += [
                f"  wrongly merged: {link.basis}, {link.why}",
                f"    {truth[link.a]}: {facts[link.a]}",
                f"    {truth[link.b]}: {facts[link.b]}",
            ]
    group_of = {ref: number for number, situation in enumerate(situations) for ref in refs_of(situation)}
    for label, refs in groupby(sorted(truth, key=lambda ref: (truth[ref], ref)), key=truth.__getitem__):
        missed = list(missed_of(list(refs), group_of))
        if missed:
            lines.append(f"  missed in {label}: {len(missed)} pairs")
        for a, b in missed[:PAIRS_SHOWN]:
            lines += [f"    {facts[a]}", f"    {facts[b]}", ""]
    return "\n".join(lines)


def missed_of(refs: Sequence[str], group_of: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    return ((a, b) for a, b in combinations(refs, 2) if group_of[a] != group_of[b])


def facts_of(incident: Incident) -> str:
    cause = incident.cause
    quoted = [*incident.event_refs, *incident.infrastructure_ids, *incident.related_to]
    quoted += [dependency.ref for dependency in incident.caused_by if dependency.ref]
    if incident.energy and incident.energy.power_incident:
        quoted.append(incident.energy.power_incident)
    if incident.duplicate_of:
        quoted.append(f"duplicate of {incident.duplicate_of}")
    return " | ".join(
        (
            f"{incident.reference}@{incident.revision}",
            incident.state,
            f"{instant(incident.started_at)} to {instant(incident.restored_at)}",
            ",".join(area.code or area.label for area in incident.areas) or "no place",
            f"{cause.category}/{cause.detail}",
            ",".join(impact.service for impact in incident.impacts),
            ", ".join(quoted) or "no keys",
        )
    )


def instant(value: datetime | None) -> str:
    return format_instant(value.replace(microsecond=0)) if value else "?"


# --- showing ---------------------------------------------------------------------------------------------------------


def in_words(result: Score) -> str:
    return ", ".join(f"{metric} {getattr(result, metric):.3f}" for metric in METRICS)


def table(rows: Sequence[Row]) -> str:
    columns = (*METRICS, *(f"suggestions {metric}" for metric in ASKED))
    head = f"{'':<26}" + "".join(f"{column:>25}" for column in columns)
    lines = [head, f"{'mean / worst (seed)':<26}"]
    for (telling, scale, when), at_scale in groupby(rows, key=lambda row: (row.telling, row.scale, row.when)):
        lines += ["", f"noise {scale:g}, {when}" + ("" if telling == RECKONED else f", told {telling}")]
        for kind, cells in groupby(at_scale, key=lambda row: row.kind):
            row = list(cells)
            values = "".join(f"{f'{c.mean:.3f} / {c.worst:.3f} ({c.worst_seed:>3})':>25}" for c in row)
            lines.append(f"  {kind:<16}{row[0].crises:>6}  {values}")
    return "\n".join(lines)


@click.command()
@click.option("--seeds", default=SEEDS, show_default=True, type=click.IntRange(min=1), help="Crises per noise scale.")
@click.option("--from-seed", default=0, show_default=True, help="The first seed.")
@click.option("--scale", "scales", type=float, multiple=True, help="Only these factors on the noise.")
@click.option("--worst", default=0, metavar="N", help="Say what went wrong in the N worst crises at noise 1.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def main(seeds: int, from_seed: int, scales: tuple[float, ...], worst: int, as_json: bool) -> None:
    """Pairwise and B-cubed precision and recall of the merge over simulated crises, what its suggestions are worth, and
    the curve over the noise.
    """
    measured: list[Measured] = []
    drawn = range(from_seed, from_seed + seeds)
    with ProcessPoolExecutor() as pool:
        for scale in scales or SCALES:
            for found in pool.map(partial(measure, scale=scale), drawn, chunksize=4):
                measured += found
        for telling in () if scales else tuple(TELLINGS)[1:]:
            for found in pool.map(partial(measure, scale=1.0, telling=telling), drawn, chunksize=4):
                measured += (each for each in found if each.when == END)
    rows = summarise(measured)
    click.echo(json.dumps([asdict(row) for row in rows], indent=1) if as_json else table(rows))
    wanted = END, (scales or (1.0,))[0], RECKONED
    at_stake = [each for each in measured if (each.when, each.scale, each.telling) == wanted]
    at_stake.sort(key=lambda each: (min(each.score.pair_precision, each.score.pair_recall), each.seed))
    for each in at_stake[:worst]:
        click.echo(f"\n{account(each.seed, each.scale)}", err=as_json)


if __name__ == "__main__":
    main()
