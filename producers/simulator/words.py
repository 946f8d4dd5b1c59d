"""What operators write. One pool for all: no text tells whether a fault belongs to a crisis."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bus.vocabulary import Service

WHAT: Mapping[Service, tuple[str, ...]] = MappingProxyType(
    {
        Service.MOBILE_VOICE: ("Störning i mobilnätet", "Mobilnätet påverkat", "Problem med mobiltelefoni"),
        Service.FIXED_INTERNET: ("Störning i fasta nätet", "Bredband påverkat", "Avbrott i fast bredband"),
        Service.TRANSPORT: ("Störning i transportnätet", "Förbindelse ur drift", "Avbrott på fiberförbindelse"),
        Service.OTHER: ("Elavbrott", "Störning i elnätet", "Kunder utan el"),
    }
)
"""Titles by the service that is named first; the place is added."""

DESCRIPTIONS = (
    "",
    "",
    "Felsökning pågår.",
    "Tekniker är på väg.",
    "Kunder har hört av sig.",
    "Larm från övervakningen. Mer information följer.",
    "Vi återkommer när vi vet mer.",
    "Åtgärd pågår, prognos saknas.",
)

CORRECTION = "Rättelse av tidigare uppgift."
REOPENED = "Felet kom tillbaka."
WITHDRAWN = "Felaktigt rapporterat."
