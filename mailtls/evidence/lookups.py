"""What a resolver was asked, and said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
