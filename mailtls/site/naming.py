"""Names of facts, checks and policies for people: they follow from the declared names, so that a new fact has one without further ado."""

from __future__ import annotations

from functools import cache

_TOGETHER = {"mta_sts": "MTA-STS", "tls_rpt": "TLS-RPT", "post_quantum": "post-quantum", "encrypt_then_mac": "encrypt-then-MAC"}
_UPPER = {
    "cbc", "dane", "dh", "dnssec", "ehlo", "esmtp", "hmac", "mx", "ocsp", "requiretls", "smtp", "sni", "starttls", "sts", "tls", "tlsa",
}  # fmt: skip
_AS_THEY_ARE = {"scts": "SCTs", "id": "ID", "uri": "URI"}


@cache
def named(identifier: str) -> str:
    """Return a declared name as people write it: ``mta_sts_match`` is MTA-STS match, ``certificate_trusted`` Certificate trusted."""
    spaced = identifier
    for together, written in _TOGETHER.items():
        spaced = spaced.replace(together, written)
    words = [word.upper() if word in _UPPER else _AS_THEY_ARE.get(word, word) for word in spaced.split("_") if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
