"""Times and addresses for a page: absolute times in UTC, and only addresses that a page may link to."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup

from mailtls.site.words import safe

if TYPE_CHECKING:
    from mailtls.site.words import Words

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(\.\d+)?Z")
_LINKED = re.compile(r"(https?://|mailto:)[^\s\x00-\x1f]+", re.IGNORECASE)


def moment(at: str | None, words: Words) -> Markup:
    """Return a time of a document (RFC 3339, UTC) as HTML, to the minute; "never" where there is none."""
    if at is None:
        return words.say("time-never")
    read = _INSTANT.fullmatch(at)
    return Markup('<time datetime="{}">{}</time>').format(at, words.say("time", day=read[1], minute=read[2])) if read else safe(at)


def day(at: str) -> Markup:
    """Return a time of a document as HTML, to the day."""
    return Markup('<time datetime="{}">{}</time>').format(at, at[:10])


def later(at: str, seconds: float) -> str:
    """Return the time that is so many seconds after a time of a document, written alike."""
    return (datetime.fromisoformat(at) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def linked(url: str | None) -> str | None:
    """Return an address that a page may link to: of the web or of a mailbox; ``None`` for any other."""
    return url if url and _LINKED.fullmatch(url) else None
