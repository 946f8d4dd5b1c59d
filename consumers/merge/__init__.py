"""The merge: a pure function from a set of messages, a registry, rules and an instant to one coordination view.

No I/O, no clock, no logging, no Kafka here; a test holds that.
"""

from consumers.merge.archive import Standing
from consumers.merge.projections import FEEDS, Projections
from consumers.merge.rules import Rules, default_rules, read_rules
from consumers.merge.state import State
from consumers.merge.traces import Gist, Signed, Trace
from consumers.merge.view import ITEM_OF_KEY, Item, Situation, Summary, View

__all__ = [
    "FEEDS",
    "ITEM_OF_KEY",
    "Gist",
    "Item",
    "Projections",
    "Rules",
    "Signed",
    "Situation",
    "Standing",
    "State",
    "Summary",
    "Trace",
    "View",
    "default_rules",
    "read_rules",
]
