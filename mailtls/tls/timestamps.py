"""Signed certificate timestamps: which logs say that they know a certificate (RFC 6962 section 3.3).

What they say is read, and not verified: that would take the keys of the logs. The form that RFC 9162 gives them is in no use.
"""

from __future__ import annotations

from mailtls.tls.der import OCTETS, NotDER, read_element
from mailtls.tls.wire import Cursor, Truncated

MAX_TIMESTAMPS = 100
"""Timestamps that are read from one list; certificates have two or three."""


def read_timestamps(der: bytes) -> tuple[str, ...]:
    """Return the log of each timestamp of an extension, as hex of its identifier.

    Args:
        der: the value of the extension: an OCTET STRING around a SignedCertificateTimestampList.

    Raises:
        NotDER: it is none.

    """
    whole = Cursor(read_element(der, OCTETS).content)
    logs: list[str] = []
    try:
        items = Cursor(whole.vector(2))
        while items.left and len(logs) < MAX_TIMESTAMPS:
            logs.append(_log_of(Cursor(items.vector(2))))
    except Truncated as error:
        raise NotDER(f"a list of timestamps that is cut off: {error}") from error
    if whole.left:
        raise NotDER("more than a list of timestamps")
    return tuple(logs)


def _log_of(item: Cursor) -> str:
    if item.uint(1):
        raise NotDER("a timestamp of a version that is not known")
    log = item.take(32)
    item.take(8)  # when
    item.vector(2)  # extensions
    item.take(2)  # how it is signed
    item.vector(2)  # the signature
    return log.hex()
