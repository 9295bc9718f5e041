"""The nouns: what is watched, what was read, and what may be said of it.

A *reading* is one of three things, and the difference between the last two is why this program exists:

- ``Known(value)``: it was measured.
- ``Absent()``: it does not apply (no TLS, so no certificate). That too was measured.
- ``Unknown(cause, stage, detail)``: it could not be measured. Never a verdict on the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from ipaddress import IPv4Address, IPv6Address

T = TypeVar("T")


class Cause(StrEnum):
    """Why something could not be measured. A closed set: dashboards and partners' scripts rely on it."""

    DNS_FAILURE = "dns-failure"
    DNS_TIMEOUT = "dns-timeout"
    DNSSEC_BOGUS = "dnssec-bogus"
    NO_ADDRESS = "no-address"
    ADDRESS_FORBIDDEN = "address-forbidden"
    CONNECT_REFUSED = "connect-refused"
    CONNECT_TIMEOUT = "connect-timeout"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate-limited"
    DEFERRED = "deferred"
    TARPIT = "tarpit"
    READ_TIMEOUT = "read-timeout"
    CONNECTION_CLOSED = "connection-closed"
    PROTOCOL_ERROR = "protocol-error"
    LIMIT_EXCEEDED = "limit-exceeded"
    TLS_LOCAL_LIMIT = "tls-local-limit"
    VANTAGE_BLIND = "vantage-blind"
    BUDGET_EXHAUSTED = "budget-exhausted"
    NOT_ATTEMPTED = "not-attempted"
    INTERNAL_ERROR = "internal-error"


class Stage(StrEnum):
    """How far a visit had come. A closed set, in the order in which a visit goes through it."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    HELLO = "hello"
    HANDSHAKE = "handshake"
    EHLO_TLS = "ehlo-tls"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a visit, or a look-up, before its end."""

    cause: Cause
    stage: Stage
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """It was measured, and this is the value."""

    value: T


@dataclass(frozen=True, slots=True)
class Absent:
    """It was measured that this does not apply."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be measured.

    Args:
        cause: why, from the closed set.
        stage: how far the visit had come.
        detail: what exactly happened, for a person; may hold bytes of the wire, already escaped.
        seen: what is known so far of an interrupted set, or ``None``.

    """

    cause: Cause
    stage: Stage
    detail: str = ""
    seen: object = None


Reading = Known[T] | Absent | Unknown

Family = Literal["ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A partner that owns recipient domains."""

    name: str
    domains: tuple[str, ...]
    weight: float = 1.0
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of an MX host. Its TLS is measured once, however many domains lead to it.

    Args:
        host: the MX host's name in ASCII, lower case, without the final dot.
        address: that is visited.
        port: that is visited.
        server_name: what goes into the SNI, in the same form: the host's name, but the TLSA base domain where DANE speaks of another
            name (RFC 7672 section 8.1). Two names are two endpoints, since a server may show each another certificate.

    """

    host: str
    address: IPv4Address | IPv6Address
    port: int = 25
    server_name: str = ""

    def __post_init__(self) -> None:
        if not self.server_name:
            object.__setattr__(self, "server_name", self.host)

    @property
    def family(self) -> Family:
        """``ipv4`` or ``ipv6``."""
        return "ipv6" if self.address.version == 6 else "ipv4"

    def __str__(self) -> str:
        shown = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{self.host} {shown}:{self.port}"


class Verdict(StrEnum):
    """What may be said of a domain as a whole; the policy ``verdict`` decides."""

    PROTECTED = "protected"
    DEGRADED = "degraded"
    UNPROTECTED = "unprotected"
    UNKNOWN = "unknown"
    NO_MAIL = "no-mail"


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A key of an endpoint that operators with which it has nothing to do serve as well; ``keyreuse.py`` says what that means.

    Args:
        spki_sha256: of the public key, lower-case hex.
        operators: who they are, the first of them.
        hosts: their MX hosts, the first of them.

    """

    spki_sha256: str
    operators: tuple[str, ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndpointObservation:
    """The readings of one endpoint.

    Args:
        endpoint: what was visited.
        readings: by the name of the fact.
        conclusive: the last attempt could decide whether STARTTLS works here.
        in_scope: false where this vantage lacks the family; such an endpoint decides nothing.
        attempted_at: when the last attempt began; ``None`` before the first.
        concluded_at: when the last conclusive attempt began; ``None`` before the first.
        inconclusive: why the last attempt could not decide; ``None`` where it could.
        chains: DER, end entity first, of each distinct certificate that the endpoint serves to clients that name it.
        key_shared_with: whose its keys are as well, as far as all that is known at the moment shows it.

    """

    endpoint: Endpoint
    readings: Mapping[str, Reading[object]]
    conclusive: bool
    in_scope: bool = True
    attempted_at: datetime | None = None
    concluded_at: datetime | None = None
    inconclusive: Unknown | None = None
    chains: Reading[tuple[tuple[bytes, ...], ...]] = field(default_factory=Absent)
    key_shared_with: tuple[SharedKey, ...] = ()


@dataclass(frozen=True, slots=True)
class MXObservation:
    """One MX host of one domain.

    ``unresolved`` says why the last look-up found no address of it, where it found none; endpoints of an earlier one may still hold.
    """

    host: str
    preference: int
    readings: Mapping[str, Reading[object]] = field(default_factory=dict)
    endpoints: tuple[EndpointObservation, ...] = ()
    unresolved: Unknown | None = None


class Level(StrEnum):
    """How well something meets a policy, the best first."""

    GOOD = "good"
    SUFFICIENT = "sufficient"
    PHASE_OUT = "phase-out"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Place:
    """What a rule was held against: a domain; or an MX host of it; or one endpoint of that.

    Args:
        domain: its name.
        host: the MX host's; empty where the domain itself is meant.
        endpoint: which address; ``None`` where the host as a whole is meant.

    """

    domain: str
    host: str = ""
    endpoint: Endpoint | None = None

    def __str__(self) -> str:
        return str(self.endpoint) if self.endpoint is not None else self.host or self.domain


@dataclass(frozen=True, slots=True)
class Source:
    """Where something is said: in words, and as a link."""

    title: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """A rule of a policy, as it is told to a person.

    Args:
        policy: its name.
        version: of the policy.
        rule: the rule's name within it.
        why: one sentence of rationale.
        source: the section of the standard; ``None`` where the policy names none.
        facts: that it reads, in order: how it is seen and mended goes by them.
        reproduce: the name of another command that shows the same; or its words; empty for none.
        mend: the name of another remedy; empty for none.

    """

    policy: str
    version: str
    rule: str
    why: str
    source: Source | None = None
    facts: tuple[str, ...] = ()
    reproduce: str | tuple[str, ...] = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A reading that falls short, and of what.

    Args:
        code: a name from the field (TLS-RPT's result types, where they fit), or the rule's own.
        where: the endpoint, host or domain that it was read from.
        text: one sentence for a person; what it has from the wire is escaped already.
        level: how far short, in the words of its policy.
        clause: the rule that it breaks.
        place: the same as ``where``, in parts.
        seen: the values that fall short.
        path: to them: a fact, and what of its value.

    """

    code: str
    where: str
    text: str
    level: str = ""
    clause: Clause | None = None
    place: Place | None = None
    seen: tuple[object, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Facts that a policy needs, and that are not known of some endpoint, host or domain, all for one reason."""

    facts: tuple[str, ...]
    where: str
    unknown: Unknown


@dataclass(frozen=True, slots=True)
class Grade:
    """How well a domain meets a policy.

    Args:
        policy: its name.
        version: of the policy.
        level: the worst that was measured; ``None`` where the evidence is incomplete, or nothing in the policy applies.
        coverage: for which share of the rules, each with each endpoint, host or domain that it applies to, what they need is known;
            from 0 to 1.
        met: which share of the rules that apply is met wherever they do, from 0 to 1; ``None`` where ``level`` is.
        findings: what falls short.
        missing: what is not known.

    """

    policy: str
    version: str
    level: Level | None
    coverage: float
    met: float | None = None
    findings: tuple[Finding, ...] = ()
    missing: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainObservation:
    """A domain as it was last seen, with its verdict and what the verdict rests on.

    ``unresolved`` says why its mail hosts could not all be found at the last look-up, where that is so; what is shown beside it may
    rest on an earlier one that still holds. ``missing`` says what an unknown verdict lacks.
    """

    domain: str
    provider: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    readings: Mapping[str, Reading[object]]
    mx: tuple[MXObservation, ...]
    measured_at: datetime | None = None
    unresolved: Unknown | None = None
    grades: tuple[Grade, ...] = ()
    missing: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class MXSet:
    """The MX hosts of a domain, when they last changed, and how often they have since the daemon began."""

    hosts: frozenset[str]
    changed_at: datetime | None = None
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is known at one moment. Immutable: pages and metrics are rendered from it without a lock, and without I/O."""

    domains: tuple[DomainObservation, ...] = ()
    waiting: tuple[tuple[str, str], ...] = ()
    """Provider and domain of those that have not been looked at yet."""
