"""An explanation in sentences, as a colleague would give it: first the answer, then what it is made of."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from bus.instants import parse_instant
from bus.vocabulary import Impact, ReportedVia
from consumers.merge.explain import Explanation
from consumers.merge.explain import explanation as told
from consumers.merge.users import Standing
from consumers.merge.view import HoursRange, SituationLink, UserRange
from consumers.sentences import Sentences, sentences_of
from consumers.texts import harmless
from consumers.words import Words, counted

__all__ = ["in_words"]

MOST = 12
"""A list names so many; the rest is counted. `--json` has them all."""

_INDENT = "  "


def in_words(explanation: Explanation, words: Words, *, width: int = 100) -> str:
    """The whole answer, as lines of at most `width` characters."""
    speaker = _Speaker(explanation, words)
    blocks = [speaker.head(), *(speaker.section(section) for section in explanation.sections)]
    wrapped = ("\n".join(_wrapped(line, width) for line in block) for block in blocks)
    return "\n\n".join(text for text in wrapped if text)


def _wrapped(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip(" "))]
    return textwrap.fill(
        harmless(line).strip(" "),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}{_INDENT}" if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


class _Speaker:
    """Says one explanation in one language."""

    def __init__(self, explanation: Explanation, words: Words) -> None:
        self._explanation = explanation
        self._words = words
        self._says: Sentences = sentences_of(words.language)

    def head(self) -> Iterator[str]:
        found = self._explanation
        head = self._says.head.format(
            title=found.title or found.ref,
            ref=found.ref,
            as_of=self._instant(found.as_of),
            digest=found.digest.removeprefix("sha256:")[:6],
            rules=found.rules,
        )
        yield head.replace(f"{found.ref} ({found.ref})", found.ref)
        asked = found.asked.partition("#")[0]
        if asked != found.ref:
            yield self._says.also.format(asked=asked)

    def section(self, section: told.Section) -> Iterator[str]:
        speak: Callable[[_Speaker, Any], Iterator[str]] = _SPOKEN[type(section)]
        return speak(self, section)

    # Of entities

    def messages(self, section: told.Messages) -> Iterator[str]:
        says = self._says
        yield counted(says.messages, len(section.statements))
        standings = {"COUNTS": says.current, "SUPERSEDED": says.superseded, "OUTDONE": says.outdone}
        for statement in section.statements:
            age = self._duration(statement.age_seconds)
            line = standings[statement.standing].format(revision=statement.revision, age=age)
            via = self._via(statement.actor, statement.on_behalf_of or statement.actor, statement.reported_via)
            changed = [self._change(change) for change in statement.changes]
            if not changed:
                first = statement is section.statements[-1]
                changed = [says.first if first else says.unchanged]
            yield f"{_INDENT}{line}{via}: {'; '.join(changed)}"
            if statement.reason:
                yield f"{_INDENT}{_INDENT}{says.in_their_words.format(reason=statement.reason)}"

    def _change(self, change: told.Change) -> str:
        says = self._says
        if isinstance(change.before, list) or isinstance(change.after, list):
            return f"{change.field}: {self._list_change(change.before or [], change.after or [])}"
        before, after = self._value(change.before), self._value(change.after)
        if change.after is None:
            return says.no_longer_tells.format(field=change.field, before=before)
        sentence = says.now_tells if change.before is None else says.became
        return sentence.format(field=change.field, before=before, after=after)

    def _list_change(self, before: JsonValue, after: JsonValue) -> str:
        """What has left a list, and what has come."""
        if not isinstance(before, list) or not isinstance(after, list):
            return f"{self._value(before)} → {self._value(after)}"
        left = [f"− {self._value(element)}" for element in before if element not in after]
        came = [f"+ {self._value(element)}" for element in after if element not in before]
        return ", ".join((*left, *came)) or self._says.reordered

    def _value(self, value: JsonValue) -> str:
        match value:
            case bool():
                return str(value).lower()
            case int():
                return self._words.count(value) if value else "0"
            case str() if value.endswith("Z"):
                return self._as_instant(value)
            case dict():
                return " ".join(self._value(inner) for inner in value.values() if inner not in (None, ""))
        return str(value)

    def _as_instant(self, text: str) -> str:
        try:
            return self._instant(parse_instant(text))
        except ValueError:
            return text

    def timeline(self, section: told.Timeline) -> Iterator[str]:
        says = self._says
        times = []
        if section.started_at:
            times.append(says.began.format(at=self._instant(section.started_at)))
        if section.detected_at:
            times.append(
                says.detected.format(at=self._instant(section.detected_at)) + self._after(section.unnoticed_seconds)
            )
        times.append(
            says.first_told.format(at=self._instant(section.first_known_at)) + self._after(section.untold_seconds)
        )
        if section.restored_at:
            times.append(says.restored.format(at=self._instant(section.restored_at)))
        text = ", ".join(times)
        yield f"{text[:1].upper()}{text[1:]}."
        if section.most is not None and len(section.users) > 1:
            tellings = (f"{self._words.count(each.value)} ({says.basis[each.basis]})" for each in section.users)
            yield says.corrected.format(
                tellings=" → ".join(tellings),
                most=self._words.count(section.most.value),
                revision=section.most.revision,
            )

    def _after(self, seconds: int | None) -> str:
        return "" if seconds is None else f" ({self._says.after.format(length=self._duration(seconds))})"

    def place(self, section: told.Place) -> Iterator[str]:
        says = self._says
        yield says.placed.format(title=section.title, situation=section.situation)
        if section.path:
            yield says.because
            yield from self._links(section.path)
        else:
            yield says.seed
        if section.duplicate:
            yield says.duplicate_here
        if section.suggestions:
            yield from self._suggested(section.suggestions)

    def counts(self, section: told.Counts) -> Iterator[str]:
        says = self._says
        if section.left_out == "OVER":
            yield says.is_over
        for part in section.counted:
            share = part.share
            what = f"{self._words.services[part.service]}, {self._words.impacts[part.impact]}"
            if share is None:
                yield f"{what}: {says.nothing_known}."
            else:
                yield f"{what}: {self._share(share)}."

    def mentions(self, section: told.Mentions) -> Iterator[str]:
        says = self._says
        if section.names:
            yield says.names
        for mention in section.names:
            yield _INDENT + self._mention(mention)
        if section.named_by:
            yield says.named_by.format(refs=self._some(section.named_by))

    def _mention(self, mention: told.Mention) -> str:
        if not mention.known:
            return self._says.leads_nowhere.format(ref=mention.ref)
        if mention.situation and mention.ref != f"situation/{mention.situation}":
            return self._says.leads_to.format(ref=mention.ref, situation=mention.situation)
        return mention.ref

    def answers(self, section: told.Answers) -> Iterator[str]:
        says = self._says
        if section.given:
            yield says.answers
        for answer in section.given:
            yield _INDENT + says.answered.format(
                actor=answer.actor,
                answer=says.answer_words[answer.answer],
                age=self._duration(answer.age_seconds),
                comment=f": {answer.comment}" if answer.comment else "",
            )
        if section.awaited:
            yield says.awaits.format(actors=", ".join(section.awaited))

    def flags(self, section: told.Flags) -> Iterator[str]:
        yield self._says.flags
        yield from self._listed(
            f"{flag.code}, {', '.join(map(_short, flag.refs))}: {self._says.flag(flag)}" for flag in section.flags
        )

    def former(self, section: told.Former) -> Iterator[str]:
        says = self._says
        age = self._explanation.as_of - section.known_at
        former = says.former if section.because == "RETRACTED" else says.former_past
        yield former.format(
            incident=section.incident,
            revision=section.revision,
            age=self._words.duration(age),
            reason=f" ({section.reason})" if section.reason else "",
        )
        if section.situations:
            yield says.former_went.format(situations=self._some([f"situation/{id_}" for id_ in section.situations]))
        elif section.because == "RETRACTED":
            yield says.former_gone
        if section.named_by:
            yield says.named_by.format(refs=self._some(section.named_by))

    def past(self, section: told.Past) -> Iterator[str]:
        (rule,) = section.rules
        yield self._says.past.format(days=rule.thresholds["horizon_days"], rule=self._says.rule.format(rule=rule.name))

    # Of situations

    def reports(self, section: told.Reports) -> Iterator[str]:
        says = self._says
        gathered = counted(says.gathers, len(section.members))
        if section.duplicates:
            gathered += f" {counted(says.with_duplicates, len(section.duplicates))}"
        yield f"{gathered}: {self._some([self._source(source) for source in (*section.members, *section.duplicates)])}."
        if section.links:
            yield says.named_after.format(seed=_short(section.seed), started_at=self._instant(section.started_at))
            yield says.together
            yield from self._links(section.links)
        else:
            yield says.alone
        if section.suggestions:
            yield from self._suggested(section.suggestions)
        if section.aliases:
            yield says.aliases[len(section.aliases) > 1].format(self._some(section.aliases))

    def severity(self, section: told.SeverityAccount) -> Iterator[str]:
        says, severity = self._says, section.severity
        yield says.severity.format(
            level=severity.level,
            name=self._words.severity[severity.level].lower(),
            bound=says.at_least if severity.lower_bound else "",
        )
        for reason, rule in zip(severity.reasons, section.rules, strict=True):
            refs = self._some([_short(ref) for ref in reason.refs])
            yield f"{_INDENT}{reason.level}: {self._words.reason(reason)} ({refs}; {self._rule(rule)})"
        if severity.declared is not None:
            yield says.declared.format(declared=severity.declared)

    def users(self, section: told.UsersAccount) -> Iterator[str]:
        says, service = self._says, self._words.services[section.service]
        for part in section.impacts:
            yield self._headline(says.users, service, part.impact, part.range)
            yield from self._listed(self._share(share) for share in part.shares)
            yield from self._listed(says.without_number.format(source=self._source(s)) for s in part.without_number)
        yield from self._listed(self._left_out(left) for left in section.left_out)
        if len(section.impacts) > 1:
            yield says.never_added

    def _left_out(self, left: told.LeftOut) -> str:
        sentence = self._says.duplicate if left.because == "DUPLICATE" else self._says.over
        return sentence.format(source=self._source(left.source), state=self._says.states[left.source.state])

    def _share(self, share: told.Share) -> str:
        says = self._says
        source, basis, scope = self._source(share.source), says.basis[share.basis], says.scope[share.scope]
        adds = says.adds.format(adds=self._range(share.adds), source=source, basis=basis, scope=scope)
        standing = says.standing[share.standing].format(beside=_short(share.beside or ""), scope=scope)
        if share.standing is Standing.COUNTED:
            return adds
        if share.standing is Standing.OWN_NETWORK:
            return f"{adds}; {standing}"
        return says.adds_less.format(told=self._range(share.told), source=source, basis=basis, standing=standing)

    def total(self, section: told.TotalAccount) -> Iterator[str]:
        says, service = self._says, self._words.services[section.service]
        for part in section.impacts:
            yield self._headline(says.total, service, part.impact, part.range)
            yield counted(says.situations_added, len(part.situations))
            yield from self._listed(
                f"{self._range(share.adds)}: {share.title} (situation/{share.situation})" for share in part.situations
            )
        if len(section.impacts) > 1:
            yield says.never_added

    def user_hours(self, section: told.HoursAccount) -> Iterator[str]:
        says, service = self._says, self._words.services[section.service]
        for part in section.impacts:
            yield self._hours_headline(says.user_hours, service, part.impact, part.hours)
            yield from self._listed(self._course(report) for report in part.reports)

    def _course(self, report: told.HoursOfReport) -> str:
        alone, spells = self._hours(report.alone), "; ".join(self._spells(report.spells))
        return self._says.course.format(source=self._source(report.source), alone=alone, spells=spells)

    def total_hours(self, section: told.TotalHoursAccount) -> Iterator[str]:
        says, service = self._says, self._words.services[section.service]
        for part in section.impacts:
            yield self._hours_headline(says.total_hours, service, part.impact, part.hours)
            yield from self._listed(
                f"{self._hours(share.hours)}: {share.title} (situation/{share.situation})" for share in part.situations
            )

    def _hours_headline(self, sentence: str, service: str, impact: Impact, hours: HoursRange) -> str:
        text = sentence.format(service=service, impact=self._words.impacts[impact], hours=self._hours(hours))
        if hours.per_hour.high:
            text += f" {self._says.per_hour.format(number=self._range(hours.per_hour))}"
        return text[:1].upper() + text[1:]

    def _hours(self, hours: HoursRange) -> str:
        if hours.best is None or hours.high is None:
            text = self._says.nothing_known if hours.high is None else f"0–{self._words.count(round(hours.high))}"
        else:
            low, best, high = (round(number) for number in (hours.low, hours.best, hours.high))
            text = self._range(UserRange(low, best, high, 0))
        if hours.uncovered_hours:
            uncovered = self._duration(round(hours.uncovered_hours * 3600))
            text = f"{text}; {self._says.uncovered.format(length=uncovered)}"
        return text

    def _spells(self, spells: Sequence[told.Spell]) -> Iterator[str]:
        says = self._says
        for spell in spells[-MOST:]:
            number = says.nothing_known if spell.told is None else self._range(spell.told)
            begin = self._instant(spell.begin)
            if spell.end is None:
                yield says.spell_open.format(begin=begin, number=number)
            else:
                yield says.spell.format(begin=begin, end=self._instant(spell.end), number=number)

    def _headline(self, sentence: str, service: str, impact: Impact, range_: UserRange) -> str:
        text = sentence.format(service=service, impact=self._words.impacts[impact], range=self._range(range_))
        return text[:1].upper() + text[1:]

    def cause(self, section: told.CauseAccount) -> Iterator[str]:
        says, words = self._says, self._words
        disputed = f", {words.disputed}" if section.cause.disputed else ""
        yield says.cause.format(cause=words.causes[section.cause.detail], disputed=disputed)
        yield from self._listed(
            says.claim.format(
                source=self._source(claim.source),
                detail=words.causes[claim.cause.detail],
                certainty=says.certainty[claim.cause.certainty],
                more=self._more_of_claim(claim),
            )
            for claim in section.claims
        )

    def _more_of_claim(self, claim: told.CauseClaim) -> str:
        more = []
        if claim.points_to:
            more.append(self._says.points_to.format(refs=self._some([_short(ref) for ref in claim.points_to])))
        if claim.disputed_by:
            more.append(self._says.disputed_by.format(actors=", ".join(claim.disputed_by)))
        return "".join(f"; {text}" for text in more)

    def emergency(self, section: told.EmergencyAccount) -> Iterator[str]:
        emergencies = self._words.emergencies
        text = self._says.emergency.format(impact=emergencies[section.impact])
        yield text[:1].upper() + text[1:]
        yield from self._listed(
            self._says.says.format(source=self._source(word.source), what=emergencies[word.impact])
            for word in section.words
        )

    def restoration(self, section: told.RestorationAccount) -> Iterator[str]:
        says = self._says
        yield says.restoration.format(range=self._between(section.earliest, section.latest))
        yield from self._listed(self._forecast(forecast) for forecast in section.forecasts)
        if section.without_forecast and section.forecasts:
            refs = [_short(source.ref) for source in section.without_forecast]
            yield says.no_forecast.format(refs=self._some(refs))

    def _forecast(self, forecast: told.Forecast) -> str:
        restoration = forecast.restoration
        return self._says.forecast.format(
            source=self._source(forecast.source),
            range=self._between(
                restoration.earliest or restoration.expected, restoration.latest or restoration.expected
            ),
            certainty=self._says.certainty[restoration.certainty],
            slipped=self._slipped(forecast),
        )

    def _slipped(self, forecast: told.Forecast) -> str:
        if forecast.first is None:
            return ""
        return counted(self._says.slipped, forecast.slips).format(first=self._instant(forecast.first))

    def freshness(self, section: told.FreshnessAccount) -> Iterator[str]:
        says, words = self._says, self._words
        if not section.awaited:
            return
        yield says.freshness.format(freshness=words.freshness[section.freshness])
        yield from self._listed(
            says.awaited.format(
                source=self._source(awaited.source),
                freshness=words.freshness[awaited.freshness],
                within=self._duration(awaited.within_seconds),
                promised=says.promised.format(at=self._instant(awaited.promised_at)) if awaited.promised_at else "",
            )
            for awaited in section.awaited
        )

    def measures(self, section: told.MeasuresAccount) -> Iterator[str]:
        yield self._says.measures.format(refs=self._some(section.measures))

    # Of areas and actors

    def area(self, section: told.AreaAccount) -> Iterator[str]:
        says = self._says
        if not section.operators:
            yield says.area_silent.format(name=section.name)
            return
        yield says.area.format(name=section.name)
        yield from self._listed(
            says.operator.format(
                owner=word.owner,
                impact=self._words.impacts[word.impact],
                sources=self._some([self._source(source) for source in word.sources]),
            )
            for word in section.operators
        )
        yield from self._mobile_here(section)
        if section.emergency:
            impact = self._words.emergencies[section.emergency.impact]
            yield says.emergency_here.format(impact=impact, refs=self._some(list(map(_short, section.emergency.refs))))

    def _mobile_here(self, section: told.AreaAccount) -> Iterator[str]:
        """Why all mobile networks are said to be down, or to suffer, or why that is not said."""
        says = self._says
        words = (
            f"{owner} {says.nothing_told if impact is None else self._words.impacts[impact]}"
            for owner, impact in section.mobile_here.items()
        )
        if section.mobile_here:
            verdict = (
                says.all_down if section.all_mobile_down else says.white_out if section.white_out else says.no_white_out
            )
            yield verdict.format(words=", ".join(words))

    def actor(self, section: told.ActorAccount) -> Iterator[str]:
        says, name = self._says, section.name or section.actor
        if section.last_heard is None or section.within_seconds is None:
            yield says.never_heard.format(name=name)
            return
        yield says.actor.format(
            name=name,
            freshness=self._words.freshness[section.freshness],
            age=self._words.duration(self._explanation.as_of - section.last_heard),
            within=self._duration(section.within_seconds),
        )
        if section.open_reports:
            number = len(section.open_reports)
            sources = self._some([self._source(source) for source in section.open_reports])
            yield says.holds_open[number != 1].format(number, sources)
        if section.announced is not None:
            yield says.announces.format(announced=section.announced)

    def conflict(self, section: told.ConflictAccount) -> Iterator[str]:
        says, found = self._says, section.conflict
        yield says.conflict.format(
            rule=found.rule,
            text=self._words.conflict(found, near=self._explanation.as_of),
            level=found.severity,
            name=self._words.severity[found.severity].lower(),
        )
        yield from self._listed(self._mention(mention) for mention in section.subjects)
        state = says.conflict_states[found.state]
        yield state.format(answer=found.answered_by)

    # What sections share

    def _source(self, source: told.Source) -> str:
        return self._says.source.format(
            ref=_short(source.ref),
            revision=source.revision,
            age=self._duration(source.age_seconds),
            more=self._via(source.actor, source.owner, source.reported_via),
        )

    def _via(self, actor: str, owner: str, via: ReportedVia) -> str:
        more = [self._says.on_behalf.format(owner=owner)] if owner != actor else []
        more += [self._says.via[via].format(actor=actor)] if self._says.via[via] else []
        return "".join(f", {text}" for text in more)

    def _suggested(self, suggestions: Sequence[SituationLink]) -> Iterator[str]:
        """What staff may answer, and why it is asked."""
        says = self._says
        yield says.suggested
        yield from self._listed(
            says.linked.format(
                a=_short(link.a), b=_short(link.b), why=says.why(link), basis=says.met["lacking" in link.facts]
            )
            for link in suggestions
        )

    def _links(self, links: Sequence[SituationLink]) -> Iterator[str]:
        return self._listed(
            self._says.linked.format(
                a=_short(link.a), b=_short(link.b), why=self._says.why(link), basis=self._says.bases[link.basis]
            )
            for link in links
        )

    def _rule(self, rule: told.Rule) -> str:
        says = self._says
        name = says.rule.format(rule=rule.name)
        levels = {key.removeprefix("levels."): value for key, value in rule.thresholds.items() if "levels." in key}
        if not levels or not all(key.isdecimal() and value.isdecimal() for key, value in levels.items()):
            return name
        steps = (
            says.level_from.format(level=level, threshold=self._words.count(int(threshold)))
            for level, threshold in sorted(levels.items())
        )
        return f"{name}: {', '.join(steps)}"

    def _range(self, range_: UserRange) -> str:
        words = self._words
        if range_.best is None or range_.high is None or range_.unknown_reports:
            return words.how_many(range_)
        best = words.count(range_.best)
        if range_.low == range_.high:
            return best
        return self._says.range.format(best=best, low=words.count(range_.low), high=words.count(range_.high))

    def _between(self, earliest: datetime | None, latest: datetime | None) -> str:
        if earliest is None and latest is None:
            return self._words.no_forecast
        instants = [self._instant(instant) for instant in dict.fromkeys((earliest, latest)) if instant is not None]
        return instants[0] if len(instants) == 1 else self._words.between.format(*instants)

    def _instant(self, instant: datetime) -> str:
        return self._words.clock(instant, near=self._explanation.as_of)

    def _duration(self, seconds: int) -> str:
        return self._words.duration(timedelta(seconds=seconds))

    def _some(self, names: Sequence[str]) -> str:
        shown = ", ".join(names[:MOST])
        return f"{shown} {counted(self._says.more, len(names) - MOST)}" if len(names) > MOST else shown

    def _listed(self, lines: Iterable[str]) -> Iterator[str]:
        left = 0
        for number, line in enumerate(lines):
            if number < MOST:
                yield f"{_INDENT}{line}"
            else:
                left += 1
        if left:
            yield _INDENT + counted(self._says.more, left)


_SPOKEN: Mapping[type[told.Section], Callable[[_Speaker, Any], Iterator[str]]] = {
    told.Messages: _Speaker.messages,
    told.Timeline: _Speaker.timeline,
    told.Place: _Speaker.place,
    told.Counts: _Speaker.counts,
    told.Mentions: _Speaker.mentions,
    told.Answers: _Speaker.answers,
    told.Flags: _Speaker.flags,
    told.Reports: _Speaker.reports,
    told.SeverityAccount: _Speaker.severity,
    told.UsersAccount: _Speaker.users,
    told.TotalAccount: _Speaker.total,
    told.HoursAccount: _Speaker.user_hours,
    told.TotalHoursAccount: _Speaker.total_hours,
    told.CauseAccount: _Speaker.cause,
    told.EmergencyAccount: _Speaker.emergency,
    told.RestorationAccount: _Speaker.restoration,
    told.FreshnessAccount: _Speaker.freshness,
    told.MeasuresAccount: _Speaker.measures,
    told.Former: _Speaker.former,
    told.Past: _Speaker.past,
    told.AreaAccount: _Speaker.area,
    told.ActorAccount: _Speaker.actor,
    told.ConflictAccount: _Speaker.conflict,
}


def _short(ref: str) -> str:
    """Incidents are most of what is named: `nordtel/I-17` for `incident/nordtel/I-17`."""
    return ref.removeprefix("incident/")
