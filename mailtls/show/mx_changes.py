"""Metrics about MX sets that change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mailtls.model import MXSet


class MXCollector(Collector):
    """Renders when the MX hosts of each domain changed, and how often."""

    def __init__(self, sets: Callable[[], Mapping[str, MXSet]]) -> None:
        self._sets = sets

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names need no rendering."""
        return ()

    def families(self) -> tuple[CounterMetricFamily, GaugeMetricFamily]:
        """Return both families; a domain whose MX hosts have not changed has no time of change."""
        when = GaugeMetricFamily(
            "mailtls_domain_mx_last_change_timestamp_seconds", "When the MX hosts of a domain last changed.", labels=("domain",)
        )
        count = CounterMetricFamily("mailtls_domain_mx_changes", "Changes of a domain's MX hosts since start.", labels=("domain",))
        for domain, known in self._sets().items():
            count.add_metric((domain,), known.changes)
            if known.changed_at is not None:
                when.add_metric((domain,), known.changed_at.timestamp())
        return count, when

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have samples."""
        yield from (family for family in self.families() if family.samples)
