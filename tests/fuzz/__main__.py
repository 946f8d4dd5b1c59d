"""Fuzzing guided by coverage: `python -m tests.fuzz codec --seconds 300`; without names, every target. See `make fuzz`.

Needs atheris (`requirements.in`), which tells which inputs reach what others do not. Whatever a target raises, a hang
of ten seconds and a gigabyte and a half of memory end the run; the input is then in `corpus/TARGET/`, where each run of
all tests finds it. What only reaches further is in `.fuzz/TARGET`, for the next run; `--keep` writes the least of it
that reaches as far, smallest first, to `corpus/TARGET.txt`, an input a line.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory

import click

NAMES = ("codec", "record", "schema", "line", "adapters", "carried", "gateway")
ROOT = Path(__file__).parent
HANG = 10
"""Seconds that one input may take."""
MEMORY = 1_500
"""Megabytes that the process may take, the instrumented program among them."""
LONGEST = 8_192
"""Bytes of an input."""
KEPT = 20_000
"""Bytes that are kept of what reaches far, of each target."""


def fuzz(name: str, options: list[str]) -> None:
    """Run libFuzzer over one target in this process; does not return."""
    import atheris
    import structlog

    logging.disable(logging.CRITICAL)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with atheris.instrument_imports(include=["bus", "producers", "consumers", "schemas"]):
        from tests.fuzz.targets import TARGETS, inputs
    found = Path(".fuzz") / name
    found.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(inputs(name)):
        (found / f"given-{number:03}").write_bytes(content)
    again = f"{sys.executable} -m tests.fuzz --here {name} --"  # how it calls itself, through a shell, when it merges
    atheris.Setup([again, *options], TARGETS[name])
    atheris.Fuzz()


def came_through(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own; whether nothing was found."""
    (ROOT / "corpus" / name).mkdir(parents=True, exist_ok=True)
    limits = {"max_total_time": seconds, "timeout": HANG, "rss_limit_mb": MEMORY, "max_len": LONGEST}
    options = [f"-{option}={value}" for option, value in limits.items()]
    return _run(name, *options, f"-artifact_prefix={ROOT / 'corpus' / name}/", f".fuzz/{name}") == 0


def keep(name: str) -> int:
    """Write down the least of what was found that reaches as far. Returns how many inputs that is."""
    with TemporaryDirectory() as place:
        _run(name, "-merge=1", place, f".fuzz/{name}")
        found = sorted((path.read_bytes() for path in Path(place).iterdir()), key=lambda each: (len(each), each))
    lines, size = [], 0
    for content in found:
        size += len(content)
        if size > KEPT:
            break
        lines.append(f"{b64encode(content).decode()}\n")
    (ROOT / "corpus" / f"{name}.txt").write_text("".join(lines))
    return len(lines)


def _run(name: str, *options: str) -> int:
    command = [sys.executable, "-m", "tests.fuzz", "--here", name, "--", *options]
    with TemporaryDirectory(prefix="ntsg-fuzz-") as place:  # libFuzzer leaves without cleaning up
        return subprocess.run(command, env=os.environ | {"TMPDIR": place}, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=int, default=300, help="for each target (default: 300)")
    parser.add_argument("--keep", action="store_true", help="fuzz nothing; keep what was found")
    parser.add_argument("--here", metavar="TARGET", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        fuzz(options.here, options.targets)
    names = options.targets or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"no target {', '.join(sorted(unknown))}; use {', '.join(NAMES)}")
    if options.keep:
        for name in names:
            click.echo(f"{name}: {keep(name)} inputs kept")
        return 0
    failed = [name for name in names if not came_through(name, options.seconds)]
    click.echo(f"\nfound something: {', '.join(failed)}" if failed else "\nnothing was found")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
