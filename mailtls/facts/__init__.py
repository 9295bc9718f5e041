"""Every fact, declared once; one file a family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.facts import (
    certificates,
    chains,
    dane,
    enumerated,
    extensions,
    handshake,
    key_exchange,
    keys,
    mta_sts,
    routing,
    staples,
    starttls,
    tls_rpt,
)

if TYPE_CHECKING:
    from mailtls.evidence import RouteEvidence, ScanEvidence
    from mailtls.facts.declaration import Check, Fact, HostEvidence

DOMAIN: tuple[Fact[RouteEvidence], ...] = (*routing.DOMAIN_FACTS, *mta_sts.DOMAIN_FACTS, *tls_rpt.FACTS)
MX: tuple[Fact[HostEvidence], ...] = (*routing.MX_FACTS, *dane.FACTS, *mta_sts.MX_FACTS)
ENDPOINT: tuple[Fact[ScanEvidence], ...] = (
    *starttls.FACTS, *handshake.FACTS, *certificates.FACTS, *keys.FACTS, *chains.FACTS, *staples.FACTS, *enumerated.FACTS,
    *key_exchange.FACTS, *extensions.FACTS,
)  # fmt: skip

ALL: tuple[Fact[Any], ...] = (*DOMAIN, *MX, *ENDPOINT)

CHECKS: dict[str, Check] = {check.name: check for fact in ALL for check in fact.checks}
"""Everything that can regress, by its name."""
