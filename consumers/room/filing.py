"""Situation reports in the room: made at the press of a button, numbered, kept, and fetched as they were made."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bus.errors import DamagedReport, UnknownReport
from bus.topics import Realm
from bus.vocabulary import Audience
from consumers.report.archive import Archive, Manifest
from consumers.report.making import MEDIA_TYPES, Form, file_name
from consumers.room.asked import visitor_of, wish_of
from consumers.room.forms import BadForm, signed_form
from consumers.room.page import Page
from consumers.room.pictures import Pictures
from consumers.room.said import Said, said
from consumers.room.sight import Filed, Tab, Wish
from consumers.words import Language

MOST = 50
"""Reports that are listed, the latest first."""
POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""For a report as a page of its own: it carries its style with it, and may do nothing."""

log = structlog.get_logger(__name__)


class Filing:
    """The addresses under `/reports`."""

    def __init__(self, pictures: Pictures, page: Page, archive: Archive, realm: Realm) -> None:
        self._pictures = pictures
        self._page = page
        self._archive = archive
        self._realm = realm.name
        self._turn = asyncio.Lock()

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/reports", self._make, methods=["POST"]),
            Route("/reports/{number:int}/{name}", self._fetch, methods=["GET"]),
        ]

    async def filed(self, audience: Audience) -> tuple[Filed, ...]:
        """The reports that an audience may see, the latest first; none where they cannot be trusted."""
        try:
            kept = await asyncio.to_thread(self._archive.manifests, self._realm)
        except DamagedReport as error:
            log.warning("reports_damaged", reason=str(error))
            return ()
        return tuple(_filed(manifest) for manifest in kept if _may_see(audience, manifest))[:MOST]

    async def _make(self, request: Request) -> Response:
        wish, visitor = wish_of(request), visitor_of(request)
        try:
            form = await signed_form(request, visitor)
        except BadForm as error:
            return self._problem(error.status, Said.STALE_FORM, wish)
        if not visitor.may_act:
            return self._problem(HTTPStatus.FORBIDDEN, Said.NOT_YOURS, wish)
        prepared_by = form.one("prepared_by")[:80] or visitor.function
        async with self._turn:
            view = self._pictures.now(visitor.audience).view
            try:
                made = await asyncio.to_thread(
                    self._archive.issue, view, made_at=datetime.now(UTC), prepared_by=prepared_by
                )
            except (DamagedReport, OSError) as error:
                log.warning("report_not_made", reason=str(error))
                return self._problem(HTTPStatus.SERVICE_UNAVAILABLE, Said.NO_REPORT, wish, error)
        log.info("report_made", account=visitor.name, number=made.number)
        return RedirectResponse(f"/?{wish.but(tab=Tab.REPORT).query()}", HTTPStatus.SEE_OTHER)

    async def _fetch(self, request: Request) -> Response:
        wish, visitor, name = wish_of(request), visitor_of(request), request.path_params["name"]
        try:
            report = await asyncio.to_thread(self._archive.fetch, self._realm, request.path_params["number"])
        except UnknownReport:
            return self._problem(HTTPStatus.NOT_FOUND, Said.NO_SUCH_PAGE, wish)
        except DamagedReport as error:
            return self._problem(HTTPStatus.SERVICE_UNAVAILABLE, Said.NO_REPORT, wish, error)
        form = _FORMS.get(name)
        if form is None or name not in report.files or visitor.audience not in {Audience.FULL, report.audience}:
            return self._problem(HTTPStatus.NOT_FOUND, Said.NO_SUCH_PAGE, wish)
        kind = "inline" if form in {Form.PDF, Form.HTML} else "attachment"
        headers = {"content-disposition": f'{kind}; filename="{self._realm}-{report.number}-{name}"'}
        if form is Form.HTML:
            headers["content-security-policy"] = POLICY
        return Response(report.files[name], headers=headers, media_type=MEDIA_TYPES[form])

    def _problem(self, status: HTTPStatus, occasion: Said, wish: Wish, *facts: object) -> Response:
        return HTMLResponse(self._page.problem(status, said(occasion, wish.language, *facts), wish), status)


_FORMS = {file_name(form, language): form for form in Form for language in Language}


def _may_see(audience: Audience, manifest: Manifest) -> bool:
    return audience in {Audience.FULL, manifest.audience}


def _filed(manifest: Manifest) -> Filed:
    return Filed(
        number=manifest.number,
        as_of=manifest.as_of,
        digest=manifest.digest,
        prepared_by=manifest.prepared_by or "",
        files={
            name.removeprefix("report.").removeprefix("tables."): f"/reports/{manifest.number}/{name}"
            for name in sorted(manifest.files)
        },
    )
