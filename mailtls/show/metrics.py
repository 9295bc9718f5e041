"""What was observed, as Prometheus metrics: rendered from a snapshot while Prometheus waits, with no I/O of its own.

Host results are keyed by MX host and family, never by domain or address; the domain comes by a join over ``mailtls_domain_mx_info``.
"Could not be measured" is a missing series, never 0, NaN or a number that means something else.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mailtls import facts
from mailtls.facts.declaration import fold
from mailtls.model import Absent, Known, Unknown, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mailtls.evidence import ScanEvidence
    from mailtls.facts.declaration import Fact
    from mailtls.facts.declaration import Metric as FactMetric
    from mailtls.model import EndpointObservation, Reading, Snapshot

PREFIX = "mailtls_"
MAX_SERIES = 500_000
"""Samples rendered at most; what is left out is counted in ``mailtls_series_dropped``."""

# Metrics that no single fact feeds: name, labels, help.
DOMAIN_METRICS = {
    "domain_info": (("domain", "provider"), "A domain that is measured, and whose it is."),
    "domain_mx_info": (("domain", "mx", "preference"), "An MX host of a domain, for joins."),
    "domain_state": (("domain", "state"), "The verdict of a domain: exactly one state is 1."),
    "domain_grade": (
        ("domain", "policy"),
        "Share of a policy's rules that a domain meets wherever they apply, from 0 to 1; missing while the evidence is incomplete.",
    ),
    "domain_inconclusive_info": (
        ("domain", "mx", "stage", "cause"),
        "Why the last look-up could not find all mail hosts of a domain (mx is empty), or any address of one of them, while that holds.",
    ),
}
HOST_METRICS = {
    "mx_probe_conclusive": "Whether the last attempt at every address could decide about STARTTLS.",
    "mx_last_attempt_timestamp_seconds": "When an address was last visited; the address visited longest ago counts.",
    "mx_last_conclusive_timestamp_seconds": "When a visit last could decide; the address where that is longest ago counts.",
    "mx_addresses": "Addresses of the MX host.",
    "mx_addresses_failing": "Addresses whose last attempt could not decide.",
}
SERIES_METRICS = {
    "series": "Samples about domains and MX hosts on this page, which are those that the cap on series counts.",
    "series_limit": "The cap on series.",
    "series_dropped": "Samples left out of this page because of the cap on series.",
}

_Key = tuple[str, str]


class SnapshotCollector(Collector):
    """Renders whatever snapshot is the current one."""

    def __init__(self, snapshot: Callable[[], Snapshot], max_series: int = MAX_SERIES) -> None:
        """Make a collector.

        Args:
            snapshot: returns the current one.
            max_series: samples at most.

        """
        self._snapshot = snapshot
        self._max_series = max_series

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry need not render a snapshot to know the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family. A sample beyond the cap is left out and counted."""
        snapshot = self._snapshot()
        left = self._max_series
        dropped = 0
        for family in (*_domain_families(snapshot), *_mx_families(snapshot), *_host_families(snapshot)):
            if len(family.samples) > left:
                dropped += len(family.samples) - left
                del family.samples[left:]
            left -= len(family.samples)
            if family.samples:
                yield family
        for (name, text), value in zip(SERIES_METRICS.items(), (self._max_series - left, self._max_series, dropped), strict=True):
            yield GaugeMetricFamily(PREFIX + name, text, value)


def _domain_families(snapshot: Snapshot) -> Iterator[Metric]:
    info, relation, state, grade, why = (
        GaugeMetricFamily(PREFIX + name, text, labels=labels) for name, (labels, text) in DOMAIN_METRICS.items()
    )
    for domain in snapshot.domains:
        info.add_metric((domain.domain, domain.provider), 1)
        for host in domain.mx:
            relation.add_metric((domain.domain, host.host, str(host.preference)), 1)
        for verdict in Verdict:
            state.add_metric((domain.domain, verdict.value), verdict is domain.verdict)
        for graded in domain.grades:
            if graded.met is not None:
                grade.add_metric((domain.domain, graded.policy), graded.met)
        gaps = [("", domain.unresolved), *((host.host, host.unresolved) for host in domain.mx)]
        for mx, gap in gaps:
            if gap is not None:
                why.add_metric((domain.domain, mx, gap.stage.value, gap.cause.value), 1)
    for provider, name in snapshot.waiting:
        info.add_metric((name, provider), 1)
        for verdict in Verdict:
            state.add_metric((name, verdict.value), verdict is Verdict.UNKNOWN)
    yield from (info, relation, state, grade, why)
    for fact in facts.DOMAIN:
        for metric in fact.metrics:
            yield _domain_family(fact.name, metric, snapshot)


def _domain_family(name: str, metric: FactMetric, snapshot: Snapshot) -> Metric:
    family = GaugeMetricFamily(PREFIX + metric.name, metric.help, labels=("domain", *metric.labels))
    for domain in snapshot.domains:
        reading = domain.readings.get(name)
        samples = metric.samples(reading.value) if isinstance(reading, Known) else metric.absent if isinstance(reading, Absent) else ()
        for labels, value in samples:
            family.add_metric((domain.domain, *labels), value)
    return family


def mx_labels(metric: FactMetric) -> tuple[str, ...]:
    """Return the labels of a metric that a fact of an MX host feeds: what is the same for all domains goes without the domain."""
    return (*(("mx",) if metric.name.startswith("mx_") else ("domain", "mx")), *metric.labels)


def _mx_families(snapshot: Snapshot) -> Iterator[Metric]:
    for fact in facts.MX:
        for metric in fact.metrics:
            labels = mx_labels(metric)
            worst: dict[tuple[str, ...], float] = {}
            for domain in snapshot.domains:
                for host in domain.mx:
                    reading = host.readings.get(fact.name)
                    place = (host.host,) if labels[0] == "mx" else (domain.domain, host.host)
                    for key, value in metric.samples(reading.value) if isinstance(reading, Known) else ():
                        worst[*place, *key] = min(value, worst.get((*place, *key), value))
            family = GaugeMetricFamily(PREFIX + metric.name, metric.help, labels=labels)
            for key, value in worst.items():
                family.add_metric(key, value)
            yield family


def _host_families(snapshot: Snapshot) -> Iterator[Metric]:
    hosts: dict[_Key, dict[str, EndpointObservation]] = defaultdict(dict)
    for domain in snapshot.domains:
        for host in domain.mx:
            for endpoint in host.endpoints:
                if endpoint.in_scope:
                    hosts[endpoint.endpoint.host, endpoint.endpoint.family][str(endpoint.endpoint.address)] = endpoint
    grouped = {key: list(by_address.values()) for key, by_address in hosts.items()}
    yield from _host_basics(grouped)
    for fact in facts.ENDPOINT:
        for metric in fact.metrics:
            yield _fact_family(fact, metric, grouped)


def _host_basics(grouped: dict[_Key, list[EndpointObservation]]) -> Iterator[Metric]:
    families = {n: GaugeMetricFamily(PREFIX + n, text, labels=("mx", "family")) for n, text in HOST_METRICS.items()}
    why = GaugeMetricFamily(
        f"{PREFIX}mx_inconclusive_info", "Why the last attempt could not decide, while that holds.", labels=("mx", "family", "stage", "cause")
    )
    for key, endpoints in grouped.items():
        families["mx_addresses"].add_metric(key, len(endpoints))
        families["mx_addresses_failing"].add_metric(key, sum(not e.conclusive for e in endpoints))
        attempts = [e.attempted_at for e in endpoints if e.attempted_at is not None]
        conclusions = [e.concluded_at for e in endpoints if e.concluded_at is not None]
        if attempts:
            families["mx_probe_conclusive"].add_metric(key, all(e.conclusive for e in endpoints))
            families["mx_last_attempt_timestamp_seconds"].add_metric(key, min(attempts).timestamp())
        if len(conclusions) == len(endpoints):
            families["mx_last_conclusive_timestamp_seconds"].add_metric(key, min(conclusions).timestamp())
        reasons = {(e.inconclusive.stage.value, e.inconclusive.cause.value) for e in endpoints if e.inconclusive is not None}
        for stage, cause in sorted(reasons):
            why.add_metric((*key, stage, cause), 1)
    yield from families.values()
    yield why


def _fact_family(fact: Fact[ScanEvidence], metric: FactMetric, grouped: dict[_Key, list[EndpointObservation]]) -> Metric:
    family = GaugeMetricFamily(PREFIX + metric.name, metric.help, labels=("mx", "family", *metric.labels))
    for key, endpoints in grouped.items():
        readings = [endpoint.readings[fact.name] for endpoint in endpoints]
        for labels, value in _samples(fact, metric, readings).items():
            family.add_metric((*key, *labels), value)
    return family


def _samples(fact: Fact[ScanEvidence], metric: FactMetric, readings: list[Reading[object]]) -> dict[tuple[str, ...], float]:
    """Fold the readings of several addresses: a truth by the rule of folds, anything else to the worst number for equal labels.

    The worst of the addresses that were measured is true of them, whatever the others are; an info metric lists what each has.
    """
    if not metric.labels:
        folded = fold(readings, fact.better)
        if isinstance(folded, Absent | Unknown):
            return {}
        return dict(metric.samples(folded.value))
    worst: dict[tuple[str, ...], float] = {}
    for reading in readings:
        if isinstance(reading, Known):
            for labels, value in metric.samples(reading.value):
                choose = max if labels in metric.highest else min
                worst[labels] = choose(value, worst.get(labels, value))
    return worst
