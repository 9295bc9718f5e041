"""Distinguished names as they are compared (RFC 5280 section 7.1): whatever their letters' case, their spaces, or how their text is encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.remembering import MIB, remembered
from mailtls.tls.certificate import load

if TYPE_CHECKING:
    from cryptography import x509

Name = tuple[frozenset[tuple[str, str]], ...]
"""The parts of a name, each with the attributes that it has."""


@remembered(8 * MIB)
def distinguished(der: bytes, field: str) -> Name | None:
    """Return a certificate's ``subject`` or ``issuer``; ``None`` where it cannot be read."""
    parsed = load(der)
    try:
        return None if parsed is None else comparable(getattr(parsed, field))
    except Exception:  # noqa: BLE001 - what hostile DER makes a library raise is in no list of it; there is no name then
        return None


def comparable(name: x509.Name) -> Name:
    """Return a name in a form in which it can be compared."""
    return tuple(
        frozenset((attribute.oid.dotted_string, " ".join(str(attribute.value).casefold().split())) for attribute in rdn) for rdn in name.rdns
    )


def is_named_as_issuer(der: bytes, signed: bytes) -> bool:
    """Whether a certificate has the name that another names as its issuer."""
    subject, issuer = distinguished(der, "subject"), distinguished(signed, "issuer")
    return subject is not None and subject == issuer
