"""Times as text and back (RFC 3339), in UTC. A year has four digits here whatever it is, and those of certificates are a stranger's choice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

AHEAD = timedelta(minutes=1)
"""What was written of a time more than this after now is of a clock that ran ahead: it holds nothing up until then."""


@overload
def rfc3339(moment: datetime, to: str = "seconds") -> str: ...


@overload
def rfc3339(moment: None, to: str = "seconds") -> None: ...


def rfc3339(moment: datetime | None, to: str = "seconds") -> str | None:
    """Return a time as ``2026-11-24T15:00:00Z``, and ``None`` for ``None``.

    Args:
        moment: of any zone.
        to: what it is cut to: ``seconds``, or ``microseconds``.

    """
    return None if moment is None else f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=to)}Z"


def moment_of(text: str) -> datetime:
    """Return the time that :func:`rfc3339` wrote. Raises :exc:`ValueError` for other text."""
    return datetime.fromisoformat(text).astimezone(UTC)
