"""Regressions, and whether this vantage can measure at all, as Prometheus metrics. Rendered from what is known, with no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mailtls.tracking.told import level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mailtls.model import Family
    from mailtls.tracking.settling import JointRegression
    from mailtls.tracking.told import Told

PREFIX = "mailtls_"


class RegressionCollector(Collector):
    """Renders the regressions of all vantages together: 1 while one is open, 0 for a while after its end, and then nothing.

    One of an address counts for its host, and one of a host for the domains that lead to it, also where another one has always been as weak.
    """

    def __init__(self, told: Callable[[], Told]) -> None:
        self._told = told

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names need no rendering."""
        return ()

    def families(self) -> tuple[GaugeMetricFamily, ...]:
        """Return the families, with or without samples."""
        domain = GaugeMetricFamily(
            f"{PREFIX}domain_regression",
            "Whether a check of a domain, or of a host that it leads to, is confirmed to be weaker than its baseline; 0 for a day after its end.",
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
        for (name, mx, of_family, check), each in _by_place(self._told()).items():
            value = each.ended_at is None and each.counts
            if mx:
                host.add_metric((mx, of_family, check), value)
            else:
                domain.add_metric((name, check), value)
            if each.ended_at is None:
                info.add_metric((name, mx, of_family, check, each.attribution.value, "yes" if each.counts else "no"), 1)
                since.add_metric((name, mx, of_family, check), each.confirmed_at.timestamp())
        return domain, host, info, since

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have samples."""
        yield from (family for family in self.families() if family.samples)


def _by_place(told: Told) -> dict[tuple[str, str, str, str], JointRegression]:
    """Return for each domain, and each MX host and family, and check, the regression that speaks for it.

    One that is open and counts goes before others, and then the one that is nearest.
    """
    found: dict[tuple[str, str, str, str], JointRegression] = {}
    for each in sorted(told.regressions, key=lambda each: (each.ended_at is not None, not each.counts, level(each), each.confirmed_at)):
        subject = each.subject
        places = [(domain, "", "") for domain in told.concerned(each)]
        places += [] if subject.domain else [("", subject.host, subject.family)]
        for place in places:
            found.setdefault((*place, each.check), each)
    return found


class VantageCollector(Collector):
    """Renders whether this vantage can measure."""

    def __init__(
        self, reachable: Callable[[], Mapping[Family, bool]], blind: Callable[[], bool], suspect: Callable[[], Mapping[str, int]] = dict
    ) -> None:
        self._reachable = reachable
        self._blind = blind
        self._suspect = suspect

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names need no rendering."""
        return ()

    def families(self) -> tuple[GaugeMetricFamily, ...]:
        """Return the families, with or without samples."""
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
        suspect = GaugeMetricFamily(
            f"{PREFIX}vantage_suspect",
            "Operators that seem to have lost a check all at once: it is held back as a fault of this vantage, and no regression.",
            labels=("check",),
        )
        for check, operators in sorted(self._suspect().items()):
            suspect.add_metric((check,), operators)
        return port, blind, suspect

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have samples."""
        yield from (family for family in self.families() if family.samples)
