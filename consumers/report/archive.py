"""Reports that were made, by realm and number, as they were: an old number is fetched byte for byte.

A directory per report holds its files and a manifest with their SHA-256, and that of the manifest before: what was
changed or lost since is noticed. A number is taken under a lock, and a report appears whole or not at all.

    <archive>/<realm>/000004/report.sv.pdf ... manifest.json
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from bus.errors import DamagedReport, UnknownReport
from bus.instants import Instant
from bus.messages import Part
from bus.vocabulary import Audience
from consumers.merge.view import View
from consumers.report.data import ReportData
from consumers.report.making import Report, make

__all__ = ["Archive", "Manifest"]

MANIFEST = "manifest.json"
_UNFINISHED = ".unfinished-"


class Manifest(Part):
    """What a report is, and what its files must be. `before`: the SHA-256 of the manifest of the number before."""

    number: int
    realm: str
    audience: Audience
    as_of: Instant
    made_at: Instant
    prepared_by: str | None
    digest: str
    rules: str
    files: dict[str, str]
    before: str | None


class Archive:
    """The reports that are kept in a directory, of any number of realms."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def issue(
        self, view: View, *, made_at: datetime, prepared_by: str | None = None, next_at: datetime | None = None
    ) -> Report:
        """Make the next report of the view's realm, and keep it.

        What changed is told since the latest report for the same audience whose picture is earlier. Raises
        DamagedReport where that one can no longer be trusted.
        """
        home = self._home(view.realm)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(home):
            for left in home.glob(f"{_UNFINISHED}*"):  # by a process that ended while it wrote
                shutil.rmtree(left)
            numbers = self._numbers(view.realm)
            number = max(numbers, default=0) + 1
            previous = self._previous(view, numbers)
            report = make(view, previous, number=number, prepared_by=prepared_by, next_at=next_at)
            before = home / _name(number - 1) / MANIFEST
            manifest = Manifest(
                number=number,
                realm=view.realm,
                audience=view.audience,
                as_of=view.as_of,
                made_at=made_at,
                prepared_by=prepared_by,
                digest=view.digest,
                rules=view.rules,
                files={name: _hash(content) for name, content in report.files.items()},
                before=_hash(before.read_bytes()) if before.is_file() else None,
            )
            _keep(home, number, {**report.files, MANIFEST: manifest.model_dump_json(indent=1).encode() + b"\n"})
            return report

    def fetch(self, realm: str, number: int) -> Report:
        """The report as it was made. Raises UnknownReport, and DamagedReport where it is no longer what it was."""
        manifest = self.manifest(realm, number)
        place = self._home(realm) / _name(number)
        files = {}
        for name, expected in manifest.files.items():
            content = _read(place / name)
            if _hash(content) != expected:
                raise DamagedReport(f"{place / name} is not what was kept: its SHA-256 is not that of {MANIFEST}")
            files[name] = content
        return Report(number, realm, manifest.audience, manifest.as_of, files)

    def manifest(self, realm: str, number: int) -> Manifest:
        """What is kept of a number. Raises UnknownReport and DamagedReport."""
        place = self._home(realm) / _name(number)
        if not place.is_dir():
            known = self._numbers(realm)
            hint = f"numbers {min(known)} to {max(known)} are" if known else "none is yet"
            raise UnknownReport(f"no report {number} of {realm} is kept in {self._directory}; {hint}")
        content = _read(place / MANIFEST)
        try:
            manifest = Manifest.model_validate_json(content)
        except ValidationError as error:
            raise DamagedReport(f"{place / MANIFEST} cannot be read as a manifest") from error
        if (manifest.number, manifest.realm) != (number, realm):
            raise DamagedReport(f"{place / MANIFEST} is that of report {manifest.number} of {manifest.realm}")
        after = self._home(realm) / _name(number + 1) / MANIFEST
        if after.is_file() and (told := _before(after)) is not None and told != _hash(content):
            raise DamagedReport(f"{place / MANIFEST} is not what it was when report {number + 1} was made")
        return manifest

    def manifests(self, realm: str) -> tuple[Manifest, ...]:
        """Of every report that is kept, the latest first. Raises DamagedReport."""
        return tuple(self.manifest(realm, number) for number in sorted(self._numbers(realm), reverse=True))

    def _previous(self, view: View, numbers: list[int]) -> ReportData | None:
        for number in sorted(numbers, reverse=True):
            manifest = self.manifest(view.realm, number)
            if manifest.audience is view.audience and manifest.as_of < view.as_of:
                return ReportData.model_validate_json(self.fetch(view.realm, number).files["report.json"])
        return None

    def _home(self, realm: str) -> Path:
        return self._directory / realm

    def _numbers(self, realm: str) -> list[int]:
        home = self._home(realm)
        return [int(place.name) for place in home.iterdir() if place.name.isdecimal()] if home.is_dir() else []


def _name(number: int) -> str:
    return f"{number:06}"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DamagedReport(f"{file} cannot be read: {error.strerror}") from error


def _before(manifest: Path) -> str | None:
    try:
        return Manifest.model_validate_json(_read(manifest)).before
    except ValidationError:
        return None  # damaged itself, which is told when it is asked for


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One writer at a time, on this machine; the lock goes with its process."""
    with (home / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _keep(home: Path, number: int, files: Mapping[str, bytes]) -> None:
    """The files on disk, in a directory that appears when all are."""
    place = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
    for name, content in files.items():
        with (place / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        (place / name).chmod(0o400)
    _sync(place)
    place.rename(home / _name(number))
    _sync(home)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
