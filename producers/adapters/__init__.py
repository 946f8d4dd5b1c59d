"""From what operators' systems and people write already, to messages: notices, alerts, problems, alarms and tables."""

from producers.adapters.formats import Format, read, recognise
from producers.adapters.reading import Fault, Found, Importer, Reading
from producers.adapters.translations import Translations

__all__ = ["Fault", "Format", "Found", "Importer", "Reading", "Translations", "read", "recognise"]
