"""TLS-RPT (RFC 8460): the TXT record that says where senders may report how TLS went."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.readable import readable
from mailtls.trust.txt import BadText, fields, of_version

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION = "v=TLSRPTv1"
# A URI (RFC 3986) without comma, exclamation point and semicolon, which must be encoded here.
_CHARACTERS = r"(?:[A-Za-z0-9._~:/?#\[\]@$&'()*+=-]|%[0-9A-Fa-f]{2})"
_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{_CHARACTERS}+")
_MAILTO = re.compile(r"mailto:[^@?]+@[^@?]+(?:\?.*)?", re.IGNORECASE)
_HTTPS = re.compile(r"https://[^/?#@]+(?:[/?#].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """The record: where to send reports, ``mailto:`` or ``https:``, in its order; what senders cannot use is left out."""

    rua: tuple[str, ...]
    unusable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadReportRecord:
    """There is a record, or one was meant to be, and senders cannot use it; ``why`` is safe to show."""

    why: str


def find_report_record(records: Iterable[str]) -> ReportRecord | BadReportRecord | None:
    """Find the one record of a domain among the TXT records at ``_smtp._tls``, which are in presentation form.

    Returns:
        The record; ``None`` where there is none; what is wrong where there are several, or it is malformed: senders then take it that
        the domain wants no reports (RFC 8460 section 3).

    """
    found, nearly = of_version(records, _VERSION)
    if len(found) > 1:
        return BadReportRecord(f"{len(found)} TXT records begin with {_VERSION}; senders take it that there is none")
    if not found:
        return None if nearly is None else BadReportRecord(f"the TXT record '{readable(nearly, 80)}' does not begin with {_VERSION};")
    return read_report_record(found[0])


def read_report_record(octets: bytes) -> ReportRecord | BadReportRecord:
    """Read one TXT record."""
    try:
        value = fields(octets, _VERSION, free="rua").get("rua")
    except BadText as error:
        return BadReportRecord(f"the TXT record is malformed: {error}")
    if value is None:
        return BadReportRecord("the TXT record has no rua")
    usable, unusable = [], []
    parts = value.split(",")
    for number, part in enumerate(parts):
        uri = part.lstrip(" \t") if number else part
        uri = uri.rstrip(" \t") if number < len(parts) - 1 else uri
        if _URI.fullmatch(uri) is None:
            return BadReportRecord(f"'{readable(uri, 80)}' in rua is no URI (commas, exclamation points and semicolons are written %2C, %21, %3B)")
        if _MAILTO.fullmatch(uri) or _HTTPS.fullmatch(uri):
            usable.append(uri)
        else:
            unusable.append(uri)
    if not usable:
        return BadReportRecord(f"'{readable(unusable[0], 80)}' in rua is neither mailto:name@host nor https://host/")
    return ReportRecord(tuple(dict.fromkeys(usable)), tuple(unusable))
