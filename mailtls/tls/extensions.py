"""The extensions of a certificate that matter to mail, each read by itself (RFC 5280 section 4.2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Never

from mailtls.readable import readable
from mailtls.tls import oids
from mailtls.tls.der import BIT_STRING, BOOLEAN, INTEGER, OCTETS, OID, SEQUENCE, Element, NotDER, oid_name, read_element
from mailtls.tls.timestamps import read_timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NAMES = 1_000
"""Names of one certificate that are kept and shown. The largest seen in public have a few hundred."""

DIGITAL_SIGNATURE = 0
"""The bit of the key usage for keys that sign a handshake (section 4.2.1.3)."""
_STATUS_REQUEST = 5
_DNS_NAME, _KEY_IDENTIFIER = 0x82, 0x80


@dataclass(frozen=True, slots=True)
class Extensions:
    """What a certificate's extensions say. ``None`` (or empty) where there is none of the kind, or it cannot be read.

    Args:
        names: dNSName entries of the subject alternative name, escaped, in lower case.
        is_authority: of the basic constraints.
        key_usage: the bits that are set.
        purposes: of the extended key usage, as dotted numbers.
        subject_key: identifier of its own key.
        authority_key: identifier of the key that signed it.
        must_staple: whether it demands a stapled OCSP response (RFC 7633).
        logs: of its embedded certificate timestamps, as hex of the identifier; ``None`` where they cannot be read.

    """

    names: tuple[str, ...] = ()
    is_authority: bool | None = None
    key_usage: frozenset[int] | None = None
    purposes: tuple[str, ...] | None = None
    subject_key: bytes | None = None
    authority_key: bytes | None = None
    must_staple: bool = False
    logs: tuple[str, ...] | None = ()


def read_extensions(listed: list[Element]) -> tuple[Extensions, tuple[str, ...]]:
    """Read a certificate's extensions.

    Args:
        listed: the elements of their list.

    Returns:
        What they say, and for each that cannot be read its name and why.

    """
    problems: list[str] = []
    try:
        entries = [_entry(element) for element in listed]
    except NotDER as error:
        return Extensions(logs=None), (f"extensions: {error}",)
    often = Counter(number for number, _ in entries)
    values = dict(entries)
    fields: dict[str, Any] = {}
    for number, (name, title, read) in _READERS.items():
        if number not in values:
            continue
        try:
            fields[name] = read(values[number] if often[number] == 1 else _twice())
        except NotDER as error:
            problems.append(f"{title}: {error}")
            if name == "logs":
                fields[name] = None
    names = fields.get("names", ())
    if len(names) > MAX_NAMES:
        problems.append(f"subject alternative names: {len(names)}, of which {MAX_NAMES} are shown")
        fields["names"] = names[:MAX_NAMES]
    return Extensions(**fields), tuple(problems)


def all_names_of(listed: list[Element]) -> tuple[str, ...]:
    """Return all dNSName entries among a certificate's extensions, which :func:`read_extensions` could read."""
    return next(_names(value) for number, value in map(_entry, listed) if number == oids.ALTERNATIVE_NAMES)


def _entry(extension: Element) -> tuple[str, bytes]:
    """Return an extension's number and value. Raises :exc:`NotDER`."""
    parts = [part for part in extension.inside() if part.tag != BOOLEAN]  # whether it is critical
    if [part.tag for part in parts] != [OID, OCTETS]:
        raise NotDER("one without a number or a value")
    return oid_name(parts[0].content), parts[1].content


def _twice() -> Never:
    raise NotDER("it stands there more than once")


def _names(der: bytes) -> tuple[str, ...]:
    entries = read_element(der, SEQUENCE).inside()
    return tuple(readable(entry.content.lower(), 255) for entry in entries if entry.tag == _DNS_NAME)


def _is_authority(der: bytes) -> bool:
    parts = read_element(der, SEQUENCE).inside()
    return bool(parts) and parts[0].tag == BOOLEAN and parts[0].content != b"\0"


def _key_usage(der: bytes) -> frozenset[int]:
    octets = read_element(der, BIT_STRING).content[1:3]
    return frozenset(8 * place + bit for place, octet in enumerate(octets) for bit in range(8) if octet & 0x80 >> bit)


def _purposes(der: bytes) -> tuple[str, ...]:
    return tuple(oid_name(part.content) for part in read_element(der, SEQUENCE).inside() if part.tag == OID)


def _subject_key(der: bytes) -> bytes:
    return read_element(der, OCTETS).content


def _authority_key(der: bytes) -> bytes | None:
    return next((part.content for part in read_element(der, SEQUENCE).inside() if part.tag == _KEY_IDENTIFIER), None)


def _must_staple(der: bytes) -> bool:
    features = [part.content for part in read_element(der, SEQUENCE).inside() if part.tag == INTEGER]
    return bytes([_STATUS_REQUEST]) in features


_READERS: dict[str, tuple[str, str, Callable[[bytes], object]]] = {
    oids.ALTERNATIVE_NAMES: ("names", "subject alternative names", _names),
    oids.BASIC_CONSTRAINTS: ("is_authority", "basic constraints", _is_authority),
    oids.KEY_USAGE: ("key_usage", "key usage", _key_usage),
    oids.EXTENDED_KEY_USAGE: ("purposes", "extended key usage", _purposes),
    oids.SUBJECT_KEY: ("subject_key", "subject key identifier", _subject_key),
    oids.AUTHORITY_KEY: ("authority_key", "authority key identifier", _authority_key),
    oids.TLS_FEATURE: ("must_staple", "TLS feature", _must_staple),
    oids.TIMESTAMPS_OF_CERTIFICATE: ("logs", "certificate timestamps", read_timestamps),
}
