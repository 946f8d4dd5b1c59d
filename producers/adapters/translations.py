"""From a source's own names to the contract's: circuits, places and services, as an operator lists them in a file.

    [objects."ICB-1017"]                    # a circuit or a resource, as a notice or a system calls it
    areas = ["1480"]
    services = ["TRANSPORT"]
    infrastructure_ids = ["fibre:vast-7"]   # agreed ids only: they bring reports of several operators together

    [places]
    "Backa teknikbod" = ["1480"]

    [services]
    "Mobilt Bredband Privat" = ["MOBILE_DATA"]

Names are compared without case. A place may also be an SCB code, a county with its "län", or a municipality, exactly as
they are spelt: what is merely alike is not translated, for a wrong place is worse than a place in words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bus import geography
from bus.errors import InvalidSettings
from bus.vocabulary import Service

_BY_NAME = {place.name.casefold(): place.code for place in (*geography.counties(), *geography.municipalities())} | {
    "sverige": geography.COUNTRY,
    "hela landet": geography.COUNTRY,
    "hela sverige": geography.COUNTRY,
}


def _known(code: str) -> str:
    if not geography.is_code(code):
        near = geography.suggest(code)
        raise ValueError(f"unknown area code {code!r}" + (f"; did you mean {near}?" if near else ""))
    return code


Code = Annotated[str, AfterValidator(_known)]


class Thing(BaseModel):
    """What is known of a circuit or a resource."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    areas: tuple[Code, ...] = ()
    services: tuple[Service, ...] = ()
    infrastructure_ids: tuple[str, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    objects: dict[str, Thing] = Field(default_factory=dict)
    places: dict[str, tuple[Code, ...]] = Field(default_factory=dict)
    services: dict[str, tuple[Service, ...]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Translations:
    """The names that one operator has listed, in lower case. Empty without a file."""

    objects: dict[str, Thing] = field(default_factory=dict)
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names_of_services: dict[str, tuple[Service, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Translations:
        """Raises InvalidSettings, naming the file and the entry."""
        try:
            file = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
        except OSError as error:
            raise InvalidSettings(f"translations {path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidSettings(f"translations {path}: not TOML: {error}") from error
        except ValidationError as error:
            fault = error.errors()[0]
            raise InvalidSettings(f"translations {path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
        return cls(
            {name.casefold(): thing for name, thing in file.objects.items()},
            {name.casefold(): codes for name, codes in file.places.items()},
            {name.casefold(): services for name, services in file.services.items()},
        )

    def areas(self, place: str) -> tuple[str, ...]:
        """The codes of a place; empty where nothing is known by exactly this name."""
        name = " ".join(place.split()).casefold()
        if name in self.places:
            return self.places[name]
        if geography.is_code(place.strip()):
            return (place.strip(),)
        code = _BY_NAME.get(name) or _BY_NAME.get(name.removesuffix(" kommun")) if name else None
        return (code,) if code else ()

    def services(self, name: str) -> tuple[Service, ...]:
        """The services that a source's name stands for; empty where nothing is known by it."""
        plain = " ".join(name.split()).casefold()
        if plain in self.names_of_services:
            return self.names_of_services[plain]
        symbol = plain.upper().replace(" ", "_").replace("-", "_")
        return (Service(symbol),) if symbol in Service.__members__ else ()

    def things(self, names: list[str]) -> Iterator[Thing]:
        """What is known of these circuits or resources."""
        for name in names:
            if (thing := self.objects.get(name.strip().casefold())) is not None:
                yield thing
