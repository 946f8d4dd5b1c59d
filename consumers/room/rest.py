"""What programs ask, under `/v1`: the picture and its parts, why it says so, and what changes in it.

Every question is an `Endpoint`: its route, and its place in the OpenAPI document (`openapi`), come from the same line.
An answer is that of the asker's audience; there is no parameter that could ask for another's.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bus import geography
from bus.errors import BusError, UnknownReference
from bus.instants import Instant, parse_instant, to_millis
from bus.messages import MESSAGES, Part
from bus.ndjson import as_object
from bus.vocabulary import IMPACT_ORDER, Audience, ConflictState, Service, SituationState
from consumers.land import geojson_geometry
from consumers.merge import Signed
from consumers.merge.explain import Explanation
from consumers.merge.view import (
    ActorItem,
    AreaItem,
    Conflict,
    DecisionItem,
    MeasureItem,
    OfferItem,
    RequestItem,
    Situation,
    View,
    WorkItem,
)
from consumers.room.asked import visitor_of
from consumers.room.endpoints import (
    EVENTS,
    GEOJSON,
    JSON,
    Answerer,
    Endpoint,
    Parameter,
    Question,
    Refused,
    choice,
    text,
    whole,
)
from consumers.room.live import Lagging, Live
from consumers.room.openapi import document
from consumers.room.past import NotYet, PastBusy
from consumers.room.pictures import Picture, Pictures
from consumers.room.problems import problem
from consumers.room.source import HubStatus, Source

T = TypeVar("T")

MOST, USUAL = 500, 100
"""Items on a page."""
CHECKED_EVERY = 5.0
"""Seconds between two looks whether a listener would still be let in."""


class Listing(Part, Generic[T]):
    """A page of a list."""

    as_of: Instant
    digest: str
    settled: bool
    withheld: dict[str, int]
    """What this audience is not shown, by reason."""
    items: tuple[T, ...]
    next: str | None
    """Ask with `cursor` for the page after this one; null on the last."""


class Messages(Part):
    """All that was said of an entity, the first revision first."""

    ref: str
    as_of: Instant
    messages: tuple[dict[str, Any], ...]
    """As in NDJSON: `kind`, `sent_at`, `known_at` and the fields of the message."""
    signed: Signed | None
    """How the message that counts is signed; null where its actor need not sign."""


class Feature(Part):
    """An area, or a place of a situation, as GeoJSON (RFC 7946) has it."""

    type: str
    id: str
    geometry: dict[str, Any] | None
    properties: dict[str, Any]


class Features(Part):
    """A FeatureCollection of GeoJSON."""

    type: str
    as_of: Instant
    digest: str
    features: tuple[Feature, ...]


def _county(text: str) -> str:
    if text not in {county.code for county in geography.counties()}:
        raise ValueError("use the two digits of a county")
    return text


AS_OF = Parameter(
    "as_of",
    "The picture that was known then; without it, now.",
    parse_instant,
    {"type": "string", "format": "date-time"},
)
LIMIT = whole("limit", f"Items on a page; {USUAL} without it.", 1, MOST)
CURSOR = text("cursor", "`next` of the page before.", 400)
COUNTY = Parameter(
    "county",
    "What concerns a county: itself, its municipalities, or the country.",
    _county,
    {"type": "string", "enum": [county.code for county in geography.counties()]},
)
SERVICE = choice("service", "What concerns a service.", [s for s in Service if s is not Service.UNKNOWN])
ACTOR = text("actor", "What concerns an actor.", 32)
SEVERITY = whole("severity", "At this level or above.", 1, 5)
STATE = choice("state", "In this state.", SituationState)
CONFLICT_STATE = choice("state", "In this state.", [s for s in ConflictState if s is not ConflictState.UNKNOWN])
PAGED = (LIMIT, CURSOR, AS_OF)
REF = text(
    "ref",
    "A reference, `area/<code>`, `actor/<slug>` or `totals`; with `#` and a part, that part alone.",
    200,
    required=True,
)
AFTER = text(
    "after", "The `mark` of the last event, or page, that is known; as Last-Event-ID, which goes before it.", 64
)
ID = text("id", "By its id; a situation, by any that it answers to.", 64, "path", required=True)


class Rest:
    """Answers for one hub."""

    def __init__(self, source: Source, pictures: Pictures, live: Live, still_known: Callable[[Request], bool]) -> None:
        """`still_known`: whether who asked, and listens, would be let in now."""
        self._source = source
        self._still_known = still_known
        self._pictures = pictures
        self._live = live
        self._document = b""
        self.endpoints: Sequence[Endpoint] = (
            Endpoint("/v1/view", "view", "The whole picture.", (AS_OF,), View, self._view),
            self._digested(),
            *self._of_situations(),
            self._list("areas", AreaItem, "All counties, and the municipalities that are touched.", (COUNTY,)),
            self._list("actors", ActorItem, "How the actors are doing.", ()),
            self._list("conflicts", Conflict, "Things that do not go together.", (ACTOR, CONFLICT_STATE)),
            self._list("measures", MeasureItem, "Measures.", (ACTOR,)),
            self._list("works", WorkItem, "Planned works.", (ACTOR,)),
            self._list("requests", RequestItem, "Requests for resources.", (ACTOR,)),
            self._list("offers", OfferItem, "Offers of resources.", (ACTOR,)),
            self._list("decisions", DecisionItem, "The decision log.", ()),
            *self._of_reports(),
            *self._of_places(),
            self._streamed(),
        )

    def _digested(self) -> Endpoint:
        doc = "What is folded, and how the hub is. Equal digests mean equal pictures."
        return Endpoint("/v1/digest", "digest", doc, (), HubStatus, self._digest, is_tagged=False)

    def _of_situations(self) -> Iterable[Endpoint]:
        filters = (COUNTY, SERVICE, ACTOR, SEVERITY, STATE, *PAGED)
        doc = "Situations, the worst first."
        yield Endpoint("/v1/situations", "situations", doc, filters, Listing[Situation], self._situations)
        doc = "One situation, by its id or an alias; Content-Location has its id."
        yield Endpoint("/v1/situations/{id}", "situation", doc, (ID, AS_OF), Situation, self._situation, may_lack=True)

    def _of_reports(self) -> Iterable[Endpoint]:
        questions: Iterable[tuple[str, str, Any, Answerer]] = (
            ("messages", "All that was said of an entity, by its reference.", Messages, self._messages),
            ("explain", "Why the picture says so.", Explanation, self._explain),
        )
        for name, doc, model, answerer in questions:
            path, given = f"/v1/{name}", (REF, AS_OF)
            yield Endpoint(path, name, doc, given, model, answerer, full_only=True, may_lack=True)

    def _of_places(self) -> Iterable[Endpoint]:
        given: tuple[Parameter, ...] = (COUNTY, AS_OF)
        doc = "Areas for a map, with what is reported for each."
        yield Endpoint("/v1/areas.geojson", "areaMap", doc, given, Features, self._area_features, GEOJSON)
        given = (COUNTY, SERVICE, ACTOR, SEVERITY, AS_OF)
        doc = "Open situations for a map: a feature for each area of each."
        yield Endpoint(
            "/v1/situations.geojson", "situationMap", doc, given, Features, self._situation_features, GEOJSON
        )

    def _streamed(self) -> Endpoint:
        doc = "What changes, as it changes: server-sent events, resumed by Last-Event-ID. See docs/integrator.md."
        return Endpoint("/v1/changes", "changes", doc, (AFTER,), None, self._changes, EVENTS, is_tagged=False)

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            *(Route(e.path, _asking(e), methods=["GET"], name=e.name) for e in self.endpoints),
            Route("/v1/openapi.json", self._openapi, methods=["GET"]),
        ]

    def _list(self, name: str, model: type[Part], doc: str, filters: tuple[Parameter, ...]) -> Endpoint:
        async def answer(question: Question) -> Response:
            picture = await self._picture(question)
            items = [item for item in getattr(picture.view, name) if _concerns(item, question)]
            return _page(question, picture, Listing[model], items, _key_of)  # type: ignore[valid-type]

        return Endpoint(f"/v1/{name}", name, doc, (*filters, *PAGED), Listing[model], answer)  # type: ignore[valid-type]

    async def _picture(self, question: Question) -> Picture:
        return await self._pictures.at(question.audience, question.filter("as_of"))

    async def _view(self, question: Question) -> Response:
        picture = await self._picture(question)
        return _tagged(question, picture, lambda: picture.json)

    async def _digest(self, question: Question) -> Response:
        status, projections = self._source.status(), self._source.fold.projections
        if question.audience is not Audience.FULL:
            status = status.model_copy(update={"digest": projections.of(question.audience).state.digest})
        return Response(status.model_dump_json(), media_type=JSON)

    async def _situations(self, question: Question) -> Response:
        picture = await self._picture(question)
        found = [s for s in picture.view.situations if _situation_fits(s, question)]
        return _page(question, picture, Listing[Situation], found, _rank)

    async def _situation(self, question: Question) -> Response:
        picture, id = await self._picture(question), question.given["id"]
        situation = picture.situation(id)
        if situation is None:
            known = [s.id for s in picture.view.situations]
            raise Refused(HTTPStatus.NOT_FOUND, f"no situation answers to {id!r}", _nearest(id, known))
        answer = _tagged(question, picture, lambda: situation.model_dump_json().encode())
        answer.headers["content-location"] = f"/v1/situations/{situation.id}"
        return answer

    async def _messages(self, question: Question) -> Response:
        picture, ref = await self._picture(question), question.given["ref"]
        entity = picture.fold.state.entity(ref) if ref.partition("/")[0] in MESSAGES else None
        if entity is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"nothing was said of {ref!r}")
        said = sorted(entity.envelopes(), key=lambda e: (e.message.revision, e.sent_at, e.content))
        told = tuple(as_object(e.message, e.sent_at, e.known_at) for e in said)
        answer = Messages(ref=ref, as_of=picture.view.as_of, messages=told, signed=entity.last.signed)
        return _tagged(question, picture, lambda: answer.model_dump_json().encode())

    async def _explain(self, question: Question) -> Response:
        picture = await self._picture(question)
        try:
            found = await picture.explain(question.given["ref"])
        except UnknownReference as error:
            raise Refused(HTTPStatus.NOT_FOUND, str(error), error.nearest) from error
        return _tagged(question, picture, lambda: found.model_dump_json().encode())

    async def _area_features(self, question: Question) -> Response:
        picture = await self._picture(question)
        areas = [area for area in picture.view.areas if _concerns(area, question)]

        def made() -> Iterable[Feature]:
            for area in areas:
                told = area.model_dump(mode="json")
                worst = max(area.impact.values(), key=IMPACT_ORDER.index, default=None)
                yield _feature(f"area/{area.code}", area.code, told | {"worst": worst})

        return _features(question, picture, made)

    async def _situation_features(self, question: Question) -> Response:
        picture = await self._picture(question)
        found = [s for s in picture.view.situations if _situation_fits(s, question)]

        def made() -> Iterable[Feature]:
            for situation in found:
                told = {
                    "situation": situation.id,
                    "title": situation.title,
                    "severity": situation.severity.level,
                    "state": situation.state,
                    "services": situation.services,
                    "actors": situation.actors,
                }
                if situation.state is not SituationState.ONGOING:
                    continue
                for code in situation.areas:
                    yield _feature(f"situation/{situation.id}/{code}", code, told | {"area": code})

        return _features(question, picture, made)

    async def _changes(self, question: Question) -> Response:
        last = question.request.headers.get("last-event-id") or question.filter("after")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._events(question, last), media_type=EVENTS, headers=headers)

    async def _events(self, question: Question, last: str | None) -> AsyncGenerator[bytes, None]:
        """Until the one who listens goes, does not keep up, or is not let in any more."""
        checked = time.monotonic()
        with suppress(Lagging):
            async with aclosing(self._live.listen(question.audience, last)) as events:
                async for event in events:
                    yield event
                    if time.monotonic() - checked >= CHECKED_EVERY:
                        checked = time.monotonic()
                        if not self._still_known(question.request):
                            return

    async def _openapi(self, _: Request) -> Response:
        if not self._document:
            self._document = json.dumps(document(self.endpoints), ensure_ascii=False).encode()
        return Response(self._document, media_type=JSON)


def _asking(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """The question as it comes over HTTP."""

    async def asked(request: Request) -> Response:
        visitor = visitor_of(request)
        try:
            if endpoint.full_only and visitor.audience is not Audience.FULL:
                text = f"single reports are for the audience FULL; yours is {visitor.audience} (docs/audiences.md)"
                raise Refused(HTTPStatus.FORBIDDEN, text)
            given = _read(endpoint.parameters, request)
            return await endpoint.answerer(Question(request, visitor.audience, given))
        except Refused as error:
            return problem(error.status, str(error), error.nearest)
        except NotYet as error:
            return problem(HTTPStatus.NOT_FOUND, f"as_of: {error}")
        except (PastBusy, BusError) as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"retry-after": "5"})

    return asked


def _read(parameters: Sequence[Parameter], request: Request) -> dict[str, Any]:
    """The parameters that were given. Raises Refused for one that is wrong, unknown, given twice, or missing."""
    known = {parameter.name: parameter for parameter in parameters}
    pairs = [*request.query_params.multi_items(), *request.path_params.items()]
    given: dict[str, Any] = {}
    for name, told in pairs:
        parameter = known.get(name)
        if parameter is None:
            names = ", ".join(p.name for p in parameters if p.place == "query") or "none"
            raise Refused(HTTPStatus.BAD_REQUEST, f"{name[:40]!r} is no parameter here; there is {names}")
        if name in given:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{name}: give it once")
        try:
            given[name] = parameter.read(told)
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{name}: {error}") from error
    for parameter in parameters:
        if parameter.required and parameter.name not in given:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{parameter.name}: must be given. {parameter.doc}")
    return given


def _tagged(question: Question, picture: Picture, body: Callable[[], bytes], media_type: str = JSON) -> Response:
    """The answer, or that it is the one that the asker has. It tells the same as long as the picture does."""
    asked = json.dumps([question.request.url.path, sorted(question.request.query_params.multi_items())])
    etag = f'W/"{picture.etag}-{hashlib.blake2b(asked.encode(), digest_size=6).hexdigest()}"'
    if etag in {tag.strip() for tag in question.request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": etag})
    return Response(body(), headers={"etag": etag}, media_type=media_type)


def _page(
    question: Question,
    picture: Picture,
    model: Any,
    items: Sequence[Any],
    rank: Callable[[Any], tuple[Any, ...]],
) -> Response:
    """A page of a list, which is sorted by rank."""
    limit, cursor = question.filter("limit") or USUAL, question.filter("cursor")
    after = None if cursor is None else _rank_of(cursor, (int, int, str) if rank is _rank else (str,))
    left = sorted((item for item in items if after is None or rank(item) > after), key=rank)
    shown = left[:limit]
    more = _cursor(rank(shown[-1])) if len(left) > limit else None
    view = picture.view

    def body() -> bytes:
        page = model(
            as_of=view.as_of,
            digest=view.digest,
            settled=view.settled,
            withheld=view.withheld,
            items=tuple(shown),
            next=more,
        )
        text: str = page.model_dump_json()
        return text.encode()

    return _tagged(question, picture, body)


def _cursor(rank: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps(rank).encode()).decode().rstrip("=")


def _rank_of(cursor: str, shape: tuple[type, ...]) -> tuple[Any, ...]:
    """What a page ended with. Raises Refused."""
    try:
        told = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise Refused(
            HTTPStatus.NOT_FOUND, "cursor: no page has it; take `next` of the page before, as it is"
        ) from error
    if not isinstance(told, list) or tuple(map(type, told)) != shape:
        raise Refused(HTTPStatus.NOT_FOUND, "cursor: no page has it; take `next` of the page before, as it is")
    return tuple(told)


def _key_of(item: Part) -> tuple[str]:
    """What names an item among its like."""
    match item:
        case AreaItem():
            return (item.code,)
        case ActorItem():
            return (item.actor,)
        case Conflict():
            return (item.id,)
        case OfferItem():
            return (item.offer,)
        case MeasureItem() | WorkItem() | RequestItem() | DecisionItem():
            return (item.ref,)
    raise TypeError(f"a {type(item).__name__} is in no list")


def _rank(situation: Situation) -> tuple[int, int, str]:
    """The worst first, then the oldest: as the view has them."""
    return -situation.severity.level, to_millis(situation.started_at), situation.id


def _situation_fits(situation: Situation, question: Question) -> bool:
    county, service, actor = (question.filter(name) for name in ("county", "service", "actor"))
    severity, state = question.filter("severity"), question.filter("state")
    return (
        (county is None or any(geography.overlap(county, code) for code in situation.areas))
        and (service is None or service in situation.services)
        and (actor is None or actor in situation.actors)
        and (severity is None or situation.severity.level >= severity)
        and (state is None or situation.state == state)
    )


def _concerns(item: Any, question: Question) -> bool:
    county, actor, state = (question.filter(name) for name in ("county", "actor", "state"))
    if county is not None and not geography.overlap(county, item.code):
        return False
    if actor is not None and actor not in (item.actors if isinstance(item, Conflict) else (item.actor,)):
        return False
    return state is None or item.state == state


def _feature(id: str, code: str, properties: dict[str, Any]) -> Feature:
    return Feature.whole(type="Feature", id=id, geometry=dict(geojson_geometry(code)), properties=properties)


def _features(question: Question, picture: Picture, made: Callable[[], Iterable[Feature]]) -> Response:
    view = picture.view

    def body() -> bytes:
        features = tuple(made())
        told = Features.whole(type="FeatureCollection", as_of=view.as_of, digest=view.digest, features=features)
        return told.model_dump_json().encode()

    return _tagged(question, picture, body, GEOJSON)


def _nearest(id: str, known: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"situation/{near}" for near in difflib.get_close_matches(id, known, 3))
