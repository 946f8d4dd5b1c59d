"""How much two reports look like one event: a checklist of what an experienced duty officer would compare.

Each point is met or not, and all that apply must be: there are no weights to tune, and the ground says what was found.
Where one point alone is lacking, and by little, the two *resemble* each other, which is for staff to judge.

1. Different operators, of whom at least one knows the cause. (Of what strikes a network in many places, and others tell
   of too, one operator may tell again; of a cable, for each of its networks that lost it; and one fault twice.)
2. The causes agree: the same; or kin, as the wind and the power cut of one storm; or one a consequence of the other,
   as the overload where users go when another's core falls; or one is unknown, and nothing speaks against it. Who is
   short of capacity, and knows no cause for it, has an overload.
3. The places agree: how closely depends on the cause. Weather and cables strike many places in a county at once;
   machines break everywhere all the time; a vendor's fault strikes several operators' cores, wherever they are.
4. The times agree: the starts lie near each other, and neither began after the other was over. A start that is not
   told lies before what is known of it.
5. Nothing says that they are two: shared keys of one kind that differ, a fault in the operator's own access network, or
   in an asset that the other does not name, or ends that lie hours apart where all should come back at once.

What began together *and* was restored together is most likely one event, which widens 3 and 4.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from bus import geography
from consumers.merge.agreement import (
    Causes,
    Measured,
    categories_agree,
    causes_agree,
    is_vendor_fault,
    keys_agree,
    may_be_told_again,
    measure,
    nothing_parts,
    restored_together,
)
from consumers.merge.grounds import ALIKE, Ground
from consumers.merge.nature import Nature, nearness
from consumers.merge.rules import Inference as Limits
from consumers.merge.rules import Margins
from consumers.merge.vicinity import Nearness


class Likeness(NamedTuple):
    """Two reports that look like one event: the least is the most alike."""

    cause_differs: bool
    nearness: Nearness
    ended_apart: bool
    """They were not restored together, as far as is told."""


def likeness(a: Nature, b: Nature, limits: Limits, *, wide: bool = False) -> Likeness | None:
    """The checklist: how alike the two are, or None where a point of it fails.

    `wide`: one of them belongs to what several operators tell of. Then a vendor's fault is bound to no place however
    its start is told, and of what strikes a network in many places one operator may tell more than once.
    """
    if a.owner == b.owner and not may_be_told_again(a, b, limits, wide=wide):
        return None
    found = causes_agree(a, b, limits)
    if found is None or not nothing_parts(a, b, limits):
        return None
    measured = measure(a, b, found, limits)
    if measured.gap > measured.within:
        return None
    if measured.near > measured.at_most and not _is_bound_to_no_place(a, b, measured, limits, wide):
        return None
    return Likeness(found.differs, measured.near, not measured.together)


def _is_bound_to_no_place(a: Nature, b: Nature, measured: Measured, limits: Limits, wide: bool) -> bool:
    return (wide or measured.gap <= limits.vendor_within) and is_vendor_fault(a, b, limits)


class Lacking(StrEnum):
    """The one point of the checklist that two reports lack, and lack by little."""

    OPERATOR = "OPERATOR"
    """One operator tells both."""
    PLACE = "PLACE"
    """The places are a step further apart than asked: for weather, in counties next to each other."""
    TIME = "TIME"
    """The starts are further apart than asked, by a factor."""
    CAUSE = "CAUSE"
    """Neither knows the cause, but they began at once and in one municipality."""


class Resemblance(NamedTuple):
    """Two reports of which nearly all says that they are one event: the least is the most likely."""

    lacks: bool
    elsewhere: bool
    """Time, place or cause is what lacks: more of a doubt than that one operator tells both."""
    likeness: Likeness
    lacking: Lacking | None

    @property
    def joins_groups(self) -> bool:
        """Whether it says enough to ask if two groups are one."""
        return not self.elsewhere or (
            self.lacking is Lacking.PLACE and self.likeness.nearness is Nearness.APART  # weather, in the next county
        )


def resemblance(a: Nature, b: Nature, limits: Limits, margins: Margins) -> Resemblance | None:
    """The same checklist, where a vendor's fault is bound to no place and one point may be lacking by the margins."""
    if not keys_agree(a, b):  # what tells most of them apart, and costs least
        return None
    found = causes_agree(a, b, limits)
    lacking = [Lacking.OPERATOR] if a.owner == b.owner else []
    if found is None and (found := _neither_knows(a, b, margins)):
        lacking.append(Lacking.CAUSE)
    if found is None or not nothing_parts(a, b, limits):
        return None
    measured = measure(a, b, found, limits)
    if measured.gap > measured.within:
        lacking.append(Lacking.TIME)
    if measured.near > measured.at_most and not is_vendor_fault(a, b, limits):
        if not _is_a_step_further(a, b, measured):
            return None
        lacking.append(Lacking.PLACE)
    if len(lacking) > 1 or measured.gap > measured.within * (margins.starts_factor if found.known else 1):
        return None
    elsewhere = bool(lacking) and lacking != [Lacking.OPERATOR]
    alike = Likeness(found.differs, measured.near, not measured.together)
    return Resemblance(bool(lacking), elsewhere, alike, lacking[0] if lacking else None)


def ground_of(a: Nature, b: Nature, limits: Limits, lacking: Lacking | None = None) -> Ground:
    """What the checklist found for two that are alike, or nearly. Swapping them changes nothing."""
    causes = sorted({detail for detail in (a.detail, b.detail) if detail is not None})
    near = nearness(a, b)
    area = _area(a, b, near)
    facts = {"causes": " ".join(causes), "nearness": near.name}
    what = " and ".join(causes) or "neither knows the cause"
    if causes and (a.detail is None or b.detail is None):
        facts["unknown"], what = "true", f"{what}, the other unknown"
    if area:
        facts["area"] = area
    when = "times that meet, a start untold"
    if a.tells_start and b.tells_start:
        minutes = facts["minutes"] = str(round(abs(a.began - b.began) / timedelta(minutes=1)))
        when = f"times that meet, starts {minutes} min apart"
    if restored_together(a, b, limits):
        facts["restored_together"], when = "true", f"{when}, restored together"
    words = [what, _WHERE[near].format(area=area) if area else _BEYOND[a.by_weather and b.by_weather], when]
    if lacking:
        facts["lacking"] = lacking.value
        words += _LACKS.get(lacking, ())
    return Ground.of(ALIKE, "; ".join(words), **facts)


_WHERE = {
    Nearness.MUNICIPALITY: "both in {area}",
    Nearness.OVERLAP: "both in {area}",
    Nearness.COUNTY: "both in county {area}",
}
_LACKS = {
    Lacking.OPERATOR: ("told by one operator",),
    Lacking.PLACE: ("further apart than asked",),
    Lacking.TIME: ("further apart in time than asked",),
}
_BEYOND = {True: "in counties next to each other", False: "in several operators' cores"}


def _area(a: Nature, b: Nature, near: Nearness) -> str:
    """The least code that shows how near the two are; empty where they are apart."""
    match near:
        case Nearness.MUNICIPALITY:
            return min(a.municipalities & b.municipalities)
        case Nearness.OVERLAP:
            pairs = ((x, y) for x in a.codes for y in b.codes if geography.overlap(x, y))
            return min(max(pair, key=len) for pair in pairs)
        case Nearness.COUNTY:
            return min(a.counties & b.counties)
        case Nearness.APART:
            return ""


def _neither_knows(a: Nature, b: Nature, margins: Margins) -> Causes | None:
    if a.detail or b.detail or not categories_agree(a, b):
        return None
    return Causes(False, Nearness.MUNICIPALITY, margins.both_unknown_within, False, known=False)


def _is_a_step_further(a: Nature, b: Nature, measured: Measured) -> bool:
    if measured.near is not Nearness.APART:
        return measured.near == measured.at_most + 1
    weather = a.by_weather and b.by_weather and measured.at_most is Nearness.COUNTY
    return weather and any(not b.counties.isdisjoint(geography.counties_next_to(county)) for county in a.counties)
