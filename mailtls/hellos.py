"""Raw hellos as evidence: what one ClientHello offered, and what the server answered.

No key is ever computed for them: a server shows what it accepts in its first flight, before any cryptography of ours is needed.
Numbers are IANA's code points, so that what was seen stays readable when a table of names changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.model import Cause, Stage


@dataclass(frozen=True, slots=True)
class HelloOffer:
    """One ClientHello, as far as it can matter to the answer.

    Args:
        version: the highest that is offered, e.g. ``TLSv1.2``. ``TLSv1.3`` is offered alone (RFC 8446 section 4.2.1), ``SSLv2``
            in its own kind of hello; any other stands for itself and everything below it, as hellos before TLS 1.3 cannot say less.
        cipher_suites: codes in our order; SSLv2's cipher kinds have three octets.
        groups: named groups in our order; none leaves the extension out.
        signature_schemes: in our order; none leaves the extension out.
        server_name: ``host``, ``none``, or ``odd`` (a name that no certificate can have).
        fallback: with TLS_FALLBACK_SCSV (RFC 7507): we could do better than this version.
        size: octets to which the hello is padded (RFC 7685); 0 for no more than it takes.
        grease: with reserved values among suites, groups and extensions (RFC 8701), and an extension that nobody knows.
        question: what the offer is meant to find out, for a person.

    """

    version: str
    cipher_suites: tuple[int, ...]
    groups: tuple[int, ...] = ()
    signature_schemes: tuple[int, ...] = ()
    server_name: str = "host"
    fallback: bool = False
    size: int = 0
    grease: bool = False
    question: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether nothing in it but versions, suites, groups and signature schemes could be the reason for a refusal."""
        return self.server_name == "host" and not self.fallback and not self.size and not self.grease


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took an offer, and sent all of its first flight that is not encrypted.

    Args:
        version: that it chose.
        cipher_suite: that it chose.
        group: the named group of its key exchange, or the one that it asks for in a HelloRetryRequest; ``None`` without one.
            Before TLS 1.3 a finite field has a name where it was offered by name, and its prime is that of the name (RFC 7919).
        prime: sha256 of the finite-field prime, hex; empty without one.
        key_bits: size of that prime, or of the temporary key of an export suite; 0 without either.
        signature_scheme: of its key exchange (TLS 1.2); ``None`` where it has none.
        chain: DER of the certificates, end entity first; none in TLS 1.3, where they are encrypted.
        extensions: types of the extensions in its hello.
        compression: the method that it chose; 0 for none.
        sentinel: the version named by the downgrade mark in its random (RFC 8446 section 4.1.3): ``TLSv1.2``, ``TLSv1.1``, or empty.
        kinds: the cipher kinds that an SSLv2 server lists.

    """

    version: str
    cipher_suite: int
    group: int | None = None
    prime: str = ""
    key_bits: int = 0
    signature_scheme: int | None = None
    chain: tuple[bytes, ...] = ()
    extensions: tuple[int, ...] = ()
    compression: int = 0
    sentinel: str = ""
    kinds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The server answered a hello with a fatal alert (its number and name), or closed (``None``)."""

    alert: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer to the offer: whatever came instead says nothing about it."""

    cause: Cause
    stage: Stage
    detail: str = ""


Answer = Accepted | Refused | Silent


@dataclass(frozen=True, slots=True)
class Asked:
    """One offer and its answer, on a connection of their own.

    Args:
        offer: what was offered.
        answer: what came of it.
        began: when the connection was tried, in seconds since the first hello's scan began.
        answered: when the answer was complete, likewise.
        source: our own address and port, to be found in the partner's log.
        octets_sent: bytes written to the socket.
        octets_received: bytes read from the socket.

    """

    offer: HelloOffer
    answer: Answer
    began: float = 0.0
    answered: float = 0.0
    source: str = ""
    octets_sent: int = 0
    octets_received: int = 0


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class HelloEvidence:
    """The raw hellos of one scan, in the order of their answers. Told apart by identity: there may be hundreds of them.

    Args:
        asked: offers and answers.
        began: when the scan began; where it goes on with one that was interrupted, when that began.
        complete: every question was asked; a scan that was interrupted goes on where it stopped.

    """

    asked: tuple[Asked, ...]
    began: datetime
    complete: bool = True

    def is_like(self, other: HelloEvidence) -> bool:
        """Whether another one is of the same scan, and as far."""
        return (self.began, self.complete, len(self.asked)) == (other.began, other.complete, len(other.asked))
