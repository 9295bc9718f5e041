"""Domain names as people write them and as DNS has them (RFC 1035 section 2.3.4; IDNA 2008, RFC 5891)."""

from __future__ import annotations

import re

import idna

from mailtls.readable import readable

LONGEST_NAME = 253
"""Characters of a name, without the final dot."""
_LONGEST_LABEL = 63
_LABELS = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class BadName(ValueError):  # noqa: N818 - it is what the operator typed
    """A text that cannot be a domain name."""


def ascii_name(domain: str) -> str:
    """Return a domain name in ASCII, lower case, without the final dot; IDNs by IDNA 2008 with UTS 46.

    Raises:
        BadName: it cannot be one.

    """
    name = domain.strip().removesuffix(".")
    try:
        name = idna.encode(name, uts46=True).decode("ascii").lower() if not name.isascii() else name.lower()
    except idna.IDNAError as error:
        raise BadName(f"{readable(domain, 80)}: {error}") from error
    if len(name) > LONGEST_NAME or not _LABELS.fullmatch(name) or any(len(label) > _LONGEST_LABEL for label in name.split(".")):
        raise BadName(f"{readable(domain.encode('utf-8', 'replace'), 80)}: not a domain name")
    return name
