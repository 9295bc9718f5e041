"""The curve of a certificate's key, found in its DER without parsing the certificate: a scan asks for it between two hellos."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mailtls.tls import oids
from mailtls.tls.der import oid_octets
from mailtls.tls.names import group_of
from mailtls.tls.suites import groups_before_13

if TYPE_CHECKING:
    from collections.abc import Mapping

_EC_PUBLIC_KEY = oid_octets(oids.EC)  # RFC 5480 section 2.1.1: it stands in front of the curve's own identifier


@cache
def _codes() -> Mapping[bytes, int]:
    codes = {group_of(code): code for code in groups_before_13()}
    return {oid_octets(oid): codes[name] for oid, (name, _bits) in oids.CURVES.items() if name in codes}


def curve_of(chain: tuple[bytes, ...]) -> int | None:
    """Return the named group, of those before TLS 1.3, of the end entity's elliptic curve key, or ``None`` where none is found."""
    if not chain:
        return None
    _, found, rest = chain[0].partition(_EC_PUBLIC_KEY)
    if not found or len(rest) < 2:
        return None
    return _codes().get(rest[: 2 + rest[1]])
