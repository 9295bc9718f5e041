"""The daemon's metrics about itself: what it did, how long that took, whether it is late."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mailtls import __version__
from mailtls.hellos import Asked, Silent
from mailtls.model import Cause, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import ProbeEvidence

_VISITED = (Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.HELLO, Stage.HANDSHAKE, Stage.EHLO_TLS)
# What never ends a visit: it ends a look-up, or there was no visit.
_BEFORE_A_VISIT = frozenset(
    {Cause.DNS_FAILURE, Cause.DNS_TIMEOUT, Cause.DNSSEC_BOGUS, Cause.NO_ADDRESS, Cause.VANTAGE_BLIND, Cause.BUDGET_EXHAUSTED}
)


class KnownLater(Collector):
    """A gauge that has no series for as long as nobody knows its value: a gauge of the library would say 0."""

    _labelnames = ()

    def __init__(self, name: str, text: str, registry: CollectorRegistry) -> None:
        self._name, self._text = name, text
        self._value: float | None = None
        registry.register(self)

    def set(self, value: float | None) -> None:
        """Take a value, or that there is none."""
        self._value = value

    def describe(self) -> list[Metric]:
        """Return the family without a sample."""
        return [GaugeMetricFamily(self._name, self._text)]

    def collect(self) -> Iterator[Metric]:
        """Yield the family, if there is a value."""
        if self._value is not None:
            yield GaugeMetricFamily(self._name, self._text, self._value)


class DaemonMetrics:
    """Counters and gauges of one daemon. They are never keyed by MX host."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register everything. Failures of all stages and causes begin at zero, so that a first one is a rise and not a new series."""
        self.probes = Counter("mailtls_probes", "Visits made.", registry=registry)
        self.hellos = Counter("mailtls_hellos", "Raw hellos, by what came of them.", ["answer"], registry=registry)
        for answer in ("accepted", "refused", "silent"):
            self.hellos.labels(answer)
        self.failures = Counter(
            "mailtls_probe_failures", "Visits and raw hellos that ended early, by stage and cause.", ["stage", "cause"], registry=registry
        )
        self.phases = Histogram(
            "mailtls_probe_phase_duration_seconds", "How long a step of a visit took.", ["phase"], registry=registry,
            buckets=(0.005, 0.02, 0.1, 0.3, 1, 3, 10, 30, 60),
        )  # fmt: skip
        self.octets = Counter("mailtls_probe_octets", "Octets of all visits.", ["direction"], registry=registry)
        self.in_flight = Gauge("mailtls_probes_in_flight", "Visits under way.", registry=registry)
        self.lag = Gauge(
            "mailtls_scheduler_lag_seconds",
            "By how much the last look at a domain came late, or one that is due still is late: whichever is more.",
            registry=registry,
        )
        self.interval = Gauge("mailtls_cycle_interval_seconds", "The interval between two looks at a domain.", registry=registry)
        self.cycle = KnownLater(
            "mailtls_cycle_last_success_timestamp_seconds",
            "When every domain had last been looked at once since start; missing until that has been.",
            registry,
        )
        self.clock_skew = KnownLater(
            "mailtls_clock_skew_seconds",
            "Our clock minus the median of those of three MTA-STS policy hosts or more, by their responses of the last day; missing until then.",
            registry,
        )
        self.resolver_validates = KnownLater(
            "mailtls_resolver_validates",
            "Whether the resolver vouches by DNSSEC for the root zone; missing where it is not believed, or that has not been seen lately.",
            registry,
        )
        self.store_errors = Counter(
            "mailtls_store_errors", "Times that what is remembered could not be read or written.", registry=registry
        )
        self.notifications = Counter(
            "mailtls_notifications", "Trials of telling a webhook, by what came of them.", ["outcome"], registry=registry
        )
        for outcome in ("sent", "failed", "given-up"):
            self.notifications.labels(outcome)
        self.notifications_pending = Gauge("mailtls_notifications_pending", "Notices that wait to be sent to a webhook.", registry=registry)
        self.published_at = KnownLater(
            "mailtls_publication_timestamp_seconds", "Of when the last publication is; missing until there is one.", registry
        )
        self.publication_good_for = KnownLater(
            "mailtls_publication_stale_after_seconds", "How old the last publication may be; missing until there is one.", registry
        )
        self.publishing_took = KnownLater(
            "mailtls_publication_duration_seconds", "How long the last publication took to make; missing until there is one.", registry
        )
        self.publication_failures = Counter("mailtls_publication_failures", "Publications that could not be made.", registry=registry)
        self.reload_ok = Gauge(
            "mailtls_config_last_reload_successful", "Whether the last attempt to load the configuration succeeded.", registry=registry
        )
        self.reload_at = Gauge(
            "mailtls_config_last_reload_success_timestamp_seconds", "When the configuration was last loaded.", registry=registry
        )
        build = Gauge("mailtls_build_info", "What is running.", ["version", "python"], registry=registry)
        build.labels(__version__, platform.python_version()).set(1)
        for stage in _VISITED:
            for cause in sorted(set(Cause) - _BEFORE_A_VISIT):
                self.failures.labels(stage.value, cause.value)
        for direction in ("sent", "received"):
            self.octets.labels(direction)

    def count(self, seen: ProbeEvidence | Asked) -> None:
        """Count one connection: a visit, or a raw hello."""
        self.octets.labels("sent").inc(seen.octets_sent)
        self.octets.labels("received").inc(seen.octets_received)
        if isinstance(seen, Asked):
            self.hellos.labels(type(seen.answer).__name__.lower()).inc()
            if isinstance(seen.answer, Silent):
                self.failures.labels(seen.answer.stage.value, seen.answer.cause.value).inc()
        else:
            self._count_visit(seen)

    def _count_visit(self, probe: ProbeEvidence) -> None:
        self.probes.inc()
        if probe.failure is not None:
            self.failures.labels(probe.failure.stage.value, probe.failure.cause.value).inc()
        for exchange in probe.exchanges:
            self.phases.labels(exchange.stage.value).observe(exchange.took)
