"""DER as far as the frames of certificates and OCSP responses need it (X.690 sections 8 and 10).

Elements are read one level at a time, by callers that know which level comes next, so that nothing here recurses; and numbers are
measured, not computed, so that one of a million bits costs no more than its octets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

MAX_ELEMENTS = 2_000
"""Elements of one level; the largest lists that are read, of names and of timestamps, stay below it."""

BOOLEAN, INTEGER, BIT_STRING, OCTETS, OID, ENUMERATED, GENERALIZED_TIME = 0x01, 0x02, 0x03, 0x04, 0x06, 0x0A, 0x18
SEQUENCE = 0x30


class NotDER(ValueError):  # noqa: N818 - it names what the bytes are
    """The bytes are no DER, or not the structure that belongs there."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Args:
        tag: its identifier octet; tags of more than one octet stand in no structure that is read here.
        content: what it holds.
        whole: tag, length and content as they came.

    """

    tag: int
    content: bytes
    whole: bytes

    def inside(self) -> list[Element]:
        """Return the elements of which the content is made. Raises :exc:`NotDER`."""
        return read_elements(self.content)


def read_elements(der: bytes) -> list[Element]:
    """Return the elements that follow each other in some bytes, to their end. Raises :exc:`NotDER`."""
    found: list[Element] = []
    at, end = 0, len(der)
    while at < end:
        if len(found) == MAX_ELEMENTS:
            raise NotDER(f"more than {MAX_ELEMENTS} elements")
        start = at
        if end - at < 2:
            raise NotDER("an element without a length")
        tag, length = der[at], der[at + 1]
        if tag & 0x1F == 0x1F:
            raise NotDER("a tag of several octets")
        at += 2
        if length >= 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or end - at < size:
                raise NotDER("a length that is indefinite, too long, or cut off")
            length = int.from_bytes(der[at : at + size], "big")
            at += size
        if length > end - at:
            raise NotDER("an element that is cut off")
        at += length
        found.append(Element(tag, der[at - length : at], der[start:at]))
    return found


def read_element(der: bytes, tag: int) -> Element:
    """Return the one element that some bytes are. Raises :exc:`NotDER` where they are more, less, or of another tag."""
    found = read_elements(der)
    if len(found) != 1 or found[0].tag != tag:
        raise NotDER(f"no single element of the tag 0x{tag:02x}")
    return found[0]


def oid_name(octets: bytes) -> str:
    """Return an object identifier in dotted form (X.690 section 8.19). Raises :exc:`NotDER`; one of absurd size is none."""
    if not octets or len(octets) > 64 or octets[-1] & 0x80:
        raise NotDER("an object identifier that is empty, too long, or cut off")
    arcs, arc = [], 0
    for octet in octets:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def oid_octets(name: str) -> bytes:
    """Return an object identifier as it stands in DER, tag and length with it: the other way round from :func:`oid_name`."""
    first, second, *rest = map(int, name.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        groups = [arc >> shift & 0x7F for shift in range(7 * (max(arc.bit_length() - 1, 0) // 7), -1, -7)]
        content += bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
    return bytes([OID, len(content)]) + content


def bits_of(octets: bytes) -> int:
    """Return of how many bits a number is, from the content of an INTEGER. Raises :exc:`NotDER` where it is negative, or none."""
    if not octets or octets[0] & 0x80:
        raise NotDER("a number that is negative, or no number")
    digits = octets.lstrip(b"\0")
    return 8 * len(digits) - 8 + digits[0].bit_length() if digits else 0


def generalized_time(octets: bytes) -> datetime:
    """Return a time as RFC 5280 section 4.1.2.5.2 wants it: in UTC, to the second. Raises :exc:`NotDER`."""
    if len(octets) != 15 or not octets[:14].isdigit() or octets[14:] != b"Z":
        raise NotDER("a time that is not in UTC to the second")
    try:
        return datetime.strptime(octets.decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise NotDER("a time that does not exist") from error
