"""Whether a certificate speaks for a host name (RFC 9525 section 6.3, with the wildcard rule of RFC 8461 section 4.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailtls.remembering import MIB, remembered
from mailtls.tls.certificate import all_names

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = re.compile(r"[a-z0-9.-]+")

def name_matches(pattern: str, host: str) -> bool:
    """Whether one dNSName matches a host name.

    Args:
        pattern: from the certificate; a ``*`` counts only as the whole leftmost label, and stands for exactly one label. One that ends with
            a dot names nobody (RFC 5280 section 4.2.1.6), and is taken for no name by senders either.
        host: in ASCII, without the final dot.

    """
    pattern = pattern.lower()
    host = host.lower().removesuffix(".")
    if not pattern.startswith("*."):
        return pattern == host and "*" not in pattern
    label, _, rest = host.partition(".")
    # A wildcard straight below a top-level name would speak for a whole registry; one of names with an underscore, OpenSSL does not heed.
    return bool(label) and pattern[2:] == rest and "." in rest and _PLAIN.fullmatch(host) is not None


@remembered(4 * MIB)
def names_host(der: bytes, host: str) -> bool:
    """Whether a certificate has a host's name among its dNSNames.

    Args:
        der: the certificate.
        host: in ASCII, without the final dot.

    """
    return any_name_matches(all_names(der), host)


def any_name_matches(patterns: Iterable[str], host: str) -> bool:
    """Whether any of the names that a certificate presents matches.

    Which those are is the caller's: dNSNames alone (RFC 9525 section 2), but under DANE the common name where there are none (RFC 7672
    section 3.2.3).
    """
    return any(name_matches(pattern, host) for pattern in patterns)
