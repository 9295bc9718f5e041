"""What may be said of an endpoint, an MX host and a domain, and of all of them at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mailtls.model.readings import Absent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mailtls.model.grades import Finding, Gap, Grade
    from mailtls.model.readings import Reading, Unknown
    from mailtls.model.watched import Endpoint


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
