"""How far operators' reports are from the truth, as probabilities."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["Noise"]

CEILING = 0.95
"""However great the noise, one in so many still gets it right."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The chance, from 0 to 1, of each departure from a full, prompt and right report; per report unless it says else.

    The defaults are this product's own reckoning of a group that reports by hand and in haste; nobody has measured one.
    """

    cause_unknown_first: float = 0.40
    """The cause is unknown at first and comes with a later revision."""
    cause_never_known: float = 0.06
    """The cause is never told."""
    cause_wrong_first: float = 0.04
    """Another cause is told first, and corrected."""
    cause_told_loosely: float = 0.06
    """A neighbouring category or detail is chosen, for good: a storm's power cut as a failure of the grid."""
    part_untold: float = 0.25
    """Where in the network it sits is not told."""
    county_first: float = 0.25
    """The county alone is told first, the municipalities later."""
    county_only: float = 0.10
    """The county alone is ever told."""
    place_unknown_first: float = 0.03
    """A suspicion without a place, at first."""
    place_wrong_first: float = 0.03
    """Another municipality is told first, and corrected."""
    key_missing: float = 0.65
    """No shared key and no reference to another's incident is ever quoted."""
    own_key_missing: float = 0.20
    """Not even the operator's own identifier, such as the id of the cable that broke."""
    dependency_untold: float = 0.50
    """That it leans on power or a line that is gone is not told, unless together with whose."""
    key_single: float = 0.40
    """Only one of several keys and references that could be quoted is."""
    key_late: float = 0.50
    """What is quoted comes with a later revision than the first."""
    key_wrong: float = 0.01
    """A fault that only coincides with a crisis is told under the crisis's key."""
    start_missing: float = 0.12
    """When it began is not told."""
    time_rounded: float = 0.45
    """When it began, or ended, is told to the nearest five minutes, quarter or hour; each by itself."""
    start_is_detection: float = 0.20
    """When it was noticed is told as when it began."""
    sent_late: float = 0.08
    """The first report comes hours after the fault was noticed."""
    uplink_down: float = 0.10
    """Per operator: its way to the bus is down for a while, and its reports wait in the outbox."""
    end_untold: float = 0.10
    """The end is never told."""
    restored_in_error: float = 0.04
    """It is told as restored, and opened again."""
    told_twice: float = 0.05
    """The same fault is told under a second id, mostly marked as a duplicate sooner or later."""
    retracted: float = 0.03
    """The report is withdrawn; half of these are told anew under another id."""

    def scaled(self, factor: float) -> Noise:
        """Every probability multiplied, up to 0.95. 0 is the whole truth at once; 1 leaves all as it is."""
        if factor < 0:
            raise ValueError(f"noise {factor}: must be 0 or more")
        return Noise(**{name: min(p * factor, max(p, CEILING)) for name, p in asdict(self).items()})
