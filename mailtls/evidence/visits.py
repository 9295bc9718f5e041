"""What visits to an endpoint showed: the dialogue, the handshake, and what ended them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.hellos import HelloEvidence, Refused
    from mailtls.model.readings import Failure, Stage, Unknown
    from mailtls.model.watched import Endpoint


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
