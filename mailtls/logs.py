"""Logs on stderr, as logfmt or JSON, one line an event."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["logfmt", "json"]


def configure(level: Level, style: Format) -> None:
    """Set up logging for the whole process."""
    number = getattr(logging, level.upper())
    renderer: structlog.typing.Processor
    if style == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "component", "event"], bool_as_flag=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _plain,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="level=%(levelname)s logger=%(name)s event=%(message)r")


def _plain(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Write members of our enumerations as their values and lists as text, and let nothing from the wire control a terminal."""
    for key, value in event.items():
        if isinstance(value, list):
            event[key] = "; ".join(_escaped(str(item)) for item in value)
        elif isinstance(value, str):
            event[key] = "\n".join(_escaped(line) for line in str(value).split("\n"))
    return event


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
