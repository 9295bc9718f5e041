"""What a domain says of MTA-STS, and what became of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.evidence.lookups import Lookup
    from mailtls.model.readings import Failure


@dataclass(frozen=True, slots=True)
class StsFetch:
    """One attempt to fetch an MTA-STS policy (RFC 8461 section 3.3).

    Args:
        url: that was asked for.
        host: the policy host, in ASCII, lower case, without the final dot.
        id: of the TXT record that asked for it.
        began: when.
        addresses: the look-ups of the policy host.
        address: that answered, or was tried last; empty where none was.
        chain: DER that the policy host sent, end entity first.
        alert: the TLS alert by which it refused our hello.
        status: of the HTTP response; ``None`` where there was none.
        content_type: of the response, as it came; empty without one.
        content_encoding: of the response, as it came; none was asked for.
        location: to which a redirect points. It is never followed.
        body: of a response of status 200, up to the cap.
        too_long: the body exceeded the cap, or its length said that it would.
        failure: what ended the attempt before there was a whole response, or one that is too long.
        took: seconds.

    """

    url: str
    host: str
    id: str
    began: datetime
    addresses: tuple[Lookup, ...] = ()
    address: str = ""
    chain: tuple[bytes, ...] = ()
    alert: int | None = None
    status: int | None = None
    content_type: str = ""
    content_encoding: str = ""
    location: str = ""
    body: bytes = b""
    too_long: bool = False
    failure: Failure | None = None
    took: float = 0.0


@dataclass(frozen=True, slots=True)
class StsChange:
    """Something that became of a domain's MTA-STS policy between two looks at it.

    Args:
        at: when the later look began.
        kind: a name from a closed set; ``tracking/sts.py`` has it.
        before: what it was, in words.
        after: what it became.

    """

    at: datetime
    kind: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class StsEvidence:
    """What a domain says of MTA-STS.

    Args:
        record: the look-up of the TXT record at ``_mta-sts``.
        fetch: the last attempt to fetch the policy; ``None`` where none was made, e.g. because no record asks for it.
        policy: the last fetch that brought one, where ``fetch`` is another, and for as long as it stands in for it.
        changes: what became of the policy, the oldest first; ``None`` where nothing is remembered to compare with.

    """

    record: Lookup
    fetch: StsFetch | None = None
    policy: StsFetch | None = None
    changes: tuple[StsChange, ...] | None = None
