"""Disks that are really full: file systems of a test's own, in memory, of the size that it asks for."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NoDisk(Exception):
    """This machine, or this user, may not mount a file system."""


@dataclass(frozen=True)
class SmallDisk:
    """A mounted file system. What does not fit on it is refused by the kernel (ENOSPC)."""

    directory: Path

    def fill(self) -> None:
        """Take all the room that is left."""
        with (self.directory / "ballast").open("ab", buffering=0) as ballast:
            piece = 64 * 1024
            while piece:
                try:
                    piece = min(piece, ballast.write(b"\0" * piece))
                except OSError:
                    piece //= 2

    def free(self) -> None:
        """Take the ballast away, and give the disk room for what a test still has to write."""
        (self.directory / "ballast").unlink(missing_ok=True)
        _mount("-o", "remount,size=256m", str(self.directory))


@contextmanager
def small_disk(directory: Path, size: int) -> Iterator[SmallDisk]:
    """A disk of `size` bytes at this directory, while the body runs. Raises NoDisk."""
    directory.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={size},mode=700", "ntsg-test", str(directory))
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoDisk(str(error)) from error
    try:
        yield SmallDisk(directory)
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True, capture_output=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
