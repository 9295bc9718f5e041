"""The glossary: the words of the field as the pages use them, each with an address of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

    from mailtls.site.words import Words

TERMS = (
    "address", "baseline", "certificate", "check", "cipher-suite", "correction", "coverage", "dane", "dnssec", "downgrade", "evidence", "fact",
    "finding", "forward-secrecy", "grade", "incident", "key-exchange", "mta-sts", "mx-host", "null-mx", "opportunistic", "outage", "policy",
    "post-quantum", "provider", "regression", "rule", "snapshot", "starttls", "statement", "tls", "tls-rpt", "tlsa", "unknown", "vantage",
    "verdict", "visit", "web-pki",
)  # fmt: skip
"""What is explained: of each its place on the page. The messages ``term-...`` and ``gloss-...`` say what."""
OF_FAMILIES = {"routing": "mx-host"} | {family: family for family in ("starttls", "tls", "certificate", "dane", "mta-sts", "tls-rpt")}
"""Where the kinds of facts in a ledger are explained."""


def terms(words: Words) -> list[tuple[str, Markup, Markup]]:
    """Return each term's place, the term, and what it means, in the order of the terms in that language."""
    told = [(term, words.say(f"term-{term}"), words.say(f"gloss-{term}")) for term in TERMS]
    return sorted(told, key=lambda each: each[1].casefold())
