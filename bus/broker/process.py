"""Child processes that outlive us: started in a session of their own, found again by a pid file, never confused.

A pid alone proves nothing: after a crash or a reboot the same number may belong to somebody else. So the pid file
keeps the instant at which the process began as well, and only a process with both is ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """A process on this machine, past or present."""

    pid: int
    began: str

    @classmethod
    def spawn(cls, command: tuple[str, ...], *, output: Path, environment: Mapping[str, str]) -> Process:
        """Start a command in a new session (a Ctrl-C in our terminal does not reach it); its output goes to a file."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        pid = os.posix_spawn(
            command[0],
            command,
            environment,
            file_actions=(
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(output), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ),
            setsid=True,
        )
        return cls(pid, _began(pid) or "")

    @classmethod
    def recall(cls, file: Path) -> Process | None:
        """The live process that the pid file tells of; None when there is none, or when the pid is another's by now."""
        try:
            pid, began = file.read_text(encoding="utf-8").split(maxsplit=1)
            process = cls(int(pid), began.strip())
        except (FileNotFoundError, ValueError):
            return None
        return process if process.alive() else None

    def remember(self, file: Path) -> None:
        file.write_text(f"{self.pid} {self.began}\n", encoding="utf-8")

    def alive(self) -> bool:
        with suppress(ChildProcessError):  # not our child, then whoever started it collects it
            os.waitpid(self.pid, os.WNOHANG)
        return bool(self.began) and _began(self.pid) == self.began

    def signal(self, number: signal.Signals) -> None:
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether the process has ended within that time."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def _began(pid: int) -> str | None:
    """What tells this holder of the pid from every other; None when no such process lives."""
    try:
        # Fields after the command name, which may itself hold spaces and brackets: state is the 1st, start the 20th.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    command = ("/bin/ps", "-o", "stat=,lstart=", "-p", str(pid))
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a number, no shell
    state, _, began = said.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else began.strip()
