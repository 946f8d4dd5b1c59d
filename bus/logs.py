"""Logging: event names with key-values, on standard error; for people on a terminal, as JSON lines elsewhere.

A log line never holds a message's free text, and never a secret.
"""

from __future__ import annotations

import logging
import sys

import structlog

QUIET_LIBRARIES = ("aiokafka", "asyncio")
"""What they say is said again, better, by the error that reaches the caller."""


def configure(level: int = logging.WARNING) -> None:
    """Set up structlog and the standard library's logging once per process. `level` is a `logging` level."""
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    on_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if on_terminal else [structlog.processors.format_exc_info]),
            structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
