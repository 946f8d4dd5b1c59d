"""What every command of the command line shares: options, errors as exit status, files of messages, a proper end.

The commands themselves live with what they command: `bus.commands`, `producers.commands`, `consumers.commands`. They
import what they need when they run, so that a publisher's machine needs the core install alone; `ntsg.py` gathers them.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from bus.errors import NtsgError
from bus.instants import parse_instant
from bus.settings import CONFIG_VARIABLE, Settings, load_settings

if TYPE_CHECKING:
    from bus.ndjson import BadLine, Line

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class Commands(click.Group):
    """Turns this package's errors into exit status 1 and a plain reason."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NtsgError as error:
            raise click.ClickException(str(error)) from error
        except ExceptionGroup as group:  # of tasks that ran side by side
            ours, others = group.split(NtsgError)
            if ours is None or others is not None:
                raise
            raise click.ClickException(str(first_of(ours))) from group


def first_of(group: BaseExceptionGroup[NtsgError]) -> NtsgError:
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


class InstantType(click.ParamType[datetime]):
    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else parse_instant(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SpanType(click.ParamType[timedelta]):
    """A span of time such as 30m, 24h or 7d."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,5})([mhd])", value)
        if match is None:
            self.fail(f"{value!r} is no span of time; write for example 30m, 24h or 7d", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
INSTANT = InstantType()
SPAN = SpanType()
READABLE = click.File("rb")


def bus_options(command: F) -> F:
    """The options that say where the bus is and who asks; the command receives them as `settings`."""
    for option in reversed(
        (
            click.option("--bootstrap", help="Brokers as host:port, separated by commas. [env: NTSG_BOOTSTRAP]"),
            click.option("--realm", help="ntsg is the real picture, ntsg-exercise is for exercises. [env: NTSG_REALM]"),
            click.option("--user", help="SCRAM user. [env: NTSG_USER; its password: NTSG_PASSWORD]"),
            click.option("--password-file", type=click.Path(path_type=Path), help="File that holds the password."),
            click.option("--tls-ca", type=click.Path(path_type=Path), help="CA certificate (PEM); turns TLS on."),
            click.option(
                "--config",
                type=click.Path(path_type=Path),
                help=f"TOML file with these settings, such as a credentials file. [env: {CONFIG_VARIABLE}]",
            ),
        )
    ):
        command = option(command)
    return command


def settings_of(options: dict[str, Any]) -> Settings:
    """The settings of one command. A file given by option stands where the environment's would."""
    config = options.pop("config", None)
    before = os.environ.get(CONFIG_VARIABLE)
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
    try:
        return load_settings(**options)
    finally:
        if config is not None:
            os.environ.pop(CONFIG_VARIABLE)
            os.environ.update({CONFIG_VARIABLE: before} if before is not None else {})


as_json = click.option("--json", "as_json", is_flag=True, help="Print data as JSON.")


def read_messages(file: BinaryIO) -> tuple[list[tuple[int, Line]], list[BadLine]]:
    """The valid lines with their numbers, and the others."""
    from bus.ndjson import BadLine, read_lines

    good: list[tuple[int, Line]] = []
    bad: list[BadLine] = []
    for number, line in read_lines(file):
        if isinstance(line, BadLine):
            bad.append(line)
        else:
            good.append((number, line))
    return good, bad


def until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run what only ends with Ctrl-C or SIGTERM, which is its proper end."""
    with suppress(KeyboardInterrupt):
        run(work)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work; SIGTERM ends it as Ctrl-C does: cancelled, cleaned up, KeyboardInterrupt."""

    async def terminable() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(terminable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # the loop leaves the system's behind


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports that need an extra of the distribution: says which one is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"this needs {error.name}, which is not installed: pip install 'ntsg-bus[{name}]'"
        ) from error


def home() -> Path:
    """`$NTSG_HOME`; without the variable, `~/.local/share/ntsg`."""
    return Path(os.environ.get("NTSG_HOME") or "~/.local/share/ntsg").expanduser()


def tell(text: str) -> None:
    """Progress goes to standard error, so that standard output stays data."""
    click.echo(text, err=True)
