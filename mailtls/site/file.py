"""A file of the public site."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Caching(StrEnum):
    """For how long a copy of a file may be used."""

    EDITION = "edition"
    """Until the next publication: pages, the API, feeds and badges."""
    FOR_EVER = "for-ever"
    """What is named by its own hash or number never changes."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the site.

    Args:
        media_type: with its charset, where it is text.
        render: makes its octets; called when they are wanted.
        caching: for how long a copy may be used.

    """

    media_type: str
    render: Callable[[], bytes]
    caching: Caching = Caching.EDITION

