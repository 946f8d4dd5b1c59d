"""Alerts without a wire: which rules are taken, what is a fact, when something is due, and what is said of it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bus.errors import InvalidSettings
from bus.messages import Emergency
from bus.topics import Realm
from bus.vocabulary import AckAnswer, Audience, EmergencyImpact, IncidentState, Role, Tlp
from consumers.alerts.facts import Fact, of_hub, of_picture
from consumers.alerts.rules import AlertRules, Rule, Thresholds, WebhookChannel, read_rules
from consumers.alerts.schedule import Delivery, Occasion, Told, after, due
from consumers.alerts.sending import signature
from consumers.alerts.wording import TEXTS, Alert, worded
from consumers.merge import Projections, State
from ntsg import cli
from tests.merging import LATER, ack, at, count, fold, incident, status

REALM, EXERCISE = Realm("ntsg"), Realm("ntsg-exercise")
HOOK = {"name": "jour", "kind": "webhook", "url": "https://larm.example/ntsg"}
MAIL = {
    "name": "mejl",
    "kind": "email",
    "host": "smtp.example",
    "sender": "ntsg@example.org",
    "to": ["vakt@example.org"],
}
NOW = at(6)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A file of rules, and the secret that it names."""
    secret = tmp_path / "secret"
    secret.write_text("hemligt\n")

    def written(*channels: Mapping[str, object], top: str = "") -> Path:
        lines = [top]
        for channel in channels:
            lines.append("[[channels]]")
            lines += [
                f"{name} = {_toml(value)}"
                for name, value in {"secret_file": str(secret), **channel}.items()
                if value is not None
            ]
        path = tmp_path / "alerts.toml"
        path.write_text("\n".join(lines), "utf-8")
        return path

    return written


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | list) else f'"{value}"'


def rules(**fields: Any) -> AlertRules:
    channel = WebhookChannel.model_validate({**HOOK, "secret_file": "/nowhere", **fields.pop("channel", {})})
    return AlertRules(channels=(channel,), **fields)


def facts(state: State, as_of: datetime = LATER, **thresholds: Any) -> list[Fact]:
    wanted = Thresholds(**{"silent": (), **thresholds})
    return list(of_picture(Projections(state).items(Audience.FULL, as_of), wanted))


# The file


def test_a_file_of_rules_is_read(write: Write) -> None:
    found = read_rules(write(HOOK, {**MAIL, "secret_file": None, "rules": ["SEVERITY"]}, top="[rules]\nseverity = 5\n"))
    assert found.rules.severity == 5
    assert [(channel.name, channel.ceiling) for channel in found.channels] == [("jour", Tlp.AMBER), ("mejl", Tlp.AMBER)]
    assert found.channels[1].rules == (Rule.SEVERITY,)


@pytest.mark.parametrize(
    ("channels", "top", "reason"),
    [
        ([{**HOOK, "url": "http://larm.example/ntsg"}], "", "use https"),
        ([{**HOOK, "url": "file:///etc/passwd"}], "", "must be an address"),
        ([{**HOOK, "ceiling": "UNKNOWN"}], "", "must be one of RED"),
        ([{**HOOK, "secret_file": "/nowhere"}], "", "the secret in /nowhere cannot be read"),
        ([{**HOOK, "color": "red"}], "", "color"),
        ([HOOK, HOOK], "", "two have the same name"),
        ([], "", "channels"),
        ([{**MAIL, "secret_file": None, "starttls": False}], "", "without TLS"),
        ([{**MAIL, "secret_file": None, "to": ["a@b\\nBcc: c@d"]}], "", "not an address"),
        ([{**MAIL, "secret_file": None, "user": "ntsg"}], "", "go together"),
        ([HOOK], "resend_minutes = -1", "resend_minutes"),
        ([HOOK], "= 3", "is not TOML"),
    ],
)
def test_a_file_that_is_wrong_says_where(
    write: Write, channels: list[dict[str, object]], top: str, reason: str
) -> None:
    with pytest.raises(InvalidSettings, match=reason):
        read_rules(write(*channels, top=top))


def test_no_secret_shows(write: Write) -> None:
    found = read_rules(write({**HOOK, "url": "https://larm.example/TOKEN"}))
    assert "TOKEN" not in repr(found)
    assert "hemligt" not in repr(found)


# Facts


def test_a_grave_situation_is_a_fact_as_long_as_it_is_open() -> None:
    [fact] = facts(fold(incident(users=count(200_000), title="Stort fel")))
    assert (fact.rule, fact.degree, fact.title, fact.tlp) == (Rule.SEVERITY, 4, "Stort fel", Tlp.AMBER)
    assert facts(fold(incident(users=count(200)))) == []
    assert facts(fold(incident(users=count(200_000))), severity=0) == []
    over = fold(incident(users=count(200_000)), incident(revision=2, users=count(200_000), state=IncidentState.CLOSED))
    assert facts(over) == []


def test_112_lost_is_a_fact_of_its_county() -> None:
    lost = Emergency(impact=EmergencyImpact.LOST_NO_FALLBACK)
    state = fold(incident(codes=("0767",), emergency=lost))
    [fact] = [fact for fact in facts(state) if fact.rule is Rule.EMERGENCY]
    assert (fact.subject, fact.title) == ("area/07", "Kronobergs län")
    assert fact.answered_by == tuple(f"situation/{s.id}" for s in state.view(LATER, {}, True).situations)
    with_fallback = fold(incident(emergency=Emergency(impact=EmergencyImpact.LOST_WITH_FALLBACK)))
    assert not [fact for fact in facts(with_fallback) if fact.rule is Rule.EMERGENCY]


def test_a_silent_operator_is_a_fact_and_each_silence_another() -> None:
    state = fold(status("nordtel", 1))

    def silent(as_of: datetime) -> list[Fact]:
        found = facts(state, as_of, silent=(Role.MNO,))
        return [fact for fact in found if fact.rule is Rule.SILENT and fact.subject.startswith("actor/nordtel/")]

    assert silent(at(0.1)) == []
    [first] = silent(at(5))
    assert first.answered_by == ("status/nordtel/status",)
    state.apply(status("nordtel", 2, observed_at=at(6)))
    assert silent(at(6.1)) == []
    [second] = silent(at(12))
    assert first.id != second.id
    assert not [f for f in facts(state, at(12), silent=(Role.IX,)) if f.rule is Rule.SILENT]


def test_the_bus_itself_is_watched() -> None:
    found = list(of_hub(["ntsg.incident.v1.nordtel:0"], 25, Thresholds(quarantined=10)))
    assert [(fact.rule, fact.degree) for fact in found] == [(Rule.HELD_BACK, 1), (Rule.QUARANTINE, 2)]
    assert list(of_hub([], 9, Thresholds(quarantined=10))) == []
    assert list(of_hub([], 9, Thresholds(quarantined=0))) == []


# What is due


FACT = Fact(Rule.SEVERITY, "situation/sit-1", 4, Tlp.AMBER, "Stort fel", "4", ("situation/sit-1",))


def told(times: int = 1, degree: int = 4, minutes_ago: float = 0) -> dict[str, Told]:
    delivery = Delivery(FACT, rules().channels[0], Occasion.NEW, times, withheld=False)
    record = after(delivery, None, NOW - timedelta(minutes=minutes_ago))
    assert record is not None
    return {record.key: record.model_copy(update={"degree": degree})}


def occasions(
    fact: Fact | None,
    before: dict[str, Told],
    answered: datetime | None = None,
    gone: datetime | None = None,
    **fields: Any,
) -> list[tuple[Occasion, int]]:
    found = due(
        [fact] if fact else [],
        before,
        {FACT.id: gone} if gone else {},
        {FACT.id: answered} if answered else {},
        rules(**fields),
        NOW,
    )
    return [(delivery.occasion, delivery.times) for delivery in found]


def test_a_fact_is_told_once_and_again_only_when_it_gets_worse() -> None:
    assert occasions(FACT, {}) == [(Occasion.NEW, 1)]
    assert occasions(FACT, told()) == []
    assert occasions(FACT, told(degree=3)) == [(Occasion.WORSE, 1)]
    assert occasions(FACT, told(degree=5)) == []


def test_of_much_the_most_pressing_is_told_first() -> None:
    silent = replace(FACT, rule=Rule.SILENT, degree=1)
    worse, without_112 = (
        replace(FACT, subject="situation/sit-2", degree=5),
        replace(FACT, rule=Rule.EMERGENCY, degree=1),
    )
    found = due([silent, FACT, worse, without_112], {}, {}, {}, rules(), NOW)
    assert [delivery.fact for delivery in found] == [without_112, worse, FACT, silent]


def test_what_is_ignored_is_told_again_until_it_is_acknowledged() -> None:
    assert occasions(FACT, told(minutes_ago=14)) == []
    assert occasions(FACT, told(times=2, minutes_ago=15)) == [(Occasion.AGAIN, 3)]
    assert occasions(FACT, told(minutes_ago=15), answered=NOW - timedelta(minutes=5)) == []
    assert occasions(FACT, told(minutes_ago=15), answered=NOW - timedelta(minutes=20)) == [(Occasion.AGAIN, 2)]
    assert occasions(FACT, told(minutes_ago=600), resend_minutes=0) == []


def test_an_acknowledgement_does_not_hush_what_gets_worse() -> None:
    assert occasions(FACT, told(degree=3, minutes_ago=1), answered=NOW) == [(Occasion.WORSE, 1)]


def test_what_flickers_is_not_told_to_be_over() -> None:
    assert occasions(None, told(), gone=NOW - timedelta(seconds=60)) == []
    assert occasions(None, told(), gone=NOW - timedelta(seconds=120)) == [(Occasion.OVER, 1)]
    assert occasions(None, {}) == []


def test_a_reminder_does_not_move_when_the_fact_was_first_told() -> None:
    [before] = told(minutes_ago=15).values()
    again = after(Delivery(FACT, rules().channels[0], Occasion.AGAIN, 2, withheld=False), before, NOW)
    assert again is not None
    assert (again.worst_at, again.told_at, again.times) == (before.worst_at, NOW, 2)
    assert after(Delivery(FACT, rules().channels[0], Occasion.OVER, 1, withheld=False), before, NOW) is None


def test_a_channel_is_told_by_its_own_rules_alone() -> None:
    assert occasions(FACT, {}, channel={"rules": ["SILENT"]}) == []


# Who may say that it was seen


@pytest.mark.parametrize(
    ("actor", "answer", "counts"),
    [
        ("samordning", AckAnswer.READ, True),
        ("samordning", AckAnswer.DISMISSED, True),
        ("samordning", AckAnswer.CAUSE_DISPUTED, False),
        ("sveamobil", AckAnswer.READ, False),
    ],
)
def test_the_coordination_acknowledges_by_any_id_of_a_situation(actor: str, answer: AckAnswer, counts: bool) -> None:
    two = (incident(), incident("sveamobil", "S-1", 2, related_to=("incident/nordtel/I-1",)))
    [situation] = fold(*two).view(LATER, {}, True).situations
    for id in (situation.id, *situation.aliases):
        state = fold(*two, ack(f"situation/{id}", answer, actor))
        state.view(LATER, {}, True)
        assert (state.acknowledged(f"situation/{situation.id}") is not None) == counts
    assert fold(*two).acknowledged(f"situation/{situation.id}") is None


# What is said


def alert(fact: Fact, realm: Realm = REALM, occasion: Occasion = Occasion.NEW, **channel: Any) -> Alert:
    found = rules(channel=channel, link="https://rummet.example")
    [delivery] = due([fact], {}, {}, {}, found, NOW)
    changed = Delivery(delivery.fact, delivery.channel, occasion, 3, delivery.withheld)
    return worded(changed, realm, NOW, found.link)


def test_an_alert_says_what_where_and_how_to_answer() -> None:
    swedish = alert(FACT)
    assert swedish.subject == "[SKARPT LÄGE] Allvarlighet 4 Avsevärd: Stort fel"
    assert "Öppna rummet: https://rummet.example" in swedish.body
    assert "Påminns tills samordningen kvitterar: situation/sit-1" in swedish.body
    english = alert(FACT, EXERCISE, Occasion.AGAIN, language="en")
    assert english.subject == "[EXERCISE] REMINDER 2: Severity 4 Considerable: Stort fel"
    assert english.fields["exercise"] is True


def test_nothing_above_the_ceiling_leaves() -> None:
    red = Fact(Rule.SEVERITY, "situation/sit-hemlig", 4, Tlp.RED, "Hemlig titel", "4", ("situation/sit-hemlig",))
    said = alert(red, ceiling="AMBER")
    assert "Något kräver uppmärksamhet" in said.subject
    everything = f"{said.subject}{said.body}{said.fields}"
    assert "Hemlig" not in everything
    assert "hemlig" not in everything
    assert "Hemlig titel" in alert(red, ceiling="RED").subject
    unknown = Fact(Rule.SEVERITY, "situation/sit-hemlig", 4, Tlp.UNKNOWN, "Hemlig titel", "4")
    assert "Hemlig" not in alert(unknown, ceiling="RED").subject


def test_hostile_titles_stay_on_their_line() -> None:
    nasty = Fact(Rule.SEVERITY, "situation/sit-1", 4, Tlp.CLEAR, "fel\r\nBcc: alla@example.org\x00\u202e", "4")
    assert "\n" not in alert(nasty).subject
    assert alert(nasty).subject.isprintable()


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule is not Rule.TEST])
def test_every_rule_has_its_words(rule: Rule) -> None:
    details = {Rule.SEVERITY: "4", Rule.EMERGENCY: "LOST_NO_FALLBACK", Rule.QUARANTINE: "20"}
    fact = Fact(rule, "x", 1, Tlp.GREEN, "Namn", details.get(rule, "2026-01-10T06:00:00Z"))
    texts = {alert(fact, language=language).subject for language in ("sv", "en")}
    assert len(texts) == 2
    assert all("{" not in text for text in texts)


def test_both_languages_have_every_text_with_the_same_gaps() -> None:
    for key, pair in TEXTS.items():
        assert pair.keys() == {"sv", "en"}
        assert pair["sv"].count("{}") == pair["en"].count("{}"), key


def test_a_signature_is_checked_as_the_guide_says() -> None:
    seconds, _, given = signature("hemligt", b'{"a":1}', 1_768_000_000).partition(",v1=")
    expected = hmac.new(b"hemligt", b'1768000000.{"a":1}', hashlib.sha256).hexdigest()
    assert (seconds, given) == ("t=1768000000", expected)


# The command


def test_a_dry_run_prints_and_sends_nothing(write: Write) -> None:
    path = write(HOOK, {**MAIL, "secret_file": None})
    result = CliRunner().invoke(cli, ["alerts", "test", str(path), "--dry-run", "--realm", "ntsg-exercise"])
    assert result.exit_code == 0, result.output
    assert result.stdout.count("[ÖVNING] Provlarm") == 2
    unknown = CliRunner().invoke(cli, ["alerts", "test", str(path), "--channel", "fax"])
    assert (unknown.exit_code, "it has jour, mejl" in unknown.stderr) == (2, True)


def test_a_channel_that_takes_nothing_fails_the_test(write: Write) -> None:
    path = write({**HOOK, "url": "http://127.0.0.1:9/TOKEN"})
    result = CliRunner().invoke(cli, ["alerts", "test", str(path)])
    assert result.exit_code == 1
    assert "channel jour: ConnectError" in result.stderr
    assert "TOKEN" not in result.output
