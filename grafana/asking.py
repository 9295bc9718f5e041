"""What a dashboard would ask Prometheus when everything is chosen: its queries, with the variables replaced."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHOSEN = {"job": ".+", "instance": ".+", "provider": ".+", "domain": ".+", "mx": ".+", "__rate_interval": "60s", "__range": "60s"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, and whose it is: the title of the panel and the query's letter, or what else asks."""

    title: str
    ref: str
    expr: str


def chosen(text: str) -> str:
    """Return a query with its variables replaced by everything, and its ranges by short ones."""
    return re.sub(r"\$(\w+)", lambda found: _CHOSEN[found[1]], text)


def asked(board: dict[str, Any]) -> Iterator[Asked]:
    """Yield every query of a dashboard: those of its panels, of its annotations, and those that fill its variables."""
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield Asked(panel["title"], target["refId"], chosen(target["expr"]))
    for each in board["annotations"]["list"]:
        yield Asked(each["name"], "annotation", chosen(each["expr"]))
    for each in board["templating"]["list"]:
        if each["type"] == "query":
            found = re.fullmatch(r"label_values\((.*), (\w+)\)", each["query"]["query"])
            assert found is not None
            yield Asked(each["label"], "variable", f"count by ({found[2]}) ({chosen(found[1])})")
