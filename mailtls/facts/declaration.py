"""How a fact is declared: once, and the metric, the JSON key, the page row and the line in the documentation follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mailtls.facts.shapes import NUMBER, TEXT, TRUTH, Shape, listed, made_of, words
from mailtls.model import Absent, Known, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mailtls.evidence import HostRoute, RouteEvidence
    from mailtls.model import EndpointObservation, Reading
    from mailtls.trust.pkix import Anchors

E = TypeVar("E")


class Scope(StrEnum):
    """What a fact is a fact about, and so where it stands in JSON and which evidence it is read from."""

    DOMAIN = "domain"
    """Read from ``RouteEvidence``."""
    MX = "mx"
    """Read from ``HostEvidence``: an MX host within its domain."""
    ENDPOINT = "endpoint"
    """Read from ``ScanEvidence``: one address of an MX host."""


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """An MX host within its domain: what DANE and MTA-STS are decided from, since both depend on the two together.

    Args:
        route: the way to the domain.
        host: the host on that way.
        endpoints: what may be said of each of its addresses now.

    """

    route: RouteEvidence
    host: HostRoute
    endpoints: tuple[EndpointObservation, ...] = ()


class Kind(StrEnum):
    """The shape of a fact's value in JSON."""

    BOOL = "true or false"
    NUMBER = "number"
    TEXT = "text"
    LIST = "list"
    OBJECT = "object"


class Better(StrEnum):
    """Which direction is better; what is ``NEITHER`` can change, but not regress."""

    TRUE = "true"
    FALSE = "false"
    MORE = "more"
    EARLIER = "earlier"
    """What stands earlier in the fact's ``order`` is better."""
    NEITHER = "neither"


Sample = tuple[tuple[str, ...], float]
"""Label values in the order in which the metric names its labels, and the number."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge that a fact feeds: of a domain for each domain, of an MX host for each domain and host, of an endpoint for each host and family.

    Args:
        name: without the prefix ``mailtls_``.
        help: one sentence.
        labels: those besides the ones of the scope (``domain``; ``domain`` and ``mx``; ``mx`` and ``family``). A fact of an MX host has
            ``mx`` alone where the metric's name begins so, since it is the same for all domains.
        samples: from a known value to samples; several addresses give several, and for equal labels the worst counts.
        highest: labels for which the highest number is the worst; for all others it is the least.
        absent: samples where it was measured that the fact does not apply; in the scope of a domain only.

    A metric without labels shows what the addresses fold to. One with labels shows the worst of the addresses that were measured;
    an info metric, whose labels are what it says, shows what each of them has.
    """

    name: str
    help: str
    samples: Callable[[Any], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    highest: frozenset[tuple[str, ...]] = frozenset()
    absent: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """What a fact is held to over time: where it becomes weaker than it was, and that is confirmed, it has regressed.

    Args:
        name: a fixed name: of the label ``check`` in metrics, and what an operator accepts.
        help: what a regression of it means, in a few words.
        strength: of a known value, more is better; ``None`` for a value that says nothing. By default it follows from the fact's
            direction or order.
        absent: strength of "does not apply"; ``None`` where that says nothing.
        shown: a known value for a person, in a few words.
        shown_absent: the same of "does not apply".

    """

    name: str
    help: str
    strength: Callable[[Any], float | None] | None = None
    absent: float | None = None
    shown: Callable[[Any], str] = field(default=lambda value: {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value))
    shown_absent: str = "none"


@dataclass(frozen=True, slots=True)
class Fact(Generic[E]):
    """One thing that can be known about a domain, an MX host or an endpoint.

    Args:
        name: the JSON key, a fixed name that dashboards and scripts rely on.
        scope: what it is about.
        kind: the shape of its value.
        better: which direction is better.
        help: one sentence, for the page and the documentation.
        source: the section of the standard it rests on.
        read: from evidence to a reading; pure.
        unit: of a number.
        metrics: the gauges it feeds.
        quick: whether a quick visit shows it (else it waits for a full scan).
        order: the values of a text from best to worst, where one is better than another.
        parts: what the value is made of, where its kind does not say so already.
        checks: what of it can regress.

    """

    name: str
    scope: Scope
    kind: Kind
    better: Better
    help: str
    source: str
    read: Callable[[E, Anchors], Reading[Any]]
    unit: str = ""
    metrics: tuple[Metric, ...] = ()
    quick: bool = True
    order: tuple[str, ...] = ()
    parts: Shape | None = None
    checks: tuple[Check, ...] = ()

    @property
    def shape(self) -> Shape:
        """What its value is made of, as far as it is declared."""
        return self.parts or (words(*self.order) if self.order else _SHAPES[self.kind])

    def strength(self, check: Check, reading: Reading[Any]) -> float | None:
        """Return how strong a reading is by one of its checks; ``None`` where it says nothing: an Unknown never does."""
        if isinstance(reading, Absent):
            return check.absent
        if not isinstance(reading, Known):
            return None
        if check.strength is not None:
            return check.strength(reading.value)
        if self.better in (Better.TRUE, Better.FALSE):
            return float(reading.value is (self.better is Better.TRUE))
        if self.better is Better.EARLIER:
            return float(len(self.order) - self.order.index(reading.value)) if reading.value in self.order else None
        assert self.better is Better.MORE, f"{self.name} has no direction, and its check {check.name} no strength"
        return float(reading.value)

    def shown(self, check: Check, reading: Reading[Any]) -> str:
        """Return the same for a person."""
        return check.shown(reading.value) if isinstance(reading, Known) else check.shown_absent


_SHAPES = {Kind.BOOL: TRUTH, Kind.NUMBER: NUMBER, Kind.TEXT: TEXT, Kind.LIST: listed(TEXT), Kind.OBJECT: made_of()}


def truth_gauge(name: str, help_text: str) -> Metric:
    """Declare the usual gauge of a fact that is true (1) or false (0); addresses that disagree about it fold to neither."""
    return Metric(name, help_text, lambda value: [((), float(value))] if isinstance(value, bool) else [])


def fold(readings: Sequence[Reading[Any]], better: Better) -> Reading[Any]:
    """Fold the readings of several addresses, or hosts, into one.

    A measured bad decides; else any Unknown makes the fold Unknown; else the least where more is better, and otherwise the value they
    share, or the list of the distinct ones. Absent counts only where nothing else is there.
    """
    known = [reading.value for reading in readings if isinstance(reading, Known)]
    bad = {Better.TRUE: False, Better.FALSE: True}.get(better)
    if bad is not None and bad in known:
        return Known(bad)
    unknown = next((reading for reading in readings if isinstance(reading, Unknown)), None)
    if unknown is not None:
        return unknown
    if not known:
        return Absent()
    if better is Better.MORE:
        return Known(min(known))
    distinct = [value for index, value in enumerate(known) if value not in known[:index]]
    return Known(distinct[0] if len(distinct) == 1 else distinct)
