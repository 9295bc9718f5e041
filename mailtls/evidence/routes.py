"""Where mail for a domain goes, as DNS says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.evidence.lookups import Lookup
    from mailtls.evidence.sts import StsEvidence
    from mailtls.model.readings import Failure


@dataclass(frozen=True, slots=True)
class HostRoute:
    """An MX host of a domain, and the look-ups of what DNS says about it.

    Args:
        host: its name in ASCII, lower case, without the final dot.
        preference: of its MX record.
        addresses: the look-ups of A and AAAA.
        alias: the look-up of the host's own CNAME, where its addresses came by an alias and DNSSEC does not vouch for them.
        tlsa: look-ups of TLSA in the order in which they were made (RFC 7672 section 2.2.2); none where the zone of the addresses is
            not secure, so that nothing has to be asked.

    """

    host: str
    preference: int
    addresses: tuple[Lookup, ...]
    alias: Lookup | None = None
    tlsa: tuple[Lookup, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteEvidence:
    """Where mail for a domain goes (RFC 5321 section 5.1).

    Args:
        domain: in ASCII, lower case, without the final dot.
        mx: the MX look-up; ``None`` where none was made (an excluded or impossible domain).
        hosts: in order of preference, at most as many as the cap allows.
        implicit: no MX record exists, and the domain itself is its only host.
        omitted_hosts: how many MX hosts the cap left out.
        failure: why no route was looked for.
        began: when the look-ups began.
        mta_sts: what it says of MTA-STS; ``None`` where it was not asked.
        tls_rpt: the look-up of the TXT record at ``_smtp._tls``; ``None`` where it was not asked.

    """

    domain: str
    mx: Lookup | None
    hosts: tuple[HostRoute, ...] = ()
    implicit: bool = False
    omitted_hosts: int = 0
    failure: Failure | None = None
    began: datetime | None = None
    mta_sts: StsEvidence | None = None
    tls_rpt: Lookup | None = None
