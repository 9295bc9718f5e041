"""Which publications are kept whole. Whoever keeps them, and whoever verifies that none is missing, go by this."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOLE_FOR = timedelta(days=7)
"""For how long, counted back from the newest, the objects of every publication are kept; before that, of the last of each day (UTC)."""


def kept_whole(published: Mapping[int, datetime]) -> frozenset[int]:
    """Return of which publications the objects are kept.

    Args:
        published: when each was, by its number.

    """
    if not published:
        return frozenset()
    newest = published[max(published)]
    of_each_day = {published[number].astimezone(UTC).date(): number for number in sorted(published)}
    return frozenset(of_each_day.values()) | {number for number, moment in published.items() if newest - moment < WHOLE_FOR}
