"""Whether what an incident is of could be measured when a publication was made: that it goes on is said of nothing that nobody could see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.facts import ALL

if TYPE_CHECKING:
    from mailtls.publication import Document, Publication

_FACT_OF: dict[str, str] = {check.name: fact.name for fact in ALL for check in fact.checks}


def is_dark(incident: Document, publication: Publication) -> bool:
    """Whether an incident was not seen to end, and could not be looked at of any domain that it concerns."""
    return incident["ended_at"] is None and unseen(incident, publication) == incident["domains"]


def unseen(incident: Document, publication: Publication) -> list[str]:
    """Return the domains that an incident concerns, and of which its check can not be measured now."""
    return [name for name in incident["domains"] if not _could_see(publication.domains.get(name), incident)]


def _could_see(domain: Document | None, incident: Document) -> bool:
    """Whether what an incident is of could be measured of a domain where it is; what nobody knows of could not be."""
    fact = _FACT_OF.get(incident["check"])
    if domain is None or fact is None:
        return False
    hosts = [host for host in domain["mx"] if incident["mx"] in {None, host["host"]}]
    parts = [*([] if incident["mx"] else [domain]), *hosts, *(endpoint for host in hosts for endpoint in host["endpoints"])]
    readings = [part["readings"][fact] for part in parts if fact in part["readings"]]
    return any(reading["state"] != "unknown" for reading in readings)
