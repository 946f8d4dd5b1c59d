"""Reading Avro straight into models, for records of the very schema that this package writes.

A schema and its model are compiled once, side by side, into plain functions: no dicts between bytes and model, and
what repeats is made once. The way is swift because it is narrow. It takes only what is plainly right; on anything else
(damage, a broken constraint, an unknown symbol, an unusual spelling) it raises a Surprise, and the codec goes the full
way, which alone judges and explains. So a compiled reader accepts nothing that the full way refuses, and what it
gives is equal.

No constraint is said a second time. Where an annotation has one, pydantic itself judges the value by that annotation;
the checks of a whole record are its own validators. What there is no rule for cannot be compiled.
"""

from __future__ import annotations

import struct
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from bus.instants import Instant, from_millis
from schemas import Schema

B = TypeVar("B", bound=BaseModel)
Read = Callable[[bytes, int], tuple[Any, int]]
"""From the bytes and a position to the value that begins there, and the position after it."""
Judge = Callable[[Any], Any]
"""What a value is taken for; raises a ValueError for one that breaks a constraint."""

_PRESENT = 2
"""The byte before the value of an optional field."""

_MORE = 0x81
"""The bits of a size's first byte of which any says that it takes more bytes, or is negative."""

_MOST_KEPT = 4_096
"""Of each kind of value that is made once and used again. A full store begins anew."""

_LONGEST_KEPT = 128
"""Bytes of a value that is kept."""

_LENGTHS_TRIED = 4
"""A value that was read before is looked for by the lengths that its kind had last."""


class Surprise(ValueError):
    """Not plainly right: to be read the full way."""


class _Longer:
    """In a table of one-byte values: here the value takes more bytes, or is none."""


_LONGER = _Longer()


class _Reader(NamedTuple):
    """How to read one type. `short` has, per first byte, the value that this byte alone spells: most fields hold one.
    `read` is for all other first bytes.
    """

    short: tuple[Any, ...]
    read: Read
    repeats: bool = False
    """Whether its values never change and often come again, so that they are worth keeping."""


_Part = tuple[tuple[Any, ...], Read]
"""A reader in its place, where it may remember: its table, and how to read what is not in it."""


class _Kept(dict[bytes, Any]):
    """A bounded store of what was read before, by its bytes."""

    def keep(self, spelled: bytes, value: Any) -> None:
        if len(spelled) <= _LONGEST_KEPT:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[spelled] = value


def compile_reader(schema: Schema, model: type[B]) -> Callable[[bytes, int], B]:
    """A function from bytes, and the position at which the body begins, to the model that fills them to the end.

    It raises Surprise for what is not plainly right. Raises TypeError for a schema or an annotation that there is no
    rule for.
    """
    read = _record(schema, model, {}).read

    def read_whole(data: bytes, start: int) -> B:
        try:
            value, end = read(data, start)
        except (IndexError, OverflowError, ValueError, AssertionError) as error:
            raise Surprise from error
        if end != len(data):
            raise Surprise
        return typing.cast("B", value)

    return read_whole


# One function per Avro type


def _reader(schema: Any, annotation: Any, named: dict[str, Schema]) -> _Reader:
    match schema:
        case str() if schema in named:
            return _reader(named[schema], annotation, named)
        case "string":
            return _text(annotation)
        case "long" | "int":
            return _whole_number(annotation)
        case "double":
            return _double(annotation)
        case "boolean":
            return _boolean(annotation)
        case ["null", other]:
            return _optional(_reader(other, _without_none(annotation), named))
        case {"logicalType": "timestamp-millis"} if annotation == Instant:
            return _Reader(_table({}), _read_instant, repeats=True)
    bare, constraints = _parted(annotation)
    match schema:
        case {"type": "record", "name": str(name)} if not constraints and isinstance(bare, type):
            named[name] = schema
            return _record(schema, bare, named)
        case {"type": "enum", "name": str(name), "symbols": symbols} if not constraints and issubclass(bare, Enum):
            named[name] = schema
            return _Reader(_table({2 * index: bare(symbol) for index, symbol in enumerate(symbols)}), _read_nothing)
        case {"type": "array", "items": items} if typing.get_origin(bare) is tuple:
            item, _ = typing.get_args(bare)
            return _array(_reader(items, item, named), _judge(tuple[Any, ...], *constraints) if constraints else None)
        case {"type": "map", "values": values} if typing.get_origin(bare) is dict and not constraints:
            key, value = typing.get_args(bare)
            return _map(_text(key), _reader(values, value, named))
    raise _no_rule(f"{schema!r} read as {annotation!r}")


@cache
def _text(annotation: Any) -> _Reader:
    """Texts of an annotation that says more than `str` are kept, once they were judged."""
    if annotation is str:
        return _Reader(_table({0: ""}), _read_string)
    judge, kept = _judge(annotation), _Kept()

    def read_text(data: bytes, at: int) -> tuple[Any, int]:
        size, start = _read_size(data, at) if data[at] & _MORE else (data[at] >> 1, at + 1)
        end = start + size
        value = kept.get(data[start:end])
        if value is None:
            value = judge(_read_string(data, at)[0])
            kept.keep(data[start:end], value)
        return value, end

    return _Reader(_accepted(judge, {0: ""}), read_text)


@cache
def _whole_number(annotation: Any) -> _Reader:
    one_byte = {zigzag: (zigzag >> 1) ^ -(zigzag & 1) for zigzag in range(0x80)}
    if annotation is int:
        return _Reader(_table(one_byte), _read_long)
    judge = _judge(annotation)

    def read_whole_number(data: bytes, at: int) -> tuple[Any, int]:
        value, end = _read_long(data, at)
        return judge(value), end

    return _Reader(_accepted(judge, one_byte), read_whole_number)


@cache
def _double(annotation: Any) -> _Reader:
    judge = _judge(annotation)
    unpack = struct.Struct("<d").unpack_from

    def read_double(data: bytes, at: int) -> tuple[Any, int]:
        end = at + 8
        if end > len(data):
            raise Surprise
        return judge(unpack(data, at)[0]), end

    return _Reader(_table({}), read_double)


@cache
def _boolean(annotation: Any) -> _Reader:
    return _Reader(_accepted(_judge(annotation), {0: False, 1: True}), _read_nothing)


def _optional(reader: _Reader) -> _Reader:
    short, read, repeats = reader

    def read_optional(data: bytes, at: int) -> tuple[Any, int]:
        if data[at] != _PRESENT:
            raise Surprise
        value = short[data[at + 1]]
        return read(data, at + 1) if value is _LONGER else (value, at + 2)

    return _Reader(_table({0: None}), read_optional, repeats)


def _array(items: _Reader, judge: Judge | None) -> _Reader:
    short, read = _placed(items)

    def read_array(data: bytes, at: int) -> tuple[Any, int]:
        found: list[Any] = []
        while data[at]:
            count, at = _read_size(data, at) if data[at] & _MORE else (data[at] >> 1, at + 1)
            for _ in range(count):
                value = short[data[at]]
                if value is _LONGER:
                    value, at = read(data, at)
                else:
                    at += 1
                found.append(value)
        together = tuple(found)
        return (together if judge is None else judge(together)), at + 1

    return _Reader(_accepted(judge, {0: ()}), read_array, items.repeats)


def _map(keys: _Reader, values: _Reader) -> _Reader:
    (_, read_key, _), (short, read) = keys, _placed(values)

    def read_map(data: bytes, at: int) -> tuple[Any, int]:
        found: dict[Any, Any] = {}
        while data[at]:
            count, at = _read_size(data, at) if data[at] & _MORE else (data[at] >> 1, at + 1)
            for _ in range(count):
                key, at = read_key(data, at)
                value = short[data[at]]
                if value is _LONGER:
                    value, at = read(data, at)
                else:
                    at += 1
                found[key] = value
        return found, at + 1

    return _Reader(_table({}), read_map)


def _record(schema: Schema, model: type, named: dict[str, Schema]) -> _Reader:
    annotations = _annotations(model)
    names = tuple(field["name"] for field in schema["fields"])
    if names != tuple(annotations) or schema["name"].rpartition(".")[2] != model.__name__:
        raise _no_rule(f"record {schema['name']} read as {model.__name__}: other fields, or in another order")
    readers = [_placed(_reader(field["type"], annotations[field["name"]], named)) for field in schema["fields"]]
    parts = list(zip(names, readers, strict=True))
    read = _model_reader(model, parts) if issubclass(model, BaseModel) else _dataclass_reader(model, parts)
    frozen = not any(typing.get_origin(_parted(_without_none(found))[0]) is dict for found in annotations.values())
    return _Reader(_table({}), read, repeats=frozen)


def _placed(reader: _Reader) -> _Part:
    """A reader as a part of something. One whose values repeat remembers them by the bytes that spell them: as no
    value's bytes are the beginning of another's, those of the right length are found again without being read.
    """
    if not reader.repeats:
        return reader.short, reader.read
    read, kept, lengths = reader.read, _Kept(), list[int]()

    def read_again(data: bytes, at: int) -> tuple[Any, int]:
        for length in lengths:
            end = at + length
            value = kept.get(data[at:end])
            if value is not None and end <= len(data):
                return value, end
        value, end = read(data, at)
        if end > len(data):
            raise Surprise
        kept.keep(data[at:end], value)
        if end - at not in lengths:
            lengths.insert(0, end - at)
            del lengths[_LENGTHS_TRIED:]
        return value, end

    return reader.short, read_again


# What the values of a record become


def _model_reader(model: type[BaseModel], parts: Sequence[tuple[str, _Part]]) -> Read:
    if model.model_config.keys() - {"frozen", "extra"} or model.__pydantic_post_init__ or model.__private_attributes__:
        raise _no_rule(f"the configuration of {model.__name__}")
    checks = _checks(model)
    blank = dict.fromkeys(name for name, _ in parts)
    every_field = set(blank)
    fields = [(name, *part) for name, part in parts]
    put = object.__setattr__

    def read_model(data: bytes, at: int) -> tuple[Any, int]:
        held = blank.copy()
        for name, short, read in fields:
            value = short[data[at]]
            if value is _LONGER:
                value, at = read(data, at)
            else:
                at += 1
            held[name] = value
        made: Any = model.__new__(model)
        put(made, "__dict__", held)
        put(made, "__pydantic_fields_set__", every_field)
        put(made, "__pydantic_extra__", None)
        put(made, "__pydantic_private__", None)
        for check in checks:
            check(made)
        return made, at

    return read_model


def _dataclass_reader(model: type, parts: Sequence[tuple[str, _Part]]) -> Read:
    fields = []
    for name, part in parts:
        slot = getattr(model, name, None)
        if not isinstance(slot, types.MemberDescriptorType):
            raise _no_rule(f"{model.__name__}, which has no slots")
        fields.append((slot.__set__, *part))
    checks = _checks(model)

    def read_dataclass(data: bytes, at: int) -> tuple[Any, int]:
        made: Any = object.__new__(model)
        for put, short, read in fields:
            value = short[data[at]]
            if value is _LONGER:
                value, at = read(data, at)
            else:
                at += 1
            put(made, value)
        for check in checks:
            check(made)
        return made, at

    return read_dataclass


def _checks(model: type) -> list[Callable[[Any], object]]:
    """The validators of the record as a whole."""
    decorators = getattr(model, "__pydantic_decorators__", None)
    if decorators is None:
        return []
    if decorators.validators or decorators.field_validators or decorators.root_validators:
        raise _no_rule(f"the field validators of {model.__name__}")
    if any(found.info.mode != "after" for found in decorators.model_validators.values()):
        raise _no_rule(f"a validator of {model.__name__} that does not come last")
    return [found.func for found in decorators.model_validators.values()]


# What an annotation says


def _annotations(model: type) -> dict[str, Any]:
    """The annotation of each field, with all its constraints."""
    found = getattr(model, "__pydantic_fields__", None)
    if found is not None:
        return {name: _joined(field.annotation, field.metadata) for name, field in found.items()}
    if is_dataclass(model):
        hints = typing.get_type_hints(model, include_extras=True)
        return {field.name: hints[field.name] for field in fields(model)}
    raise _no_rule(f"a record read as {model!r}")


def _joined(annotation: Any, constraints: Sequence[Any]) -> Any:
    return Annotated[annotation, *constraints] if constraints else annotation


def _parted(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    if typing.get_origin(annotation) is Annotated:
        return annotation.__origin__, annotation.__metadata__
    return annotation, ()


def _without_none(annotation: Any) -> Any:
    """Of `X | None`, the X."""
    bare, constraints = _parted(annotation)
    if typing.get_origin(bare) not in (typing.Union, types.UnionType):
        return annotation
    others = [argument for argument in typing.get_args(bare) if argument is not types.NoneType]
    if len(others) != 1 or constraints:
        raise _no_rule(repr(annotation))
    return others[0]


def _judge(annotation: Any, *constraints: Any) -> Judge:
    """What pydantic says of a value by its annotation: the value, or a ValidationError, which is a ValueError."""
    return TypeAdapter(_joined(annotation, constraints)).validator.validate_python


# Small things


def _read_long(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    zigzag = byte & 0x7F
    shift = 7
    while byte & 0x80:
        if shift > 56:
            raise Surprise  # the greatest longs, or none
        byte = data[at]
        at += 1
        zigzag |= (byte & 0x7F) << shift
        shift += 7
    return (zigzag >> 1) ^ -(zigzag & 1), at


def _read_size(data: bytes, at: int) -> tuple[int, int]:
    """Of a text in bytes, or of a block in items. Blocks that begin with their own length (a negative number of items)
    are other writers' habit, and so is a zero of several bytes.
    """
    size, at = _read_long(data, at)
    if size <= 0:
        raise Surprise
    return size, at


def _read_string(data: bytes, at: int) -> tuple[str, int]:
    size, start = _read_size(data, at) if data[at] & _MORE else (data[at] >> 1, at + 1)
    end = start + size
    if end > len(data):
        raise Surprise
    return data[start:end].decode(), end


def _read_instant(data: bytes, at: int) -> tuple[Any, int]:
    millis, at = _read_long(data, at)
    return from_millis(millis), at


def _read_nothing(_: bytes, __: int) -> tuple[Any, int]:
    """For types whose every value is one byte, and in the table."""
    raise Surprise


def _table(values: dict[int, Any]) -> tuple[Any, ...]:
    return tuple(values.get(byte, _LONGER) for byte in range(0x80)) + (_LONGER,) * 0x80


def _accepted(judge: Judge | None, values: dict[int, Any]) -> tuple[Any, ...]:
    """The table of those values that keep the constraints."""
    accepted = {}
    for byte, value in values.items():
        try:
            accepted[byte] = value if judge is None else judge(value)
        except ValidationError:
            continue
    return _table(accepted)


def _no_rule(what: str) -> TypeError:
    return TypeError(f"the compiled reader has no rule for {what}")
