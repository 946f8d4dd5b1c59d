"""Golden scenarios: events as operators would tell them, and what the picture must say at several instants.

A scenario is two files in `tests/scenarios/`: NAME.ndjson with the messages, and NAME.toml with the story and the
expectations. Each `[[at]]` has an instant (`as_of`), a line on why it is of interest (`because`), and tables of what
must hold: `[at.view]` maps paths into `ntsg merge --json` to values, `[at.explained]` maps references to a piece of the
English answer of `ntsg merge --explain`.

A path is names joined by dots. `[..]` chooses from a list by what an element is called: a situation by one of its
reports, everything else by ref, code, rule, actor, id, or, among plain texts, itself. `count` is how many there are.
The value `unknown` stands for null, `>= 3` for that much or more. A path that leads nowhere fails; that there is none
is said with `count`.

    situations[incident/nordtel/I-1].users.MOBILE_VOICE.best = 32_000_000
    flags[COUNT_JUMP].count = 1
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from bus.instants import parse_instant
from bus.ndjson import Line, read_line
from bus.registry import Registry, read_group
from bus.topics import Realm
from consumers.explaining import in_words
from consumers.files import explain_lines, merge_lines
from consumers.words import ENGLISH

DIRECTORY = Path(__file__).parent / "scenarios"
REALM = Realm("ntsg-exercise")
NAMES = ("ref", "offer", "code", "rule", "actor", "id", "type", "name", "basis")
"""What an element of a list may be called by, of what they have."""
TABLES = {"as_of", "because", "view", "explained"}

_STEP = re.compile(r"\.?(?P<name>[A-Za-z0-9_]+)|\[(?P<choice>[^\]]+)\]")


@dataclass(frozen=True)
class Checkpoint:
    """What must hold at an instant."""

    as_of: datetime
    because: str
    view: Mapping[str, JsonValue]
    explained: Mapping[str, str]


@dataclass(frozen=True)
class Scenario:
    """A story, its messages, and its expectations."""

    name: str
    title: str
    story: str
    lines: tuple[Line, ...]
    checkpoints: tuple[Checkpoint, ...]

    def failures(self, checkpoint: Checkpoint) -> Iterator[str]:
        """What does not hold, each with what is there instead."""
        registry = group()
        view = merge_lines(self.lines, realm=REALM, registry=registry, as_of=checkpoint.as_of).model_dump(mode="json")
        for path, expected in checkpoint.view.items():
            try:
                found = look_up(view, path)
            except LookupError as error:
                found = f"no such path: {error}"
            if not holds(found, expected):
                yield f"{path}: expected {expected!r}, found {found!r}"
        for ref, piece in checkpoint.explained.items():
            explanation = explain_lines(self.lines, ref, realm=REALM, registry=registry, as_of=checkpoint.as_of)
            answer = " ".join(in_words(explanation, ENGLISH).split())
            if piece not in answer:
                yield f"{ref}: expected {piece!r} in {answer!r}"


def names() -> list[str]:
    return sorted(path.stem for path in DIRECTORY.glob("*.toml") if path.stem != "actors")


def group() -> Registry:
    """The made-up group of all scenarios."""
    path = DIRECTORY / "actors.toml"
    return Registry.of(read_group(path.read_text("utf-8"), str(path))[0])


def read(name: str) -> Scenario:
    told = tomllib.loads((DIRECTORY / f"{name}.toml").read_text("utf-8"))
    texts = (DIRECTORY / f"{name}.ndjson").read_text("utf-8").splitlines()
    return Scenario(
        name=name,
        title=told["title"],
        story=told["story"],
        lines=tuple(map(read_line, texts)),
        checkpoints=tuple(_checkpoint(at) for at in told["at"]),
    )


def _checkpoint(at: Mapping[str, object]) -> Checkpoint:
    assert at.keys() <= TABLES, f"unknown keys {at.keys() - TABLES}; use {', '.join(sorted(TABLES))}"
    return Checkpoint(
        parse_instant(str(at["as_of"])), str(at["because"]), dict(at.get("view", {})), dict(at.get("explained", {}))
    )


def holds(found: JsonValue, expected: JsonValue) -> bool:
    """Whether what stands there is what must."""
    if isinstance(expected, str) and expected.startswith(">= "):
        return isinstance(found, int | float) and found >= float(expected.removeprefix(">= "))
    return found == (None if expected == "unknown" else expected)


def look_up(document: JsonValue, path: str) -> JsonValue:
    """What stands at a path. Raises LookupError where nothing does, or more than one thing, saying what is there."""
    found, chosen = [document], ""
    for name, choice in _steps(path):
        if choice:
            found = [element for element in _list(_only(found, chosen)) if choice in called(element)]
        elif name == "count":
            found = [len(found if chosen else _list(_only(found, chosen)))]
        else:
            found = [_field(_only(found, chosen), name)]
        chosen = choice
    return _only(found, chosen)


def called(element: JsonValue) -> set[str]:
    """What an element of a list may be chosen by."""
    if not isinstance(element, dict):
        return {str(element)}
    if "members" in element:
        return {*element["members"], *element["duplicates"], *element["aliases"], element["id"]}
    return {str(element[name]) for name in NAMES if element.get(name) is not None}


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """The steps of a path: each a name, or a choice."""
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise LookupError(f"{path[position:]!r} is no step of a path")
        position = step.end()
        yield step["name"] or "", step["choice"] or ""


def _only(found: list[JsonValue], chosen: str) -> JsonValue:
    if len(found) != 1:
        raise LookupError(f"{len(found) or 'nothing'} called {chosen}")
    return found[0]


def _list(here: JsonValue) -> list[JsonValue]:
    if isinstance(here, list):
        return here
    raise LookupError(f"{here!r} is no list to choose from")


def _field(here: JsonValue, name: str) -> JsonValue:
    if isinstance(here, dict) and name in here:
        return here[name]
    raise LookupError(f"no {name}; there is {sorted(here) if isinstance(here, dict) else here!r}")
