"""Simulated crises are repeatable, fit to publish, noisy in every promised way, and give nothing away."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from bus import geography
from bus.codec import Codec, encode
from bus.messages import Incident
from bus.ndjson import Line, read_line, write_line
from bus.registry import Registry, read_group
from bus.topics import Realm
from bus.vocabulary import AreaKind, CauseCategory, IncidentState, MessageStatus
from consumers.authority import judge
from ntsg import cli
from producers.simulator import Crisis, CrisisKind, Noise, Simulated, simulate

KINDS = tuple(CrisisKind)
SEEDS = range(48)
QUICK = timedelta(minutes=20)
UNKNOWN = {CauseCategory.UNKNOWN, CauseCategory.UNDETERMINED}


@cache
def crisis(seed: int, scale: float = 1.0) -> Crisis:
    return simulate(seed, crisis=KINDS[seed % len(KINDS)], noise=Noise().scaled(scale))


def revisions(told: Crisis) -> dict[str, list[Incident]]:
    """The revisions of each incident, in the order in which the bus knew them."""
    found: defaultdict[str, list[Incident]] = defaultdict(list)
    for each in told.messages:
        if isinstance(each.message, Incident):
            found[each.message.reference].append(each.message)
    return found


def all_incidents(scale: float = 1.0) -> Iterator[tuple[str, list[Incident]]]:
    for seed in SEEDS:
        yield from revisions(crisis(seed, scale)).items()


def ties(incident: Incident) -> bool:
    power = incident.energy and incident.energy.power_incident
    named = incident.related_to or any(dependency.ref for dependency in incident.caused_by)
    return bool(power or named or incident.event_refs or incident.infrastructure_ids)


# --- a pure function of its arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_equal_arguments_give_equal_crises(kind: CrisisKind) -> None:
    assert simulate(3, crisis=kind) == simulate(3, crisis=kind)
    assert simulate(3, crisis=kind).kind is kind
    assert simulate(3, crisis=kind).messages != simulate(4, crisis=kind).messages


def test_without_a_kind_the_seed_chooses() -> None:
    assert {simulate(seed).kind for seed in range(40)} == set(KINDS)


def test_noise_changes_how_it_is_told_and_not_what_happened() -> None:
    for seed in range(12):
        told = {len(set(crisis(seed, scale).labels.values())) for scale in (0.0, 0.5)}
        assert max(told) - min(told) <= 1  # an event told after the end is none


# --- fit to publish --------------------------------------------------------------------------------------------------


def test_every_message_is_one_that_its_actor_may_send() -> None:
    text = resources.files("producers").joinpath("actors.toml").read_text("utf-8")
    registry, realm, codec = Registry.of(read_group(text)[0]), Realm("simulated-exercise"), Codec()
    for seed in range(12):
        for each in crisis(seed).messages:
            assert judge(each.message, known_at=each.known_at, realm=realm, registry=registry) is None
            assert codec.decode(encode(each.message), type(each.message))[0] == each.message
            assert read_line(written(each)) == Line(each.message, each.sent_at, each.known_at)


def test_an_actor_s_reports_reach_the_log_in_the_order_of_sending() -> None:
    for seed in SEEDS:
        messages = crisis(seed).messages
        assert [each.known_at for each in messages] == sorted(each.known_at for each in messages)
        assert all(each.message.observed_at <= each.sent_at <= each.known_at for each in messages)
        for actor in {each.message.actor for each in messages}:
            sent = [each.sent_at for each in messages if each.message.actor == actor]
            assert sent == sorted(sent)


def test_revisions_rise_one_by_one() -> None:
    for _, told in all_incidents():
        assert [incident.revision for incident in told] == list(range(1, len(told) + 1))


def test_who_names_an_incident_could_know_of_it() -> None:
    for seed in SEEDS:
        heard: set[str] = set()
        for each in crisis(seed).messages:
            if isinstance(each.message, Incident):
                named = {dependency.ref for dependency in each.message.caused_by} | set(each.message.related_to)
                waiting = {ref for ref in named if ref and ref not in heard}
                assert not waiting or not waiting.isdisjoint(held_up(seed))
                heard.add(each.message.reference)


def held_up(seed: int) -> set[str]:
    """Incidents whose first report waited in an outbox: others may have heard of them in another way."""
    return {
        each.message.reference
        for each in crisis(seed).messages
        if each.message.revision == 1 and each.known_at - each.sent_at > timedelta(minutes=1)
    }


# --- the truth -------------------------------------------------------------------------------------------------------


def test_every_incident_told_has_a_label_and_every_label_an_incident() -> None:
    for seed in SEEDS:
        assert crisis(seed).labels.keys() == revisions(crisis(seed)).keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_crisis_has_one_main_event_smaller_ones_and_faults_on_their_own(kind: CrisisKind) -> None:
    sizes = [Counter(simulate(seed, crisis=kind).labels.values()).most_common() for seed in range(10)]
    assert sum(each[0][1] for each in sizes) / len(sizes) >= 5
    assert all(min(count for _, count in each) == 1 for each in sizes)
    assert any(1 < count < each[0][1] for each in sizes for _, count in each)


def test_faults_coincide_with_the_main_event_in_place_and_time() -> None:
    coincidences = 0
    for seed in SEEDS:
        told, labels = revisions(crisis(seed, 0.0)), crisis(seed, 0.0).labels
        sizes = Counter(labels.values())
        main = sizes.most_common(1)[0][0]
        struck = [told[ref][-1] for ref in told if labels[ref] == main]
        alone = [told[ref][-1] for ref in told if sizes[labels[ref]] == 1]
        coincidences += any(coincide(one, other) for one in alone for other in struck)
    assert coincidences > len(SEEDS) / 2


def coincide(one: Incident, other: Incident) -> bool:
    assert one.started_at is not None
    assert other.started_at is not None
    near = abs(one.started_at - other.started_at) < timedelta(hours=6)
    return near and any(geography.overlap(a.code or "", b.code or "") for a in one.areas for b in other.areas)


# --- the noise -------------------------------------------------------------------------------------------------------


def test_without_noise_the_whole_truth_is_told_at_once() -> None:
    for ref, told in all_incidents(0.0):
        first = told[0]
        assert first.started_at is not None, ref
        assert first.areas, ref
        assert first.cause.category not in UNKNOWN, ref
        assert all((i.started_at, i.areas, i.cause) == (first.started_at, first.areas, first.cause) for i in told)
        assert all(i.state is not IncidentState.RETRACTED and i.duplicate_of is None for i in told)


def test_reports_are_wrong_late_and_incomplete_in_every_promised_way() -> None:
    seen = Counter[str]()
    for _, told in all_incidents():
        for before, after in pairwise(told):
            seen["cause comes later"] += before.cause.category in UNKNOWN and after.cause.category not in UNKNOWN
            seen["start comes later"] += before.started_at is None and after.started_at is not None
            seen["place comes later"] += not before.areas and bool(after.areas)
            seen["key comes later"] += ties(after) and not ties(before)
            seen["correction"] += after.reason is not None and before.areas != after.areas
            seen["other cause"] += after.reason is not None and before.cause != after.cause
            seen["reopened"] += before.state is IncidentState.RESTORED and after.state is IncidentState.CONFIRMED
        last = told[-1]
        seen["cause never"] += last.cause.category in UNKNOWN
        seen["start never"] += last.started_at is None
        seen["county only"] += bool(last.areas) and all(area.kind is AreaKind.LAN for area in last.areas)
        seen["rounded start"] += last.started_at is not None and last.started_at.second == last.started_at.minute % 5
        seen["duplicate"] += last.duplicate_of is not None
        seen[last.state] += 1
    wanted = {
        "cause comes later", "start comes later", "place comes later", "key comes later", "correction", "other cause",
        "reopened", "cause never", "start never", "county only", "rounded start", "duplicate",
        IncidentState.RETRACTED, IncidentState.CLOSED, IncidentState.RESTORED, IncidentState.CONFIRMED,
    }  # fmt: skip
    assert {name for name in wanted if seen[name] < 3} == set()


def test_some_reports_come_hours_late_and_some_wait_in_the_outbox() -> None:
    firsts = [each for seed in SEEDS for each in crisis(seed).messages if each.message.revision == 1]
    late = [
        each
        for each in firsts
        if isinstance(each.message, Incident)
        and each.message.started_at
        and each.sent_at - each.message.started_at > timedelta(hours=2)
    ]
    assert 0.02 < len(late) / len(firsts) < 0.3
    held = [each for seed in SEEDS for each in crisis(seed).messages if each.known_at - each.sent_at > QUICK]
    assert len(held) > 10


def test_fewer_than_half_of_the_reports_that_belong_together_say_so() -> None:
    said = [
        any(ties(incident) for incident in told)
        for seed in range(120)
        for labels, sizes in [(crisis(seed).labels, Counter(crisis(seed).labels.values()))]
        for ref, told in revisions(crisis(seed)).items()
        if sizes[labels[ref]] > 1
    ]
    assert 0.3 < sum(said) / len(said) < 0.5


def test_noise_scales() -> None:
    assert Noise().scaled(1) == Noise()
    assert set(asdict(Noise().scaled(0)).values()) == {0.0}
    assert all(0 <= value < 1 for value in asdict(Noise().scaled(100)).values())
    assert Noise().scaled(1.5).start_missing > Noise().start_missing
    assert all(field.name in Noise.__slots__ for field in fields(Noise))
    with pytest.raises(ValueError, match="must be 0 or more"):
        Noise().scaled(-1)


# --- what must not be given away -------------------------------------------------------------------------------------


def test_no_text_names_the_crisis() -> None:
    for seed in SEEDS:
        told = crisis(seed)
        secrets = {*told.labels.values(), *KINDS}
        for each in told.messages:
            texts = [each.message.id, each.message.reason or ""]
            if isinstance(each.message, Incident):
                texts += [each.message.title, each.message.description, each.message.cause.text]
            assert not any(secret in text.casefold() for secret in secrets for text in texts)


def test_related_and_unrelated_faults_are_told_in_the_same_words() -> None:
    words: defaultdict[bool, set[str]] = defaultdict(set)
    for seed in range(120):
        sizes = Counter(crisis(seed).labels.values())
        for ref, told in revisions(crisis(seed)).items():
            words[sizes[crisis(seed).labels[ref]] > 1] |= {told[0].title.split(",")[0], told[0].description}
    power = {"Elavbrott", "Störning i elnätet", "Kunder utan el"}  # the owner of the grid alone has no lone faults
    assert words[True] - power == words[False]


def test_true_times_fall_on_no_grid() -> None:
    starts = [told[0].started_at for _, told in all_incidents(0.0)]
    assert sum(start is not None and start.second == 0 for start in starts) / len(starts) < 0.05
    millis = {start.microsecond for start in starts if start is not None}
    assert len(millis) > 0.5 * min(len(starts), 1000)


def test_it_is_an_exercise() -> None:
    assert {each.message.status for each in crisis(0).messages} == {MessageStatus.EXERCISE}


# --- the command -----------------------------------------------------------------------------------------------------


def written(each: Simulated) -> str:
    return write_line(each.message, each.sent_at, each.known_at)


def test_the_command_prints_the_messages_and_writes_the_labels(tmp_path: Path) -> None:
    truth = tmp_path / "truth.ndjson"
    ran = CliRunner().invoke(cli, ["simulate", "--seed", "1", "--crisis", "cable-cut", "--labels", str(truth)])
    assert ran.exit_code == 0
    assert ran.stdout.splitlines() == [written(each) for each in crisis(1).messages]
    labels = [json.loads(line) for line in truth.read_text("utf-8").splitlines()]
    assert {line["ref"]: line["crisis"] for line in labels} == crisis(1).labels


def test_the_command_takes_noise_and_refuses_a_kind_that_there_is_not() -> None:
    plain = CliRunner().invoke(cli, ["simulate", "--seed", "1", "--crisis", "cable-cut", "--noise", "0"])
    assert plain.stdout.splitlines() == [written(each) for each in crisis(1, 0.0).messages]
    wrong = CliRunner().invoke(cli, ["simulate", "--seed", "1", "--crisis", "earthquake"])
    assert wrong.exit_code == 2
    assert "use one of storm, cable-cut" in wrong.stderr
