"""Any record of the contract, whole: every field drawn from all that its annotation lets in."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any

from hypothesis import strategies as st
from pydantic import AfterValidator, StringConstraints
from pydantic.fields import FieldInfo

from bus import geography
from bus.instants import from_millis
from bus.messages import MESSAGES, Area, Part, Status, Work
from bus.registry import Actor, ReaderEntry
from bus.signatures import PublicKey
from bus.vocabulary import AreaKind
from consumers.merge.view import ITEM_OF_KEY

MODELS: tuple[type[Part], ...] = (*MESSAGES.values(), *ITEM_OF_KEY.values(), Actor, ReaderEntry)
"""Every model that has a schema of its own."""

PLACES = [geography.COUNTRY, *(place.code for place in geography.counties()), "0780", "0781", "2580"]
NAMES = [
    *["a0", "nordtel", "0", "I-1", "incident/nordtel/I-1", "situation/s", "conflict/c"],
    *("n" * 32, "A:" + "_" * 62, f"offer/{'b' * 32}/{'c.' * 32}", "sha256:" + "0" * 64),
]
"""Among them, names that fit each pattern."""
KEYS = [str(PublicKey(bytes([number] * 32))) for number in (0, 255)]
instants = st.integers(-62_135_596_800_000, 253_402_300_799_999).map(from_millis)
areas = st.sampled_from(PLACES).map(lambda code: Area(kind=typing.cast("AreaKind", geography.kind_of(code)), code=code))
uncoded = st.builds(Area, kind=st.sampled_from((AreaKind.OFFSHORE, AreaKind.SITE)), label=st.text(max_size=5))


@cache
def whole(model: Any) -> st.SearchStrategy[Any]:
    """Records of this model or dataclass that keep all its constraints."""
    if model is Area:
        return areas | uncoded
    drawn = {name: _values(annotation) for name, annotation in _annotations(model).items()}
    if issubclass(model, Status):
        drawn["id"] = st.just("status")
    if issubclass(model, Work):
        drawn |= {"starts_at": st.just(datetime(2026, 1, 10, tzinfo=UTC))}
        drawn |= {"ends_at": st.just(datetime(2026, 1, 10, 4, tzinfo=UTC))}
    if issubclass(model, Actor | ReaderEntry):
        drawn |= {"valid_from": st.none() | st.just(datetime(1, 1, 1, tzinfo=UTC))}
    if issubclass(model, Actor):
        drawn["public_keys"] = st.lists(st.sampled_from(KEYS), max_size=3).map(tuple)
    if "areas" in drawn and "impacts" in drawn:
        drawn["areas"] = st.lists(areas | uncoded, min_size=1, max_size=3).map(tuple)
    return st.builds(model, **drawn)


def _annotations(model: Any) -> dict[str, Any]:
    if (found := getattr(model, "__pydantic_fields__", None)) is None:
        return typing.get_type_hints(model, include_extras=True)
    return {
        name: typing.Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        for name, field in found.items()
    }


def _values(annotation: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _constrained(arguments[0], list(_flat(arguments[1:])))
    if origin in (typing.Union, types.UnionType):
        return st.none() | _values(next(one for one in arguments if one is not types.NoneType))
    if origin is tuple:
        return st.lists(_values(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(_values(arguments[0]), _values(arguments[1]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if dataclasses.is_dataclass(annotation):
        return whole(annotation)
    return {
        str: st.text(max_size=5) | st.text(min_size=60, max_size=70),
        int: st.integers(-70, 70) | st.integers(-(2**31), 2**31 - 1),
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
    }[annotation]


def _constrained(bare: Any, constraints: list[Any]) -> st.SearchStrategy[Any]:
    said = {name: getattr(one, name) for one in constraints for name in ("ge", "le", "min_length", "max_length")
            if getattr(one, name, None) is not None}  # fmt: skip
    if bare is datetime:
        return instants
    if bare is int and said:
        return st.integers(said["ge"], said["le"]) | st.integers(said["ge"], min(said["le"], 200))
    if bare is float and constraints:
        return st.floats(said.get("ge"), said.get("le"), allow_nan=False, allow_infinity=False)
    if bare is str:
        if any(isinstance(one, AfterValidator) for one in constraints):
            return st.sampled_from(PLACES)
        patterns = [one.pattern for one in constraints if isinstance(one, StringConstraints) and one.pattern]
        if patterns:
            return st.sampled_from([text for text in NAMES if re.fullmatch(patterns[0], text)])
        return st.text(min_size=said.get("min_length", 0), max_size=min(said.get("max_length", 70), 70))
    if typing.get_origin(bare) is tuple:
        return st.lists(_values(typing.get_args(bare)[0]), min_size=said.get("min_length", 0), max_size=3).map(tuple)
    return _values(bare)


def _flat(constraints: tuple[Any, ...]) -> typing.Iterator[Any]:
    for one in constraints:
        yield from one.metadata if isinstance(one, FieldInfo) else (one,)
