"""From a picture to what a report says of it, in one language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bus.vocabulary import MessageStatus
from consumers.merge.view import View
from consumers.report.changes import Changes
from consumers.report.document import Document, Fact
from consumers.report.opening import changed_lines, figures, legend, summary, tlp_of, worst
from consumers.report.sections import closing, sections
from consumers.report.telling import Telling
from consumers.texts import plain
from consumers.words import Language

__all__ = ["Imprint", "compose"]


@dataclass(frozen=True, slots=True)
class Imprint:
    """What a report says of itself."""

    number: int
    prepared_by: str | None
    """A function, such as `vakthavande`, never a person's name; None: the coordination."""
    next_at: datetime | None = None


def compose(view: View, changes: Changes | None, imprint: Imprint, language: Language) -> Document:
    """The report of a view in one language. `changes`: since the previous report; None for the first."""
    telling = Telling(view, language)
    says, words = telling.says, telling.words
    exercise = view.status is not MessageStatus.ACTUAL
    status = words.exercise if exercise else words.actual
    since = says("first_report")
    if changes is not None:
        since = says("period_of", telling.at(changes.since), changes.number)
    tlp = telling.tlp(tlp_of(view))
    return Document(
        language=language.value,
        title=says("numbered", imprint.number),
        running=f"{says('numbered', imprint.number)} · {telling.stamp(view.as_of)}",
        status=status,
        exercise=exercise,
        tlp=tlp,
        audience=words.audiences[view.audience],
        page_of=(says("page"), says("page_of")),
        head=(
            Fact(says("as_of"), telling.stamp(view.as_of)),
            Fact(says("handling"), f"{tlp}, {words.audiences[view.audience]}"),
            Fact(says("period"), since),
            Fact(says("prepared"), plain(imprint.prepared_by or says("coordination"), 80)),
            Fact(says("next"), telling.stamp(imprint.next_at) if imprint.next_at else says("next_unset")),
            Fact(says("picture"), f"{view.realm}, {view.digest.removeprefix('sha256:')[:12]}"),
        ),
        worst=worst(telling),
        summary=summary(telling),
        figures=figures(telling),
        changes=changed_lines(telling, changes),
        map_caption=says("map"),
        legend=legend(telling),
        map_notes=tuple(says(note) for note in ("legend_dots", "legend_hatch", "legend_plain")),
        sections=sections(telling, changes),
        closing=closing(telling),
        warning="" if view.settled else says("unsettled"),
    )
