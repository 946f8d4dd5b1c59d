"""Files that never change under their address: it carries a hash over all of them, so browsers may keep them for good.

One hash for the whole directory, so that a module may import its neighbour by a relative path.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

PREFIX = "/static"
KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str


class Static:
    """The files of one directory, held in memory."""

    def __init__(self, directory: Path) -> None:
        found = sorted(path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("."))
        self._files = {path.relative_to(directory).as_posix(): _read(path) for path in found}
        marks = hashlib.sha256()
        for name, file in self._files.items():
            marks.update(f"{name}\0{len(file.content)}\0".encode() + file.content)
        self.mark = marks.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file. Raises KeyError where there is none of that name."""
        self._files[name]
        return f"{PREFIX}/{self.mark}/{name}"

    def answer(self, request: Request) -> Response:
        """To a request for `/static/{mark}/{name:path}`. A name is looked up, never opened."""
        file = self._files.get(request.path_params["name"])
        if file is None or request.path_params["mark"] != self.mark:
            return Response(status_code=404)
        headers = {"cache-control": KEPT, "etag": f'"{self.mark}"'}
        if _unchanged(request.headers, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=file.media_type)


def _unchanged(headers: Headers, etag: str) -> bool:
    return etag in [tag.strip() for tag in headers.get("if-none-match", "").split(",")]


def _read(path: Path) -> _File:
    kind = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml"}.get(path.suffix)
    return _File(path.read_bytes(), kind or mimetypes.guess_type(path.name)[0] or "application/octet-stream")
