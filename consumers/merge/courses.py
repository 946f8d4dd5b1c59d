"""The course of an incident: from when to when each word on it held.

Revisions are laid out by `observed_at`, in the order of their numbers: each holds until the next. One that was observed
earlier than, or at the same time as, what is laid out already corrects it from there on. The end is `restored_at` where
it is told. The first word holds from the start, however late it came, also where it came once all was over; a reopened
incident goes on from its reopening. What was told before a retraction counts for nothing.

Once the end is told, a number above zero can only speak of the time before it (zero says that nobody is left). Where
such a number is another than the revision before it told, it corrects: from its `observed_at` on if that lies before
the end, else the last word that held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from bus.instants import to_millis
from bus.vocabulary import OPEN_INCIDENT_STATES, CountScope, Impact, IncidentState, Service
from consumers.merge.traces import Gist

FOREVER = 2**62
"""The end of what has none. Instants are milliseconds since the epoch."""

FELT = frozenset({Impact.DEGRADED, Impact.OUTAGE, Impact.UNKNOWN})
"""What users lose service by, or may."""

Loss = tuple[Service, Impact]
Span = tuple[int, int]
"""From an instant to before another."""


class Stretch(NamedTuple):
    """A time in which what is told of one loss did not change."""

    begin: int
    end: int
    numbers: tuple[int, int, int] | None
    """Low, best and high of users; None where none are told, or where it is not known whether they feel anything."""
    scope: CountScope


class Course(NamedTuple):
    """One incident over time."""

    opened: tuple[Span, ...]
    """When it was open."""
    losses: Mapping[Loss, tuple[Stretch, ...]]
    """What was told meanwhile, by what was lost."""

    def until(self, end: int) -> Course:
        """With an end for what has none."""
        spans = [(begin, end) if ends == FOREVER else (begin, ends) for begin, ends in self.opened]
        losses = {
            loss: tuple(s._replace(end=end) if s.end == FOREVER else s for s in stretches)
            for loss, stretches in self.losses.items()
        }
        kept = {loss: tuple(s for s in stretches if s.begin < s.end) for loss, stretches in losses.items()}
        return Course(tuple(span for span in spans if span[0] < span[1]), kept)


def course_of(history: Sequence[Gist]) -> Course:
    """From what the revisions of an incident tell, rising."""
    opened: list[Span] = []
    losses: defaultdict[Loss, list[Stretch]] = defaultdict(list)
    for begin, end, gist in _open_words(history):
        if opened and opened[-1][1] == begin:
            opened[-1] = opened[-1][0], end
        else:
            opened.append((begin, end))
        scope = gist.scope or CountScope.UNKNOWN
        for service, impact, numbers in gist.effects:
            if impact in FELT:
                _prolong(
                    losses[service, impact], Stretch(begin, end, None if impact is Impact.UNKNOWN else numbers, scope)
                )
    return Course(tuple(opened), {loss: tuple(stretches) for loss, stretches in losses.items()})


def _prolong(stretches: list[Stretch], more: Stretch) -> None:
    last = stretches[-1] if stretches else None
    if last and last.end == more.begin and last.numbers == more.numbers and last.scope is more.scope:
        stretches[-1] = last._replace(end=more.end)
    else:
        stretches.append(more)


class _Word(NamedTuple):
    """What was told, and from when it holds."""

    since: int
    gist: Gist
    is_open: bool


def _open_words(history: Sequence[Gist]) -> Iterator[tuple[int, int, Gist]]:
    """Each word that held while the incident was open, with from when until when."""
    words = _laid_out(history)
    ended, began = -FOREVER, None
    for place, word in enumerate(words):
        if not word.is_open:
            ended, began = word.since, None
            continue
        if began is None:
            over = next((later.since for later in words[place + 1 :] if not later.is_open), FOREVER)
            starts = (to_millis(gist.started_at) for gist in reversed(history) if gist.started_at is not None)
            began = next((start for start in starts if ended <= start < over), word.since)
            begin = began
        else:
            begin = max(word.since, began)
        end = words[place + 1].since if place + 1 < len(words) else FOREVER
        if begin < end:
            yield begin, end, word.gist


def _laid_out(history: Iterable[Gist]) -> list[_Word]:
    """The words that stand, by the instants from which they hold."""
    words: list[_Word] = []
    last_open: Gist | None = None
    before: Gist | None = None
    for gist in history:
        is_open = gist.state in OPEN_INCIDENT_STATES
        since = to_millis(gist.observed_at if is_open else gist.restored_at or gist.observed_at)
        if gist.state is IncidentState.RETRACTED:
            words, last_open, before = [], None, None
            continue
        while words and words[-1].since >= since:
            words.pop()
        if is_open:
            last_open = gist
        elif not words and gist.started_at is not None and to_millis(gist.started_at) < since:
            words.append(_Word(to_millis(gist.started_at), last_open or gist, True))
        if before is not None and not is_open and before.state not in OPEN_INCIDENT_STATES:
            last_open = _correct(words, gist, before, since) or last_open
        words.append(_Word(since, gist, is_open))
        before = gist
    return words


def _correct(words: list[_Word], gist: Gist, before: Gist, end: int) -> Gist | None:
    """Lay out what a revision after the end says anew of the time before it. Returns what the last word says then."""
    numbers = {loss: told for loss, told in _numbers(gist).items() if told != _numbers(before).get(loss)}
    last = next((place for place in reversed(range(len(words))) if words[place].is_open), None)
    if last is None or not numbers:
        return None
    end = words[last + 1].since if last + 1 < len(words) else end
    observed = to_millis(gist.observed_at)
    since = observed if observed < end else words[last].since
    for place in range(last, -1, -1):
        word = words[place]
        corrected = _Word(max(word.since, since), _corrected(word.gist, numbers, gist.scope), True)
        later = words[place + 1].since if place < last else end
        if not word.is_open or later <= since:
            break
        if word.since < since:
            words.insert(place + 1, corrected)
        else:
            words[place] = corrected
    return _corrected(words[last].gist, numbers, gist.scope)


def _numbers(gist: Gist) -> dict[Loss, tuple[int, int, int]]:
    """How many users a revision tells of, by what they lost."""
    return {(service, impact): told for service, impact, told in gist.effects if told is not None and told[2] > 0}


def _corrected(gist: Gist, numbers: Mapping[Loss, tuple[int, int, int]], scope: CountScope | None) -> Gist:
    if not any(effect[:2] in numbers for effect in gist.effects):
        return gist
    effects = [effect._replace(numbers=numbers.get(effect[:2], effect.numbers)) for effect in gist.effects]
    return gist._replace(effects=tuple(effects), scope=scope)
