"""Signed records: keys, signatures, and what the picture takes when the registry asks for them."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import InvalidInput, InvalidRegistry, InvalidSettings
from bus.registry import Actor, read_group
from bus.settings import Settings
from bus.signatures import HEADER, PublicKey, Signature, signed_bytes, signs
from bus.signing import Signer, new_key
from bus.topics import Realm, TopicPartition
from bus.transport.memory import MemoryTransport
from bus.transport.port import Outgoing
from bus.vocabulary import Role, SignaturePolicy
from consumers.authority import RefusalCode
from consumers.fold import Fold
from producers.publisher import Publisher
from tests.group import BEGIN, Log, entries, incident, record

REALM = Realm("ntsg")
HOUR = timedelta(hours=1)
UNSIGNED = record(REALM, incident())


@pytest.fixture
def key(tmp_path: Path) -> Path:
    new_key(tmp_path / "nordtel.key")
    return tmp_path / "nordtel.key"


@pytest.fixture
def signer(key: Path) -> Signer:
    return Signer.read(key)


def nordtel(
    *keys: PublicKey, policy: SignaturePolicy = SignaturePolicy.REQUIRE, since: datetime | None = None
) -> Actor:
    texts = tuple(str(key) for key in keys)
    return Actor(
        slug="nordtel", name="Nordtel", roles=(Role.MNO,), public_keys=texts, signatures=policy, signed_since=since
    )


def folded(*records: Outgoing, entry: Actor, at: datetime = BEGIN) -> Fold:
    fold = Fold(REALM)
    fold.apply(Log(REALM).add(*entries(REALM, [entry])).add(*records, at=at).records)
    return fold


def codes(fold: Fold) -> Sequence[RefusalCode]:
    return [held.refusal.code for held in fold.quarantine.held.values()]


# Keys


def test_a_private_key_is_its_owners_alone_and_never_written_over(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    with pytest.raises(InvalidInput, match="never written over"):
        new_key(key)
    assert key.read_bytes() == before


def test_nothing_shows_the_private_key(key: Path, signer: Signer) -> None:
    secret = "".join(key.read_text().splitlines()[1:-1])
    assert secret not in repr(signer)
    assert secret not in repr(Settings(signing_key=key))


@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file"), (b"rubbish", "not a private key"), (b"", "not a private key")]
)
def test_a_key_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "some.key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettings, match=rf"signing_key .*some\.key: {told}.*ntsg key new"):
        signs(Settings(signing_key=file))


def test_a_public_key_reads_as_it_is_written(signer: Signer) -> None:
    for found in (signer.public, replace(signer.public, valid_from=BEGIN), replace(signer.public, valid_until=BEGIN)):
        assert PublicKey.parse(str(found)) == found


NO_KEYS = ["", "ed25519", "rsa:AAAA", "ed25519:?", "ed25519:AAAA", f"ed25519:{'A' * 43}= since=2026-01-01T00:00Z"]


@pytest.mark.parametrize("text", NO_KEYS)
def test_what_is_no_public_key_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidRegistry, match=r"actors\.nordtel: .*public_keys: "):
        read_group(f'[actors.nordtel]\nname = "Nordtel"\npublic_keys = ["{text}"]\n')


# Signatures

parts = st.tuples(st.text(max_size=3), st.binary(max_size=3), st.binary(max_size=3))


@given(parts, parts)
def test_different_records_are_signed_differently(
    one: tuple[str, bytes, bytes], other: tuple[str, bytes, bytes]
) -> None:
    assert (one == other) == (signed_bytes(*one) == signed_bytes(*other))


def test_a_signed_record_is_taken(signer: Signer) -> None:
    assert not codes(folded(signer.sign(UNSIGNED), entry=nordtel(signer.public)))


@pytest.mark.parametrize("header", [b"ed25519;0011223344556677;AAAA", b"\xff", b"", b"a;b", b"ed25519;x;?"])
def test_a_signature_that_cannot_be_read_is_held(signer: Signer, header: bytes) -> None:
    forged = replace(UNSIGNED, headers=(*UNSIGNED.headers, (HEADER, header)))
    assert codes(folded(forged, entry=nordtel(signer.public))) == [RefusalCode.BAD_SIGNATURE]


def test_a_signature_holds_for_one_record_alone(signer: Signer) -> None:
    entry = nordtel(signer.public)
    other = signer.sign(record(REALM, incident(id="I-2")))
    exercise = signer.sign(replace(UNSIGNED, topic=Realm("ntsg-exercise").input(incident().kind, "nordtel")))
    for lent in (other, exercise):
        fold = folded(replace(UNSIGNED, headers=lent.headers), entry=entry)
        assert codes(fold) == [RefusalCode.BAD_SIGNATURE]
        assert fold.state.view(BEGIN, {}, True).situations == ()


def test_a_second_signature_makes_none_right(signer: Signer) -> None:
    twice = signer.sign(signer.sign(UNSIGNED))
    assert codes(folded(twice, entry=nordtel(signer.public))) == [RefusalCode.BAD_SIGNATURE]


def test_another_key_signs_nothing_here(signer: Signer, tmp_path: Path) -> None:
    new_key(tmp_path / "other.key")
    stranger = Signer.read(tmp_path / "other.key")
    assert codes(folded(stranger.sign(UNSIGNED), entry=nordtel(signer.public))) == [RefusalCode.BAD_SIGNATURE]


# What the registry asks for


@pytest.mark.parametrize("policy", SignaturePolicy)
def test_the_policy_decides_about_what_is_not_signed(signer: Signer, policy: SignaturePolicy) -> None:
    asked = policy in {SignaturePolicy.REQUIRE, SignaturePolicy.UNKNOWN}
    fold = folded(UNSIGNED, entry=nordtel(signer.public, policy=policy))
    assert codes(fold) == [RefusalCode.UNSIGNED] * asked


def test_who_is_warned_of_sees_what_is_not_verified(signer: Signer, tmp_path: Path) -> None:
    entry = nordtel(signer.public, policy=SignaturePolicy.WARN)
    new_key(tmp_path / "other.key")
    signed, stranger = signer.sign(UNSIGNED), Signer.read(tmp_path / "other.key").sign(UNSIGNED)
    for records, case in (
        ((UNSIGNED,), "UNSIGNED"),
        ((stranger,), "UNVERIFIABLE"),
        ((stranger, UNSIGNED), "UNSIGNED"),
        ((UNSIGNED, stranger), "UNSIGNED"),
    ):
        [flag] = folded(*records, entry=entry).state.view(BEGIN, {}, True).flags
        assert (flag.code, flag.case, flag.refs) == ("UNVERIFIED", case, ("incident/nordtel/I-1",))
    for records in ((signed,), (UNSIGNED, signed), (signed, UNSIGNED), (stranger, signed)):
        assert folded(*records, entry=entry).state.view(BEGIN, {}, True).flags == ()


def test_what_was_known_before_the_policy_held_stays(signer: Signer) -> None:
    entry = nordtel(signer.public, since=BEGIN)
    assert not codes(folded(UNSIGNED, entry=entry, at=BEGIN - HOUR))
    assert codes(folded(UNSIGNED, entry=entry, at=BEGIN)) == [RefusalCode.UNSIGNED]


def test_a_key_speaks_in_its_span_alone(signer: Signer) -> None:
    entry = nordtel(replace(signer.public, valid_from=BEGIN, valid_until=BEGIN + HOUR))
    for at, held in ((BEGIN - HOUR, True), (BEGIN, False), (BEGIN + HOUR, True)):
        assert codes(folded(signer.sign(UNSIGNED), entry=entry, at=at)) == [RefusalCode.BAD_SIGNATURE] * held


def test_a_key_that_arrives_late_releases_what_it_signed(signer: Signer) -> None:
    log = Log(REALM).add(*entries(REALM, [nordtel()])).add(signer.sign(UNSIGNED))
    fold = Fold(REALM)
    fold.apply(log.records)
    assert codes(fold) == [RefusalCode.BAD_SIGNATURE]
    fold.apply(log.add(*entries(REALM, [nordtel(signer.public)])).records)
    assert not codes(fold)
    assert fold.needs_refold is None
    assert len(fold.state.view(BEGIN, {}, True).situations) == 1


def test_a_key_that_follows_another_changes_nothing_of_the_past(signer: Signer, tmp_path: Path) -> None:
    following = new_key(tmp_path / "next.key")
    log = Log(REALM).add(*entries(REALM, [nordtel(signer.public)])).add(signer.sign(UNSIGNED))
    fold = Fold(REALM)
    fold.apply(log.records)
    retired = replace(signer.public, valid_until=BEGIN + HOUR)
    fold.apply(log.add(*entries(REALM, [nordtel(retired, following)])).records)
    assert fold.needs_refold is None


@pytest.mark.parametrize("what", ["revoked", "required"])
def test_who_asks_more_of_the_past_has_it_folded_anew(signer: Signer, what: str) -> None:
    revoked = what == "revoked"
    before = nordtel(signer.public, policy=SignaturePolicy.REQUIRE if revoked else SignaturePolicy.OFF)
    after = nordtel(replace(signer.public, valid_until=BEGIN) if revoked else signer.public)
    log = Log(REALM).add(*entries(REALM, [before])).add(signer.sign(UNSIGNED) if revoked else UNSIGNED)
    fold = Fold(REALM)
    fold.apply(log.records)
    assert not codes(fold)
    fold.apply(log.add(*entries(REALM, [after])).records)
    assert fold.needs_refold is not None
    anew = Fold(REALM)
    anew.apply(sorted(log.records, key=lambda record: record.topic != REALM.actors))
    assert codes(anew) == [RefusalCode.BAD_SIGNATURE if revoked else RefusalCode.UNSIGNED]


# The publisher


async def test_with_a_key_in_the_settings_every_record_is_signed(key: Path, signer: Signer) -> None:
    bus = MemoryTransport()
    bus.create(UNSIGNED.topic)
    async with Publisher(Settings(user="ntsg.nordtel", signing_key=key), transport=bus) as publisher:
        await publisher.publish(incident())
    async with bus.reader({TopicPartition(UNSIGNED.topic, 0): 0}) as reader:
        (stored,) = await reader.read(timeout=1)
    signature = Signature.of(stored.headers)
    assert signature is not None
    assert signature.key_id == signer.public.id
    sent = Outgoing(stored.topic, stored.key or b"", stored.value, stored.headers)
    assert not codes(folded(sent, entry=nordtel(signer.public)))
