"""Regressions, and whether this vantage can measure at all, as Prometheus metrics. Rendered from what is known, with no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mailtls.model import Family
    from mailtls.tracking.settling import JointRegression

PREFIX = "mailtls_"


class RegressionCollector(Collector):
    """Renders the regressions of all vantages together: 1 while one is open, 0 for a while after its end, and then nothing."""

    def __init__(self, regressions: Callable[[], Iterable[JointRegression]]) -> None:
        self._regressions = regressions

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names need no rendering."""
        return ()

    def families(self) -> tuple[GaugeMetricFamily, ...]:
        """Return the families, with or without samples."""
        domain = GaugeMetricFamily(
            f"{PREFIX}domain_regression",
            "Whether a check of a domain is confirmed to be weaker than its baseline; 0 for a day after its end.",
            labels=("domain", "check"),
        )
        host = GaugeMetricFamily(
            f"{PREFIX}mx_regression",
            "Whether a check of an MX host is confirmed to be weaker than its baseline; 0 for a day after its end.",
            labels=("mx", "family", "check"),
        )
        info = GaugeMetricFamily(
            f"{PREFIX}regression_info",
            "An open regression, of a domain or of an MX host: where it lies, and whether it counts, or only a minority of vantages sees it.",
            labels=("domain", "mx", "family", "check", "attribution", "counts"),
        )
        since = GaugeMetricFamily(
            f"{PREFIX}regression_confirmed_timestamp_seconds",
            "When an open regression was confirmed.",
            labels=("domain", "mx", "family", "check"),
        )
        of_domains: dict[tuple[str, str], bool] = {}
        of_hosts: dict[tuple[str, str, str], bool] = {}
        for each in self._regressions():
            subject, is_open = each.subject, each.ended_at is None
            if subject.domain:
                # A domain with one of its hosts (DANE, MTA-STS) is the domain's, and the domain says so itself as well.
                key = (subject.domain, each.check)
                of_domains[key] = of_domains.get(key, False) or (is_open and each.counts)
            else:  # an address counts for its host, also where another one has always been as weak
                at = (subject.host, subject.family, each.check)
                of_hosts[at] = of_hosts.get(at, False) or (is_open and each.counts)
            if is_open and not subject.address:
                place = (subject.domain, subject.host, subject.family, each.check)
                info.add_metric((*place, each.attribution.value, "yes" if each.counts else "no"), 1)
                since.add_metric(place, each.confirmed_at.timestamp())
        for name, value in of_domains.items():
            domain.add_metric(name, value)
        for name_of_host, value in of_hosts.items():
            host.add_metric(name_of_host, value)
        return domain, host, info, since

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have samples."""
        yield from (family for family in self.families() if family.samples)


class VantageCollector(Collector):
    """Renders whether this vantage can measure."""

    def __init__(self, reachable: Callable[[], Mapping[Family, bool]], blind: Callable[[], bool]) -> None:
        self._reachable = reachable
        self._blind = blind

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names need no rendering."""
        return ()

    def families(self) -> tuple[GaugeMetricFamily, ...]:
        """Return both families."""
        port = GaugeMetricFamily(
            f"{PREFIX}vantage_port25_reachable",
            "Whether port 25 can be reached from here, by the control domains or else by all; missing where that cannot be told.",
            labels=("family",),
        )
        for family, value in self._reachable().items():
            port.add_metric((family,), value)
        blind = GaugeMetricFamily(
            f"{PREFIX}vantage_blind", "Whether this vantage cannot measure now: nothing that it sees is held against anybody.", labels=()
        )
        blind.add_metric((), self._blind())
        return port, blind

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have samples."""
        yield from (family for family in self.families() if family.samples)
