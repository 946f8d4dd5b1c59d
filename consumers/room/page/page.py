"""The pages of the room, rendered: a page is a function of what there is to see, who looks, and what is wished for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bus import geography
from bus.instants import format_instant
from bus.messages import Link
from bus.vocabulary import TLP_ORDER, Freshness, Impact, MessageStatus, Role, Service, Tlp, Trend
from consumers.explaining import in_words
from consumers.land import MAP
from consumers.merge.view import ActorItem, HoursRange, ServiceUsers, Situation
from consumers.quarantine import QUARANTINE
from consumers.room.page import country, listing
from consumers.room.page.course import course
from consumers.room.page.detail import by_operator, chosen_of, detail_of
from consumers.room.page.labels import Labels, labels_of
from consumers.room.page.links import Links
from consumers.room.page.log import log_of
from consumers.room.page.questions import questions
from consumers.room.page.said import Said
from consumers.room.page.soon import soon
from consumers.room.page.telling import fields, told
from consumers.room.page.tiles import tiles
from consumers.room.sight import Draft, Sent, Sight, Tab, Visitor, Wish, local_time
from consumers.room.static import Static
from consumers.sentences import sentences_of
from consumers.words import Language, Words, counted, words_of

__all__ = ["PARTS", "STATIC", "Page"]

STATIC = Path(__file__).parent / "static"
"""Style sheet, modules and icon."""

LETTERS: Mapping[Tab, str] = {
    Tab.SITUATIONS: "l",
    Tab.NEWS: "n",
    Tab.AREAS: "m",
    Tab.EMERGENCY: "e",
    Tab.MEASURES: "a",
    Tab.ACTORS: "o",
    Tab.CONFLICTS: "k",
    Tab.NEEDS: "b",
    Tab.DECISIONS: "d",
    Tab.QUARANTINE: "q",
    Tab.REPORT: "r",
    Tab.ALERTS: "w",
    Tab.HELP: "h",
}
"""The views in order, and the letter that leads to each after `g`."""

DESK = ("header", "tiles", "list", "map", "detail", "timeline")
PARTS = (*DESK, *(tab.value for tab in Tab if tab is not Tab.SITUATIONS))
"""The fragments that can be asked for by name: those of the first view (DESK), and each further view as one."""

KEYS: Mapping[Tab, str] = {
    Tab.NEWS: "situation conflict measure request decision area actor",
    Tab.AREAS: "area situation",
    Tab.EMERGENCY: "area actor",
    Tab.MEASURES: "measure work situation request decision",
    Tab.ACTORS: "actor",
    Tab.CONFLICTS: "conflict incident measure",
    Tab.NEEDS: "request offer",
    Tab.DECISIONS: "decision situation",
    Tab.QUARANTINE: "summary flag",
    Tab.REPORT: "",
    Tab.ALERTS: "",
    Tab.WHY: "",
    Tab.HELP: "",
}
"""Which changes of the picture, by the first part of their keys, make a view's part to be fetched again."""

LATE = frozenset({Freshness.STALE, Freshness.SILENT})
FEW = 2
MAIN_SERVICES = 3


class Page:
    """Renders. `static` gives the addresses of the files that pages refer to."""

    def __init__(self, static: Static | None = None) -> None:
        self.static = static or Static(STATIC)
        self._templates = Environment(
            loader=PackageLoader("consumers.room.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "static": self.static.url,
            "views": LETTERS,
            "box": " ".join(f"{number:g}" for number in MAP.view_box),
            "borders": country.borders(),
            "land": country.land(),
            "counties": geography.counties(),
            "late": LATE,
            "iso": format_instant,
            "local_time": local_time,
            "count": counted,
            "fill": _fill,
            "Tab": Tab,
        }

    def whole(self, sight: Sight, visitor: Visitor, wish: Wish) -> str:
        """The page that a browser opens."""
        return self._render("page.html", self._shown(sight, visitor, wish))

    def part(self, name: str, sight: Sight, visitor: Visitor, wish: Wish) -> str:
        """One fragment, to take the place of what is there. Raises KeyError for a name that is not in PARTS."""
        if name not in PARTS:
            raise KeyError(name)
        return self._render(f"parts/{name}.html", self._shown(sight, visitor, wish))

    def login(self, wish: Wish, problem: str | None, csrf: str, back: str = "/") -> str:
        """Where somebody says who they are, and goes on to `back`; `problem`: why the last time failed, or why they are
        asked again, in the language wished for.
        """
        return self._render("login.html", self._frame(wish) | {"problem": problem, "csrf": csrf, "back": back})

    def confirm(self, draft: Draft, sight: Sight, visitor: Visitor, wish: Wish) -> str:
        """What will be sent, before it is sent."""
        return self._render("confirm.html", self._shown(sight, visitor, wish) | {"draft": draft})

    def receipt(self, sent: Sent, sight: Sight, visitor: Visitor, wish: Wish) -> str:
        """What was sent."""
        return self._render("receipt.html", self._shown(sight, visitor, wish) | {"sent": sent})

    def tried(self, tried: Mapping[str, str], wish: Wish) -> str:
        """Which channels took a test alert: by name, why not, or nothing."""
        return self._render("tried.html", self._frame(wish) | {"tried": tried})

    def problem(self, status: int, text: str, wish: Wish) -> str:
        """Why there is no answer, and the way back."""
        return self._render("problem.html", self._frame(wish) | {"status": status, "text": text})

    def _render(self, template: str, shown: Mapping[str, Any]) -> str:
        return self._templates.get_template(template).render(shown)

    def _frame(self, wish: Wish) -> dict[str, Any]:
        """What every page has."""
        words, labels = words_of(wish.language), labels_of(wish.language)
        return {
            "wish": wish,
            "words": words,
            "says": sentences_of(wish.language),
            "t": labels,
            "links": Links(wish),
            "looks": "",
            "title": words.title,
            "languages": Language,
        }

    def _shown(self, sight: Sight, visitor: Visitor, wish: Wish) -> dict[str, Any]:
        """What the templates may ask for. What costs something is made only when a template asks for it."""
        frame, view = self._frame(wish), sight.view
        words, labels, links = frame["words"], frame["t"], frame["links"]
        exercise = view.status is not MessageStatus.ACTUAL
        catching_up = not sight.settled
        worst = max((situation.severity.level for situation in view.situations), default=0)
        now = max(sight.heard_at, view.as_of)
        chosen = chosen_of(view, wish.selected)
        names = {actor.actor: actor.name for actor in view.actors}
        say = Said(words, labels, links, view.as_of, names)
        looks = [("exercise", exercise), ("past", sight.past), ("catching-up", catching_up), ("wall", wish.wall)]
        title = f"{worst or '–'} {words.severity[worst]} · {labels[wish.tab]} · {words.title}"
        return frame | {
            "sight": sight,
            "view": view,
            "visitor": visitor,
            "say": say,
            "now": now,
            "exercise": exercise,
            "catching_up": catching_up,
            "progress": f"{sight.progress * 100:.0f} %",
            "worst": worst,
            "trend": _trend(view.situations, words.trends),
            "looks": " ".join(name for name, holds in looks if holds),
            "title": f"{words.exercise}: {title}" if exercise else title,
            "keys": KEYS.get(wish.tab, ""),
            "chosen": chosen,
            "may_act": visitor.may_act and sight.acting_as is not None and not sight.past and sight.settled,
            "tiles": cache(lambda: list(tiles(sight, words, labels, links))),
            "listing": cache(lambda: listing.listed(sight, wish, chosen)),
            "operators": cache(lambda: listing.operators(view)),
            "services": cache(lambda: listing.services(view)),
            "facts": lambda situation: _facts(situation, say, words, labels),
            "country": cache(lambda: country.country(view, chosen)),
            "area_rows": cache(lambda: country.rows(view)),
            "detail": cache(lambda: detail_of(sight, chosen) if chosen else None),
            "by_operator": by_operator,
            "log": cache(lambda: log_of(sight, now)),
            "soon": cache(lambda: soon(view)),
            "course": cache(lambda: course(view)),
            "explained": cache(lambda: in_words(sight.explanation, words) if sight.explanation else None),
            "questions": cache(lambda: list(questions(labels, words, links))),
            "is_own": lambda ref: sight.acting_as is not None and ref.split("/")[1:2] == [sight.acting_as],
            "own_links": cache(lambda: [told for told in sight.own if isinstance(told.message, Link)]),
            "answers_to": lambda *refs: [told for told in sight.own if getattr(told.message, "of", None) in refs],
            "revision_of": {told.message.reference: told.message.revision for told in sight.own}.get,
            "names_of": lambda situation: [f"situation/{alias}" for alias in situation.aliases],
            "settles": lambda decision: any(ref.startswith(QUARANTINE) for ref in decision.affects),
            "in_order": _in_order,
            "hours_in_order": lambda situation: _hours(situation, words),
            "title_of": lambda ref: place.title if (place := sight.places.get(ref)) else "",
            "titles": cache(lambda: {situation.id: situation.title for situation in view.situations}),
            "owners": cache(lambda: sorted({owner for area in view.areas for owner in area.impact})),
            "mobile_operators": sum(Role.MNO in actor.roles and actor.ended_at is None for actor in view.actors),
            "centres_silent": any(Role.PSAP in actor.roles and actor.freshness in LATE for actor in view.actors),
            "actors": cache(lambda: sorted(view.actors, key=_silence)),
            "strictest": max((s.tlp for s in view.situations), key=TLP_ORDER.index, default=Tlp.CLEAR),
            "clock": lambda instant: words.clock(instant, near=view.as_of),
            "span": lambda sites: (
                words.span(sites.low, None, sites.high, 0)
                if sites.high is None
                else words.span(sites.low, sites.low, sites.high, 0)
            ),
            "amount": lambda number: words.unknown if number is None else f"{number:g}",
            "told": lambda *reason: told(reason, words, labels, view.as_of),
            "fields": lambda message, before: list(fields(message, before, words)),
        }


def _fill(text: str, *values: str | Markup) -> Markup:
    """A text of the catalogue with its gaps filled; what is filled in is escaped unless it is markup."""
    return escape(text).format(*values)


def _in_order(users: Mapping[str, ServiceUsers]) -> list[tuple[Service, ServiceUsers]]:
    """By service, as the vocabulary orders them: what most people use first."""
    return [(service, users[service]) for service in Service if service in users]


def _hours(situation: Situation, words: Words) -> list[tuple[Service, list[tuple[Impact, str]]]]:
    """User-hours lost so far, as ranges, by service and impact."""

    def told(lost: HoursRange) -> str:
        best, high = (None if each is None else round(each) for each in (lost.best, lost.high))
        return words.span(round(lost.low), best, high, 0)

    every = situation.user_hours
    by_service = [(service, every[service].by_impact) for service in Service if service in every]
    return [
        (service, [(Impact(impact), told(lost)) for impact, lost in found.items()]) for service, found in by_service
    ]


def _silence(actor: ActorItem) -> tuple[bool, int, str]:
    """The most silent first; who has left, last."""
    order = (Freshness.SILENT, Freshness.STALE, Freshness.UNKNOWN, Freshness.DUE, Freshness.FRESH)
    return actor.ended_at is not None, order.index(actor.freshness), actor.actor


def _trend(situations: Sequence[Situation], words: Mapping[Trend, str]) -> str:
    """Where the worst situation is heading, where that is known."""
    trend = situations[0].trend if situations else Trend.UNKNOWN
    return "" if trend is Trend.UNKNOWN else words[trend]


def _facts(situation: Situation, say: Said, words: Words, labels: Labels) -> str:
    """The second line of a row: who, what."""
    actors = situation.actors
    who = say.actors(actors) if len(actors) <= FEW else labels.count("operators_count", len(actors))
    services = [words.services[service] for service in Service if service in situation.services]
    more = f" +{len(services) - MAIN_SERVICES}" if len(services) > MAIN_SERVICES else ""
    return f"{who} · {', '.join(services[:MAIN_SERVICES])}{more}"
