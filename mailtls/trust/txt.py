"""TXT records that declare something: a version, then fields, with semicolons between them (RFC 8461 section 3.1, RFC 8460 section 3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailtls.readable import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

_STRING = re.compile(r'\s*(?:"((?:\\.|[^"\\])*)"|((?:\\.|[^\s"\\])+))', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:([0-9]{3})|(.))", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_VALUE = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]+")


class BadText(ValueError):  # noqa: N818 - it names what the record holds
    """A text that does not follow its grammar; the message says where, and is safe to show."""


def octets_of(record: str) -> bytes:
    """Return the octets of a TXT record: its strings one behind the other, with nothing between them.

    Args:
        record: in presentation form (RFC 1035 section 5.1), as a resolver's answer is kept.

    Raises:
        BadText: it is not in that form.

    """
    found = bytearray()
    offset = 0
    while (match := _STRING.match(record, offset)) is not None:
        text = match[1] if match[1] is not None else match[2]
        found += _ESCAPE.sub(_unescaped, text.encode("utf-8", "backslashreplace"))
        offset = match.end()
    if record[offset:].strip():
        raise BadText(f"not a TXT record: '{readable(record, 80)}'")
    return bytes(found)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return match[2]
    if int(match[1]) > 255:
        raise BadText(f"a TXT record with the escape {readable(match[0])}")
    return bytes((int(match[1]),))


def of_version(records: Iterable[str], version: str) -> tuple[list[bytes], bytes | None]:
    """Pick the records that declare a version; all others at the same name are somebody else's, and are passed over.

    Args:
        records: all TXT records of the name, in presentation form.
        version: the first field, e.g. ``v=STSv1``.

    Returns:
        The octets of those that begin with the version and a semicolon; and, where there are none, of one that was perhaps meant to.

    """
    begins = re.compile(re.escape(version.encode()) + rb"[ \t]*;")
    meant = re.compile(rb"\W*" + re.escape(version.encode()).replace(rb"=", rb"\s*=\s*") + rb"(?!\w)", re.IGNORECASE)
    found, nearly = [], None
    for record in records:
        try:
            octets = octets_of(record)
        except BadText:
            continue
        if begins.match(octets):
            found.append(octets)
        elif meant.match(octets[:100]):
            nearly = octets
    return found, None if found else nearly


def fields(octets: bytes, version: str, free: str = "") -> dict[str, str]:
    """Return the fields of a record by their name; of a name that stands twice the first counts.

    Args:
        octets: of the whole record.
        version: its first field.
        free: a field whose value has a grammar of its own, and is not held against the usual one.

    Raises:
        BadText: it does not follow the grammar.

    """
    try:
        text = octets.decode("ascii")
    except UnicodeDecodeError:
        raise BadText(f"the record has characters other than ASCII: '{readable(octets, 120)}'") from None
    first, *rest = text.split(";")
    if first.rstrip(" \t") != version:
        raise BadText(f"the record does not begin with {version}: '{readable(text, 80)}'")
    if rest and not rest[-1].strip(" \t"):
        rest.pop()  # one semicolon may stand at the end
        last = -1
    else:
        last = len(rest) - 1
    found: dict[str, str] = {}
    for number, part in enumerate(rest):
        field = part.lstrip(" \t") if number == last else part.strip(" \t")
        name, equals, value = field.partition("=")
        if not equals or _NAME.fullmatch(name) is None or (name != free and _VALUE.fullmatch(value) is None):
            raise BadText(f"'{readable(field, 80)}' is no field, such as id=20260101")
        found.setdefault(name, value)
    if not found:
        raise BadText(f"nothing stands behind {version}")
    return found
