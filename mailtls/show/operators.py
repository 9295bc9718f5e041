"""Connections to operators, as Prometheus counters: who is visited, and who turns us away. Within a bound, since MX records name operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from mailtls.evidence import ProbeEvidence
from mailtls.hellos import Asked, Silent
from mailtls.model import Cause, Stage
from mailtls.readable import readable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

MOST_OPERATORS = 1000
"""Operators with a label of their own."""
OTHER = "other"
"""The label of all that are too many."""
_LONGEST = 253
_TURNED_AWAY = frozenset({Cause.BLOCKED, Cause.RATE_LIMITED, Cause.DEFERRED, Cause.TARPIT})
_NOT_DIALLED = frozenset({Cause.NOT_ATTEMPTED, Cause.BUDGET_EXHAUSTED, Cause.VANTAGE_BLIND, Cause.ADDRESS_FORBIDDEN, Cause.NO_ADDRESS})


class OperatorVisits(Collector):
    """Counts the connections to each operator of mail servers, and those that it turned away."""

    def __init__(self, most: int = MOST_OPERATORS) -> None:
        """Make one that has counted nothing; with more operators than ``most`` the rest are counted together."""
        self._most = most
        self._visits: dict[str, list[int]] = {}
        self._rest = [0, 0]

    def count(self, operator: str, seen: ProbeEvidence | Asked) -> None:
        """Count one connection, if it came to one."""
        cause, stage = _end(seen)
        if cause in _NOT_DIALLED:
            return
        counted = self._visits.get(operator)
        if counted is None and len(self._visits) < self._most and operator != OTHER:
            counted = self._visits[operator] = [0, 0]
        if counted is None:
            counted = self._rest
        counted[0] += 1
        # A hello that is not answered says something about the hello, and nothing about us.
        counted[1] += cause in _TURNED_AWAY and not (isinstance(seen, Asked) and stage is Stage.HELLO)

    def keep_only(self, operators: Collection[str]) -> None:
        """Forget all operators but some."""
        for gone in self._visits.keys() - set(operators):
            del self._visits[gone]

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names need no rendering."""
        return ()

    def families(self) -> tuple[CounterMetricFamily, CounterMetricFamily]:
        """Return both families, with or without samples."""
        visits = CounterMetricFamily(
            "mailtls_operator_visits",
            "Connections to the mail servers of an operator: the organizational domain of the MX host, or as `limits.operators` says; "
            "those beyond 1000 operators are `other`, and who is no longer led to goes.",
            labels=("operator",),
        )
        blocked = CounterMetricFamily(
            "mailtls_operator_visits_blocked",
            "Those of them that the operator turned away: they ended with `blocked`, `rate-limited`, `deferred` or `tarpit`.",
            labels=("operator",),
        )
        counted = [(readable(operator, _LONGEST), counts) for operator, counts in self._visits.items()]
        if self._rest[0]:
            counted.append((OTHER, self._rest))
        for operator, (all_of_them, turned_away) in counted:
            visits.add_metric((operator,), all_of_them)
            blocked.add_metric((operator,), turned_away)
        return visits, blocked

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have samples."""
        yield from (family for family in self.families() if family.samples)


def _end(seen: ProbeEvidence | Asked) -> tuple[Cause | None, Stage | None]:
    end = seen.failure if isinstance(seen, ProbeEvidence) else seen.answer if isinstance(seen.answer, Silent) else None
    return (None, None) if end is None else (end.cause, end.stage)
