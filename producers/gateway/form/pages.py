"""The pages: sign in, overview, a sheet to fill in, and the receipt. Server-made, no programs, strict policies."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bus import geography
from bus.errors import NotRemembered, NtsgError
from bus.instants import from_millis
from bus.ndjson import Line
from bus.references import ID_PATTERN, Kind, is_reference, reference
from bus.vocabulary import Impact, MessageStatus, ReportedVia, Service
from producers.adapters.columns import STOCKHOLM, Shape
from producers.gateway.api import LONGEST_NUMBER, body_of, opened
from producers.gateway.form.phrases import PHRASES, Phrases
from producers.gateway.form.sessions import LIFE, Session, Sessions
from producers.gateway.form.sheet import (
    COMMON,
    IMPACTS,
    KINDS,
    UNKNOWN,
    Difference,
    Entered,
    Fault,
    Field,
    Sheet,
    changed,
)
from producers.gateway.gateway import Author, Gateway
from producers.gateway.problems import Problem
from producers.gateway.records import Last
from producers.outbox import EntryState
from producers.words import Language, word_of, words_of

__all__ = ["routes"]

POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
LANGUAGE_COOKIE = "lang"
AWAITED = 3.0
"""Seconds for which sending waits, so that the receipt can say that the bus has it."""
LOOK_AGAIN = 5
"""Seconds after which a receipt that waits is looked at again."""
LOOKED = 3.0
"""Seconds for which a page waits at most until all is known that was said in other ways."""
SHOWN = 200
"""Entities of the overview."""
MOST_WANTED = 200
"""Characters that are looked for."""
TIMES = range(10**11, 10**14)
"""Revisions that are times, in milliseconds since 1970: those of files, alarms and heartbeats."""
PROXIES = (ReportedVia.PROXY_PHONE, ReportedVia.PROXY_RAKEL, ReportedVia.UI)

Handle = Callable[["Visit"], Awaitable[Response]]


def routes(gateway: Gateway, *, tls: bool) -> list[Route]:
    """The routes of the form."""
    form = Form(gateway, tls=tls)
    return [
        form.route("/", form.overview, "GET", anyone=True),
        form.route("/enter", form.enter, "POST", anyone=True),
        form.route("/leave", form.leave, "POST"),
        form.route("/new/{kind}", form.new, "GET"),
        form.route("/edit/{kind}/{id}", form.edit, "GET"),
        form.route("/send/{kind}", form.send, "POST"),
        form.route("/done/{number}", form.done, "GET"),
        Route("/form.css", form.style, methods=["GET"]),
    ]


@dataclass(frozen=True)
class Visit:
    """One request of a browser: who it is, and in which language it is answered."""

    request: Request
    phrases: Phrases
    session: Session | None
    entered: Mapping[str, list[str]]

    @property
    def author(self) -> Author:
        assert self.session is not None  # noqa: S101 - a route that is not for anyone has one
        return Author(self.session.actor, self.session.key)

    @property
    def shown(self) -> Entered | None:
        """What the page showed before anybody touched it; None where it does not tell."""
        try:
            told = json.loads(self.first("shown"))
        except (ValueError, RecursionError):
            return None
        if not isinstance(told, dict) or not all(isinstance(values, list) for values in told.values()):
            return None
        return {field: [str(value) for value in values] for field, values in told.items()}

    def first(self, name: str) -> str:
        return (self.entered.get(name) or [""])[0]


class Form:
    """The pages over one gateway."""

    def __init__(self, gateway: Gateway, *, tls: bool) -> None:
        self._gateway = gateway
        self._sessions = Sessions(gateway.database.connection, gateway.keys)
        self._tls = tls
        self._cookie = "__Host-ntsg" if tls else "ntsg"
        self._status = MessageStatus.EXERCISE if gateway.realm.is_exercise else MessageStatus.ACTUAL
        self._style = files("producers.gateway.form").joinpath("form.css").read_bytes()
        self._pages = Environment(
            loader=PackageLoader("producers.gateway.form"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        places = (*geography.counties(), *geography.municipalities())
        self._pages.globals |= {
            "places": [geography.name_of(geography.COUNTRY), *(place.name for place in places)],
            "Shape": Shape,
            "impacts": list(Impact),
            "services": list(Service),
            "common": COMMON,
            "word": word_of,
            "IMPACTS": IMPACTS,
            "source": _source,
            "counted": _counted,
        }

    def route(self, path: str, handle: Handle, method: str, *, anyone: bool = False) -> Route:
        """A page. Without `anyone`, only who is signed in sees it; whatever changes something must come from a page."""

        async def answer(request: Request) -> Response:
            phrases, chosen = _language(request)
            session = await self._session(request)
            if session is None and not anyone:
                response = self._page(
                    "enter", phrases, 401, session=None, notice=phrases.expired if method == "POST" else ""
                )
            else:
                try:
                    entered = await self._entered(request) if method == "POST" else {}
                    visit = Visit(request, phrases, session, entered)
                    if (method == "POST" and not _same_origin(request)) or (
                        session and method == "POST" and not session.sent(visit.first("csrf"))
                    ):
                        response = self._failed(visit, phrases.expired, 403)
                    else:
                        response = await handle(visit)
                except (Problem, NotRemembered) as error:
                    problem = error if isinstance(error, Problem) else Problem.of(error)
                    visit = Visit(request, phrases, session, {})
                    response = self._failed(visit, _told(phrases, problem), problem.status)
            if chosen:
                response.set_cookie(
                    LANGUAGE_COOKIE,
                    phrases.language,
                    max_age=31_536_000,
                    httponly=True,
                    secure=self._tls,
                    samesite="lax",
                )
            return response

        return Route(path, answer, methods=[method])

    async def style(self, _: Request) -> Response:
        return Response(self._style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def overview(self, visit: Visit) -> Response:
        """What was reported, from here and in other ways, and the way to report more; without a session, the way in."""
        if visit.session is None:
            return self._page("enter", visit.phrases, session=None, notice="")
        wanted = " ".join(visit.request.query_params.get("q", "").split())[:MOST_WANTED]
        if wanted:
            await self._gateway.looked(visit.author, LOOKED)
        found = await self._gateway.database.call(
            self._gateway.records.recent, visit.author.actor, KINDS, wanted, SHOWN
        )
        unsettled = {entry.number: entry.state for entry in await self._gateway.waiting(visit.author)}
        shown = [(last, unsettled.get(last.number or 0, EntryState.STORED)) for last in found]
        return self._page(
            "overview",
            visit.phrases,
            session=visit.session,
            shown=shown,
            kinds=KINDS,
            wanted=wanted,
            doubt=self._doubt(visit),
        )

    async def enter(self, visit: Visit) -> Response:
        """A key for a cookie."""
        try:
            author = await opened(self._gateway, visit.request, visit.first("key").strip())
        except Problem as problem:
            notice = visit.phrases.wait if problem.status == 429 else visit.phrases.key_refused
            return self._page("enter", visit.phrases, problem.status, session=None, notice=notice)
        cookie = await self._gateway.database.call(self._sessions.begin, author.key, datetime.now(UTC))
        response = RedirectResponse("/", 303)
        response.set_cookie(
            self._cookie, cookie, max_age=int(LIFE.total_seconds()), httponly=True, secure=self._tls, samesite="strict"
        )
        return response

    async def leave(self, visit: Visit) -> Response:
        await self._gateway.database.call(self._sessions.end, visit.request.cookies.get(self._cookie, ""))
        response = RedirectResponse("/", 303)
        response.delete_cookie(self._cookie, httponly=True, secure=self._tls, samesite="strict")
        return response

    async def new(self, visit: Visit) -> Response:
        """An empty sheet; of the own status, the last one."""
        kind = _kind(visit.request.path_params["kind"])
        if kind is not Kind.STATUS:
            return self._sheet(visit, Sheet(kind, visit.author.actor, self._status, None, visit.phrases))
        await self._gateway.looked(visit.author, LOOKED)
        return self._filled(visit, kind, await self._last(visit.author, kind, "status"))

    async def edit(self, visit: Visit) -> Response:
        """A sheet with what was said last."""
        kind, id = _kind(visit.request.path_params["kind"]), visit.request.path_params["id"]
        await self._gateway.looked(visit.author, LOOKED)
        last = await self._last(visit.author, kind, id)
        if last is None:
            raise Problem("not-found", "")
        return self._filled(visit, kind, last)

    async def send(self, visit: Visit) -> Response:
        """Take what was entered; or show it again, with what is wrong."""
        kind = _kind(visit.request.path_params["kind"])
        draft, based_on = visit.first("draft"), visit.first("based_on")
        if not draft.isalnum() or len(draft) > 20 or not based_on.isdecimal() or len(based_on) > LONGEST_NUMBER:
            raise Problem("unreadable", "")
        await self._gateway.looked(visit.author, LOOKED)
        known = "status" if kind is Kind.STATUS else visit.first("entity")
        last = await self._last(visit.author, kind, known) if known else None
        sheet = self._sheet_of(visit, kind, last)
        message, faults = sheet.read(visit.entered, draft, int(based_on))
        if message is None:
            return self._sheet(visit, sheet, faults, last=last, based_on=int(based_on))
        latest = await self._last(visit.author, kind, message.id)
        if latest is not None and latest.message.revision != int(based_on):
            if not changed(latest.message, message):  # the same page, sent twice
                return RedirectResponse("/" if latest.number is None else f"/done/{latest.number}", 303)
            return self._overtaken(visit, self._sheet_of(visit, kind, latest), latest)
        accepted = await self._gateway.revision(visit.author, message.reference)
        if accepted >= message.revision:  # what was accepted, and could not be remembered here, keeps its number
            message = message.model_copy(update={"revision": accepted + 1})
        try:
            [entry] = await self._gateway.publish(visit.author, [Line(message)])
        except NtsgError as error:
            raise Problem.of(error) from error
        await self._gateway.settled(visit.author, entry, AWAITED)
        return RedirectResponse(f"/done/{entry.number}", 303)

    async def done(self, visit: Visit) -> Response:
        """The receipt."""
        number = visit.request.path_params["number"]
        digits = number.isascii() and number.isdecimal() and len(number) <= LONGEST_NUMBER
        entry = await self._gateway.entry(visit.author, int(number)) if digits else None
        if entry is None:
            raise Problem("not-found", "")
        response = self._page("done", visit.phrases, session=visit.session, entry=entry)
        if entry.state is EntryState.WAITING:
            response.headers["Refresh"] = str(LOOK_AGAIN)
        return response

    async def _last(self, author: Author, kind: Kind, id: str) -> Last | None:
        if not is_reference(reference(kind, author.actor, id)):
            return None
        return await self._gateway.last(author, kind, id)

    def _sheet_of(self, visit: Visit, kind: Kind, last: Last | None) -> Sheet:
        return Sheet(kind, visit.author.actor, self._status, last.message if last else None, visit.phrases)

    def _filled(self, visit: Visit, kind: Kind, last: Last | None) -> Response:
        return self._sheet(visit, self._sheet_of(visit, kind, last), last=last)

    def _overtaken(self, visit: Visit, sheet: Sheet, latest: Last) -> Response:
        """Nothing is sent: what was entered, over the report that came meanwhile, and the choice between the two."""
        before = visit.shown
        entered, differences = sheet.over(visit.entered, before)
        told = visit.phrases.changed if visit.first("entity") else visit.phrases.exists
        return self._sheet(
            Visit(visit.request, visit.phrases, visit.session, {name: [*values] for name, values in entered.items()}),
            sheet,
            last=latest,
            notice=told.format(id=latest.message.id, revision=_counted(latest.message.revision)),
            differences=differences,
            based_on=latest.message.revision,
            renewed=True,
            status=409,
        )

    def _doubt(self, visit: Visit) -> str:
        """What has to be said of how far the page can be relied on; empty where it is up to date."""
        standing, phrases = self._gateway.standing(visit.author), visit.phrases
        if standing.current:
            return ""
        if standing.reading:
            return phrases.still_reading
        return phrases.out_of_date.format(at=_clock(standing.at)) if standing.at else phrases.never_reached

    def _sheet(
        self,
        visit: Visit,
        sheet: Sheet,
        faults: list[Fault] | None = None,
        *,
        last: Last | None = None,
        notice: str = "",
        differences: Sequence[Difference] = (),
        based_on: int | None = None,
        renewed: bool = False,
        status: int = 200,
    ) -> Response:
        """A sheet to fill in. `renewed`: it shows the last revision, not that which the page before was made of."""
        entered = visit.entered or None
        base = sheet.last
        shown = visit.first("shown") if entered and not renewed else json.dumps(sheet.shown(), ensure_ascii=False)
        return self._page(
            "sheet",
            visit.phrases,
            422 if faults else status,
            session=visit.session,
            sheet=sheet,
            groups=sheet.groups(entered, faults or ()),
            beside=sheet.impacts(entered),
            faults=faults or [],
            notice=notice,
            differences=differences,
            doubt=self._doubt(visit),
            source=_source(visit.phrases, last) if last else "",
            shown=shown,
            based_on=sheet.revision if based_on is None else based_on,
            draft=visit.first("draft") or Sheet.new_draft(),
            earlier=visit.first("earlier"),
            others=self._gateway.may_speak_for(visit.author.actor),
            proxies=PROXIES,
            on_behalf_of=visit.first("on_behalf_of") if entered else (base.on_behalf_of if base else None) or "",
            reported_via=visit.first("reported_via") if entered else (base.reported_via if base else ""),
            choices=_choices,
            id_pattern=ID_PATTERN,
        )

    def _failed(self, visit: Visit, text: str, status: int) -> Response:
        return self._page("failed", visit.phrases, status, session=visit.session, notice=text)

    def _page(self, name: str, phrases: Phrases, status: int = 200, **told: object) -> Response:
        registered = None
        session = told.get("session")
        if isinstance(session, Session):
            entry = self._gateway.registered(session.actor)
            registered = entry.name if entry else session.actor
        text = self._pages.get_template(f"{name}.html").render(
            t=phrases, exercise=self._gateway.realm.is_exercise, member=registered, **told
        )
        return Response(text, status, media_type="text/html", headers={"Content-Security-Policy": POLICY})

    async def _session(self, request: Request) -> Session | None:
        cookie = request.cookies.get(self._cookie)
        if not cookie:
            return None
        return await self._gateway.database.call(self._sessions.find, cookie, datetime.now(UTC))

    async def _entered(self, request: Request) -> dict[str, list[str]]:
        """What a browser sent, within the limits of any request. Raises Problem."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise Problem("unsupported-media-type", "")
        body = await body_of(self._gateway, request)
        replay = Request(request.scope, _once(body))
        try:
            async with replay.form(max_fields=MOST_FIELDS, max_files=0) as form:
                return _values(form)
        except MultiPartException as error:
            raise Problem("unreadable", "") from error


MOST_FIELDS = 500


def _once(body: bytes) -> Callable[[], Awaitable[dict[str, object]]]:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _values(form: FormData) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            values.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return values


def _choices(field: Field, language: Language) -> list[tuple[str, str]]:
    """The symbols that a field's word is chosen from, with their words.

    Whoever does not know leaves the field empty, so UNKNOWN is offered only where it was said before.
    """
    assert field.column.words is not None  # noqa: S101 - it is asked for fields with words alone
    words = words_of(field.column.words, language)
    return [(s.value, word) for s, word in words.items() if s != UNKNOWN or UNKNOWN in field.values]


def _source(phrases: Phrases, last: Last) -> str:
    """Where the last report came from."""
    if last.number is not None:
        return phrases.from_here
    via = word_of(last.message.reported_via, phrases.language)
    return phrases.from_elsewhere.format(via=via, at=_clock(last.known_at))


def _counted(revision: int) -> str:
    """A revision as people read it: a count, or the time that it is where its source counts nothing."""
    return _clock(from_millis(revision)) if revision in TIMES else str(revision)


def _clock(instant: datetime | None) -> str:
    return "" if instant is None else instant.astimezone(STOCKHOLM).strftime("%Y-%m-%d %H:%M")


def _kind(text: str) -> Kind:
    if text not in [kind.value for kind in KINDS]:
        raise Problem("not-found", "")
    return Kind(text)


def _language(request: Request) -> tuple[Phrases, bool]:
    """The language of the answer, and whether it was chosen just now. Swedish unless the browser prefers English."""
    for value, chosen in ((request.query_params.get("lang"), True), (request.cookies.get(LANGUAGE_COOKIE), False)):
        if value in list(Language):
            return PHRASES[Language(value)], chosen
    wanted = [part.strip().lower() for part in request.headers.get("accept-language", "").split(",")]
    first = next((part[:2] for part in wanted if part[:2] in list(Language)), Language.SWEDISH)
    return PHRASES[Language(first)], False


def _same_origin(request: Request) -> bool:
    """Whether a form was sent from this site, as far as the browser tells."""
    origin = request.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:  # such as http://[
        return False


def _told(phrases: Phrases, problem: Problem) -> str:
    match problem.name:
        case "not-found":
            return phrases.not_found
        case "outbox-full" | "outbox-unavailable":
            return phrases.full
        case "too-large":
            return phrases.too_large
        case "too-many-requests":
            return phrases.wait
    return f"{phrases.not_taken} {problem.detail or problem.title}"
