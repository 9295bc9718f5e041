"""Evidence: what was seen on the wire, kept as bytes, so that every reading can be computed again.

Nothing here is interpreted. What a reply means is said in ``smtp/``, what a certificate says in ``tls/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mailtls.model import Failure as Failure  # noqa: PLC0414, TC001 - it is evidence; it is defined where dialling finds it

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.hellos import HelloEvidence, Refused
    from mailtls.model import Endpoint, EndpointObservation, Stage, Unknown


class LookupOutcome(StrEnum):
    """What a resolver said. Only the first three are answers."""

    ANSWERED = "answered"
    NO_DATA = "no-data"
    NO_SUCH_NAME = "no-such-name"
    SERVER_FAILURE = "server-failure"
    TIMED_OUT = "timed-out"
    BOGUS = "bogus"


@dataclass(frozen=True, slots=True)
class Lookup:
    """One DNS question and its answer.

    Args:
        name: the name asked for, absolute, in ASCII.
        rdtype: the record type asked for, e.g. ``MX``.
        outcome: what came back.
        records: the record data in presentation form, in the resolver's order.
        canonical: the last owner name of the CNAME chain; equal to ``name`` where there was none.
        authenticated: the AD bit, where the resolver is trusted to set it; ``None`` where it is not.
        ttl: seconds, the least of the answer; 0 where there was none.
        detail: what the resolver said of a failure (RCODE, extended error), for a person.
        omitted: how many records the cap left out of ``records``.

    """

    name: str
    rdtype: str
    outcome: LookupOutcome
    records: tuple[str, ...] = ()
    canonical: str = ""
    authenticated: bool | None = None
    ttl: int = 0
    detail: str = ""
    omitted: int = 0

    @property
    def is_answer(self) -> bool:
        """Whether the name's owner answered; a "no" of his is an answer, a failure on the way is not."""
        return self.outcome in (LookupOutcome.ANSWERED, LookupOutcome.NO_DATA, LookupOutcome.NO_SUCH_NAME)


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


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """An MX host within its domain: what DANE and MTA-STS are decided from, since both depend on the two together.

    Args:
        route: the way to the domain.
        host: the host on that way.
        endpoints: what may be said of each of its addresses now.

    """

    route: RouteEvidence
    host: HostRoute
    endpoints: tuple[EndpointObservation, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One command and everything the server sent in answer to it.

    Args:
        stage: which step of the visit this was.
        sent: the command as sent, CRLF included; empty for the greeting.
        received: the server's bytes up to our next command: a whole reply, or what there was of it.
        began: seconds since the visit began.
        took: seconds until the reply was complete, or until the visit ended.

    """

    stage: Stage
    sent: bytes
    received: bytes
    began: float
    took: float


class KeyType(StrEnum):
    """The kinds of certificate that an offer can be limited to."""

    RSA = "RSA"
    ECDSA = "ECDSA"
    EDDSA = "EdDSA"


@dataclass(frozen=True, slots=True)
class Offer:
    """What our side put into its hello.

    Args:
        with_sni: whether the MX host's name was sent.
        key_type: the only kind of certificate that was asked for; ``None`` asks for any.

    """

    with_sni: bool = True
    key_type: KeyType | None = None

    @property
    def is_usual(self) -> bool:
        """Whether this is what an ordinary sender would offer."""
        return self.with_sni and self.key_type is None


@dataclass(frozen=True, slots=True)
class Handshake:
    """A completed handshake.

    Args:
        version: e.g. ``TLSv1.3``.
        cipher_suite: IANA name.
        group: IANA name of the named group, ``dhe`` for a finite field without a name, ``None`` without ephemeral keys.
        chain: DER, as the server sent it, end entity first.
        ocsp_staple: DER of the stapled OCSP response, empty where none was sent.
        early_data: octets of early data that the server's last ticket invites (RFC 8446 section 4.6.1); 0 for none.

    """

    version: str
    cipher_suite: str
    group: str | None
    chain: tuple[bytes, ...]
    ocsp_staple: bytes = b""
    early_data: int = 0


@dataclass(frozen=True, slots=True)
class ProbeEvidence:
    """One visit over one connection.

    Args:
        offer: what our hello asked for.
        began: when the connection was tried.
        exchanges: the SMTP dialogue in order, the one inside TLS included.
        handshake: what came of our hello; ``None`` where it was not sent or not answered.
        failure: what ended the visit early; ``None`` where it went as far as it was meant to.
        took: seconds.
        octets_sent: bytes written to the socket.
        octets_received: bytes read from the socket.
        source: our own address and port, to be found in the partner's log.
        probe_id: names this visit in our log.

    """

    offer: Offer
    began: datetime
    exchanges: tuple[Exchange, ...] = ()
    handshake: Handshake | Refused | None = None
    failure: Failure | None = None
    took: float = 0.0
    octets_sent: int = 0
    octets_received: int = 0
    source: str = ""
    probe_id: str = ""


class Purpose(StrEnum):
    """What a scan is for: a quick look each cycle, or everything that completed handshakes can tell."""

    QUICK = "quick"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class ScanEvidence:
    """All visits to one endpoint for one purpose, in order.

    Args:
        endpoint: what was visited.
        purpose: what the visits were for.
        began: when the first was tried.
        probes: the visits; none only where ``failure`` or ``out_of_scope`` says why.
        failure: what kept the scan from going on.
        out_of_scope: why this vantage cannot speak of this endpoint at all.
        vantage: the name of where this was measured from.
        carried: visits of an earlier full scan that still hold, for facts that a quick visit does not show.
        hellos: the raw hellos of the last enumeration, of this scan or of an earlier one that still holds.
        rechecked: the raw hellos by which a later scan showed that the enumeration still holds.

    """

    endpoint: Endpoint
    purpose: Purpose
    began: datetime
    probes: tuple[ProbeEvidence, ...] = ()
    failure: Failure | None = None
    out_of_scope: Unknown | None = None
    vantage: str = ""
    carried: tuple[ProbeEvidence, ...] = ()
    hellos: HelloEvidence | None = None
    rechecked: HelloEvidence | None = None
