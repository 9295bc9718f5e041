"""TLSA records (RFC 6698 section 2): what they say, which of them a mail sender may use, and what of a certificate they speak of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailtls.remembering import MIB, remembered
from mailtls.tls.certificate import MAX_CERTIFICATE, UNREADABLE, load
from mailtls.tls.der import INTEGER, SEQUENCE, NotDER, read_element

MAX_PRESENTATION = 2 * 65_536
"""Characters of a record: the hexadecimal digits of all that fits into a DNS message."""

TRUST_ANCHOR, END_ENTITY = 2, 3
"""DANE-TA and DANE-EE, the certificate usages for SMTP (RFC 7672 section 3.1)."""
CERTIFICATE, PUBLIC_KEY = 0, 1
"""Selectors."""
FULL, SHA256, SHA512 = 0, 1, 2
"""Matching types; of the digests the greater number is the stronger (RFC 7671 section 9)."""

_VERSION = 0xA0
_BEFORE_KEY = (INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE)
"""Serial number, signature algorithm, issuer, validity and subject stand before the key (RFC 5280 section 4.1)."""
_FORM = re.compile(r"([0-9]{1,3}) ([0-9]{1,3}) ([0-9]{1,3})((?: [0-9A-Fa-f]+)*)", re.ASCII)
_DIGESTS = {SHA256: hashlib.sha256, SHA512: hashlib.sha512}


@dataclass(frozen=True, slots=True)
class TLSA:
    """One record: three numbers of one octet each, and the certificate association data."""

    usage: int
    selector: int
    matching_type: int
    data: bytes

    def __str__(self) -> str:
        shown = self.data.hex() if len(self.data) <= 64 else f"{self.data[:32].hex()}..."
        return f"{self.usage} {self.selector} {self.matching_type} {shown}"


@dataclass(frozen=True, slots=True)
class Assessed:
    """A record, and why a sender does not use it; ``why_not`` is empty where it does."""

    record: TLSA
    why_not: str = ""


def parse_tlsa(presentation: str) -> TLSA | None:
    """Read a record's presentation form (RFC 6698 section 2.2); ``None`` where it is none. Never raises.

    Args:
        presentation: three numbers and hexadecimal digits, which spaces may stand between.

    """
    if len(presentation) > 2 * MAX_PRESENTATION:
        return None
    found = _FORM.fullmatch(" ".join(presentation.split()))
    if found is None:
        return None
    usage, selector, matching_type = int(found[1]), int(found[2]), int(found[3])
    digits = found[4].replace(" ", "")
    if max(usage, selector, matching_type) > 255 or len(digits) % 2 or len(digits) > MAX_PRESENTATION:
        return None
    return TLSA(usage, selector, matching_type, bytes.fromhex(digits))


@remembered(8 * MIB)
def assess(records: tuple[TLSA, ...]) -> tuple[Assessed, ...]:
    """Say of each record of a set whether a mail sender uses it.

    Unusable records (RFC 7672 section 3.1) are passed over, and of several digests for the same usage and selector all but the strongest
    are (RFC 7671 section 9).
    """
    reasons = [_why_unusable(record) for record in records]
    strongest: dict[tuple[int, int], int] = {}
    for record, reason in zip(records, reasons, strict=True):
        if not reason:
            kind = record.usage, record.selector
            strongest[kind] = max(strongest.get(kind, FULL), record.matching_type)
    return tuple(Assessed(r, why or _why_passed_over(r, strongest)) for r, why in zip(records, reasons, strict=True))


def _why_passed_over(record: TLSA, strongest: dict[tuple[int, int], int]) -> str:
    best = strongest.get((record.usage, record.selector), FULL)
    weaker = record.matching_type != FULL and record.matching_type < best
    return "passed over for a stronger digest with the same usage and selector (RFC 7671 section 9)" if weaker else ""


def _why_unusable(record: TLSA) -> str:
    if record.usage not in (TRUST_ANCHOR, END_ENTITY):
        known = record.usage in (0, 1)
        return f"certificate usage {record.usage} is not for SMTP (RFC 7672 section 3.1.3)" if known else f"usage {record.usage} is unknown"
    if record.selector not in (CERTIFICATE, PUBLIC_KEY):
        return f"selector {record.selector} is unknown"
    if record.matching_type in _DIGESTS:
        wanted = _DIGESTS[record.matching_type]().digest_size
        return "" if len(record.data) == wanted else f"a digest of {len(record.data)} octets, where {wanted} belong"
    if record.matching_type != FULL:
        return f"matching type {record.matching_type} is unknown"
    if record.selector == CERTIFICATE:
        return "" if load(record.data) is not None else "what it has is no certificate"
    return "" if _is_key(record.data) else "what it has is no public key"


def _is_key(octets: bytes) -> bool:
    if len(octets) > MAX_CERTIFICATE:
        return False
    try:
        load_der_public_key(octets)
    except UNREADABLE:
        return False
    return True


def speaks_of(record: TLSA, der: bytes) -> bool:
    """Whether a record's data are those of a certificate, whatever the usage. Never raises.

    Args:
        record: of any kind; one with an unknown selector or matching type speaks of nothing.
        der: the certificate, as sent.

    """
    selected = {CERTIFICATE: der, PUBLIC_KEY: public_key_of(der)}.get(record.selector)
    if selected is None or not record.data:
        return False
    if record.matching_type in _DIGESTS:
        selected = _DIGESTS[record.matching_type](selected).digest()
    elif record.matching_type != FULL:
        return False
    return selected == record.data


@remembered(8 * MIB)
def public_key_of(der: bytes) -> bytes | None:
    """Return the octets of a certificate's SubjectPublicKeyInfo (RFC 5280 section 4.1) as they stand there; ``None`` where there are none.

    They are not parsed: a key that no library knows has its digest all the same.
    """
    try:
        whole = read_element(der, SEQUENCE).inside()
        fields = whole[0].inside() if whole and whole[0].tag == SEQUENCE else []
    except NotDER:
        return None
    if fields and fields[0].tag == _VERSION:
        del fields[0]
    return fields[len(_BEFORE_KEY)].whole if [field.tag for field in fields[: len(_BEFORE_KEY) + 1]] == [*_BEFORE_KEY, SEQUENCE] else None
