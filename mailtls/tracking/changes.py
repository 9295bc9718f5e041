"""The nouns of what happens over time: what a check is held against, and what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from datetime import datetime

    from mailtls.tracking.standing import Event, Sighting
    from mailtls.tracking.votes import Attribution


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a check is held against: a domain; an MX host in one family; one address of it; or a domain with one of its MX hosts.

    Args:
        domain: its name; empty where all domains that lead to the host share what is said.
        host: the MX host's; empty where the domain as a whole is meant.
        family: ``ipv4`` or ``ipv6``; empty where neither is meant.
        address: with its port, as ``192.0.2.1:25`` or ``[2001:db8::1]:25``; empty where all addresses of the family are meant.

    """

    domain: str = ""
    host: str = ""
    family: str = ""
    address: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.domain, self.host, self.address or self.family) if part)

    @property
    def key(self) -> str:
        """The same as one word, for a database; a slash within a part, which a hostile MX record can hold, is written as in a URL."""
        return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in (self.domain, self.host, self.family, self.address))

    @classmethod
    def of(cls, key: str) -> Self:
        """Return the subject with a key. Raises ``ValueError`` for what is none."""
        domain, host, family, address = (part.replace("%2F", "/").replace("%25", "%") for part in key.split("/"))
        return cls(domain, host, family, address)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a check of a subject.

    Args:
        at: when the scan, or the look, began that showed it; or when an operator said it.
        subject: to what.
        check: to which check; the name of a kind of its own where it is none (an outage, the MX hosts).
        event: what happened.
        before: what the check was held to; ``None`` where there was nothing.
        after: what was seen; ``None`` where nothing was.
        vantage: whose change it is; empty where it is that of all vantages together.
        attribution: where it lies, as far as can be told.
        why: an operator's words, or what else a person should know.
        muted: the maintenance window that it falls into; empty for none.

    """

    at: datetime
    subject: Subject
    check: str
    event: Event
    before: Sighting | None = None
    after: Sighting | None = None
    vantage: str = ""
    attribution: Attribution | None = None
    why: str = ""
    muted: str = ""
