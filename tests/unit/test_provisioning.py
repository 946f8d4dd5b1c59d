"""What provisioning gives whom, and what it appends to the registry: the rules, without a broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.provision.actions import CreateUser, Plan
from bus.provision.entries import Entry, bundled_schemas, due_entries, ended
from bus.provision.rules import COORDINATION_QUOTA, HUB_QUOTA, Member, Right, kinds_of, members, wanted_topics
from bus.registry import Actor, ReaderEntry, Registry
from bus.topics import COORDINATION_ONLY, Kind, Realm
from bus.vocabulary import Audience, Role

NOW = datetime(2026, 1, 10, 6, tzinfo=UTC)
REALM = Realm("ntsg")
EXERCISE = Realm("ntsg-exercise")
NORDTEL = Actor(slug="nordtel", name="Nordtel", roles=(Role.MNO,))
SAMORDNING = Actor(slug="samordning", name="Samordning", roles=(Role.COORDINATION,))
HUB = ReaderEntry(slug="hub", name="Hub", audience=Audience.FULL, writes_view=True)
ROOM = ReaderEntry(slug="room", name="Room", audience=Audience.FULL)
AUTHORITY = ReaderEntry(slug="tillsyn", name="Tillsyn", audience=Audience.AUTHORITY)
PEER = ReaderEntry(slug="integrator", name="Integrator", audience=Audience.PEER)
PUBLIC = ReaderEntry(slug="press", name="Press", audience=Audience.PUBLIC)
GROUP = ((NORDTEL, SAMORDNING), (HUB, ROOM, AUTHORITY, PEER, PUBLIC))


def member(slug: str, realm: Realm = REALM) -> Member:
    return next(found for found in members(realm, *GROUP, NOW) if found.slug == slug)


def allows(right: Right, operation: str, resource: str, name: str) -> bool:
    """As Kafka's authorizer judges."""
    matches = name.startswith(right.name) if right.pattern == "PREFIXED" else name == right.name
    return (right.operation, right.resource) == (operation, resource) and matches


def may(slug: str, operation: str, name: str, resource: str = "TOPIC", realm: Realm = REALM) -> bool:
    return any(allows(right, operation, resource, name) for right in member(slug, realm).rights)


class TestRights:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_only_coordination_links_and_decides(self, kind: Kind) -> None:
        assert may("nordtel", "WRITE", REALM.input(kind, "nordtel")) is (kind not in COORDINATION_ONLY)
        assert may("samordning", "WRITE", REALM.input(kind, "samordning"))

    def test_nobody_writes_to_another_actors_topic(self) -> None:
        for found in members(REALM, *GROUP, NOW):
            written = {right for right in found.rights if right.operation == "WRITE" and right.resource == "TOPIC"}
            assert all(right.pattern == "LITERAL" for right in written)
            inputs = {parsed for right in written if (parsed := REALM.parse_input(right.name))}
            assert {owner for _, owner in inputs} <= {found.slug}

    def test_an_operator_reads_its_own_input_and_no_other(self) -> None:
        assert may("nordtel", "READ", REALM.input(Kind.INCIDENT, "nordtel"))
        assert not may("nordtel", "READ", REALM.input(Kind.INCIDENT, "samordning"))

    @pytest.mark.parametrize("slug", ["samordning", "hub", "room"])
    def test_hubs_staff_and_the_coordination_group_read_every_input(self, slug: str) -> None:
        assert all(may(slug, "READ", REALM.input(kind, actor)) for kind in Kind for actor in ("nordtel", "a-newcomer"))

    @pytest.mark.parametrize(
        ("slug", "seen"),
        [
            ("hub", {"view", "view_authority", "view_peer", "quarantine", "alerts", "actors", "schemas"}),
            ("room", {"view", "view_authority", "view_peer", "quarantine", "alerts", "actors", "schemas"}),
            ("samordning", {"view", "view_authority", "view_peer", "quarantine", "alerts", "actors", "schemas"}),
            ("tillsyn", {"view_authority", "actors", "schemas"}),
            ("integrator", {"view_peer", "actors", "schemas"}),
            ("nordtel", {"view_peer", "actors", "schemas"}),
            ("press", set()),
        ],
    )
    def test_each_audience_reads_its_own_projection(self, slug: str, seen: set[str]) -> None:
        common = ("view", "view_authority", "view_peer", "quarantine", "alerts", "actors", "schemas")
        assert {name for name in common if may(slug, "READ", getattr(REALM, name))} == seen

    def test_only_the_hub_writes_the_view(self) -> None:
        topics = (REALM.view, REALM.view_authority, REALM.view_peer, REALM.quarantine, REALM.alerts)
        writers = {found.slug for found in members(REALM, *GROUP, NOW) for t in topics if may(found.slug, "WRITE", t)}
        assert writers == {"hub"}
        leaders = {
            f.slug for f in members(REALM, *GROUP, NOW) if may(f.slug, "WRITE", REALM.leader, "TRANSACTIONAL_ID")
        }
        assert leaders == {"hub"}

    def test_nobody_writes_registry_or_schemas(self) -> None:
        assert not [
            f for f in members(REALM, *GROUP, NOW) for t in (REALM.actors, REALM.schemas) if may(f.slug, "WRITE", t)
        ]

    @pytest.mark.parametrize(("realm", "other"), [(REALM, EXERCISE), (EXERCISE, REALM)])
    def test_no_right_of_one_realm_reaches_into_another(self, realm: Realm, other: Realm) -> None:
        foreign = [*wanted_topics(other, GROUP[0]), other.leader, f"{other}.nordtel.group"]
        for found in members(realm, *GROUP, NOW):
            assert not [r for r in found.rights for name in foreign if allows(r, r.operation, r.resource, name)]

    def test_a_user_belongs_to_one_realm(self) -> None:
        assert {found.user for found in members(REALM, *GROUP, NOW)}.isdisjoint(
            found.user for found in members(EXERCISE, *GROUP, NOW)
        )

    def test_a_hub_is_not_held_back(self) -> None:
        assert member("hub").quota is HUB_QUOTA
        assert member("samordning").quota is COORDINATION_QUOTA

    def test_who_has_ended_is_no_member(self) -> None:
        gone = NORDTEL.model_copy(update={"valid_until": NOW})
        staying = SAMORDNING.model_copy(update={"valid_until": NOW + timedelta(seconds=1)})
        assert [found.slug for found in members(REALM, (gone, staying), (), NOW)] == ["samordning"]


class TestTopics:
    def test_inputs_are_kept_for_ever_and_never_compacted(self) -> None:
        topics = wanted_topics(REALM, GROUP[0])
        inputs = {name: config for name, config in topics.items() if REALM.parse_input(name)}
        assert len(inputs) == len(kinds_of(NORDTEL)) + len(kinds_of(SAMORDNING)) == 7 + 9
        for name in (*inputs, REALM.quarantine, REALM.actors, REALM.schemas):
            config = topics[name]
            assert (config["cleanup.policy"], config["retention.ms"], config["retention.bytes"]) == (
                "delete",
                "-1",
                "-1",
            )
            assert config["message.timestamp.type"] == "LogAppendTime"

    def test_views_are_compacted_and_keep_tombstones_for_a_week(self) -> None:
        topics = wanted_topics(REALM, ())
        for name in (REALM.view, REALM.view_authority, REALM.view_peer):
            assert topics[name]["cleanup.policy"] == "compact"
            assert topics[name]["delete.retention.ms"] == str(7 * 24 * 3600 * 1000)


def span(slug: str, start: int | None, end: int | None, name: str = "x") -> Actor:
    return Actor(
        slug=slug,
        name=name,
        valid_from=None if start is None else NOW + timedelta(days=start),
        valid_until=None if end is None else NOW + timedelta(days=end),
    )


class TestRegistryLog:
    def test_what_is_logged_already_is_not_logged_again(self) -> None:
        assert due_entries((NORDTEL, HUB), (NORDTEL, HUB), NOW) == ()

    def test_a_correction_is_appended(self) -> None:
        renamed = NORDTEL.model_copy(update={"name": "Nordtel AB"})
        assert due_entries((NORDTEL,), (renamed,), NOW) == (renamed,)

    def test_who_is_taken_out_ends_now(self) -> None:
        assert due_entries((NORDTEL,), (), NOW) == (NORDTEL.model_copy(update={"valid_until": NOW}),)

    def test_who_ended_before_stays_ended_then(self) -> None:
        assert due_entries((span("nordtel", None, -3),), (), NOW) == ()

    def test_a_new_span_ends_the_one_before(self) -> None:
        due = due_entries((span("nordtel", None, None),), (span("nordtel", 2, None, "y"),), NOW)
        assert due == (span("nordtel", None, 2), span("nordtel", 2, None, "y"))

    def test_a_span_drawn_forward_takes_the_place_of_the_later_one(self) -> None:
        due = due_entries((span("nordtel", 5, None),), (span("nordtel", 2, None, "y"),), NOW)
        assert due == (span("nordtel", 5, 5), span("nordtel", 2, None, "y"))

    def test_ending_a_span_that_has_not_begun_leaves_none_of_it(self) -> None:
        assert tuple(ended([span("nordtel", 5, None)], NOW)) == (span("nordtel", 5, 5),)

    days = st.none() | st.integers(-3, 3)
    spans = st.builds(
        lambda slug, start, length, name: span(slug, start, None if length is None else (start or 0) + length, name),
        st.sampled_from(["ab", "cd"]),
        days,
        st.none() | st.integers(0, 3),
        st.sampled_from(["x", "y"]),
    )

    @given(st.lists(spans, max_size=6), st.lists(spans, max_size=2, unique_by=lambda entry: entry.slug))
    def test_once_appended_nothing_is_due_and_the_registry_says_what_is_wanted(
        self, logged: list[Entry], wanted: list[Entry]
    ) -> None:
        after = (*logged, *due_entries(logged, wanted, NOW))
        assert due_entries(after, wanted, NOW) == ()
        registry = Registry.of(entry for entry in after if isinstance(entry, Actor))
        for entry in wanted:
            for day in range(-4, 8):
                instant = NOW + timedelta(days=day, hours=1)
                if entry.valid_at(instant):
                    assert registry.at(entry.slug, instant) == entry
                elif entry.valid_from is None or instant >= entry.valid_from:
                    assert registry.at(entry.slug, instant) is None
        outside = {entry.slug for entry in logged} - {entry.slug for entry in wanted}
        assert not [slug for slug in outside if registry.at(slug, NOW)]

    def test_every_bundled_schema_has_its_own_fingerprint(self) -> None:
        schemas = bundled_schemas()
        assert len({schema.fingerprint for schema in schemas}) == len(schemas)


class TestPlan:
    def test_nothing_to_do_is_said(self) -> None:
        plan = Plan(REALM, (), ("look here",))
        assert not plan
        assert plan.text == "realm ntsg:\n  no change\n  notice: look here"

    def test_a_user_is_told_with_the_place_of_its_password(self) -> None:
        plan = Plan(REALM, (CreateUser("ntsg.hub", Path("/c/hub.toml"), "b:1", has_password=False),))
        assert plan
        assert plan.text == "realm ntsg:\n  create user ntsg.hub, password in /c/hub.toml"
