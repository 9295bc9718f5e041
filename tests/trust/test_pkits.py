"""NIST's path validation tests (PKITS): what they call valid is followed to the anchor, and what they call invalid is refused.

Their certificates name no host, so the best that can be said of one here is that only the name stands against it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from mailtls.tls.certificate import load
from mailtls.trust.dane import comparable, vouch
from mailtls.trust.tlsa import TLSA

try:
    import cryptography_vectors
except ImportError:
    pytest.fail("cryptography-vectors is missing; `make unit` installs it", pytrace=False)

DIRECTORY = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data" / "certs"
FILES = {path.stem: path.read_bytes() for path in sorted(DIRECTORY.glob("*.crt"))}
ANCHOR = TLSA(2, 0, 1, hashlib.sha256(FILES["TrustAnchorRootCertificate"]).digest())
AT = datetime(2020, 1, 1, tzinfo=UTC)
SERVERS = {name: der for name, der in FILES.items() if name.startswith(("Valid", "Invalid")) and name.endswith("EE")}
AUTHORITIES = {der: load(der) for name, der in FILES.items() if name not in SERVERS}

# What no mail sender decides by: revocation, policies, and constraints of names that are no host's.
NOT_DECIDED = (
    "CRL", "cRL", "Revoked", "distributionPoint", "onlyContains", "onlySomeReasons", "deltaCRL", "IDPwithindirect", "SerialNumber", "Policy",
    "Mapping", "RFC822", "URI", "InvalidBasicSelfIssuedNewWithOldTest5", "InvalidBasicSelfIssuedOldWithNewTest2", "InvalidDNnameConstraintsTest3EE",
)  # fmt: skip
NO_TLS = ("DSA",)


def subject(certificate: x509.Certificate) -> object:
    return comparable(certificate.subject)


def chain_for(name: str) -> tuple[bytes, ...]:
    """Return a certificate and all those by whose names it can be followed, as a server that knew no better might send them."""
    chain, wanted = [SERVERS[name]], [comparable(load(SERVERS[name]).issuer)]
    for issuer in wanted:
        for der, authority in AUTHORITIES.items():
            if authority is not None and der not in chain and subject(authority) == issuer:
                chain.append(der)
                if comparable(authority.issuer) not in wanted:
                    wanted.append(comparable(authority.issuer))
    return tuple(chain)


def objection(name: str) -> str:
    return vouch(ANCHOR, chain_for(name), ("mx.example",), AT).code


@pytest.mark.parametrize("name", [name for name in SERVERS if name.startswith("Valid") and not any(odd in name for odd in NO_TLS)])
def test_a_valid_path_leads_to_the_anchor(name: str) -> None:
    assert objection(name) == "certificate-host-mismatch"


@pytest.mark.parametrize("name", [name for name in SERVERS if name.startswith("Invalid") and not any(odd in name for odd in NOT_DECIDED)])
def test_an_invalid_path_does_not(name: str) -> None:
    assert objection(name) in ("certificate-expired", "certificate-not-trusted", "tlsa-invalid")


def test_both_kinds_are_many() -> None:
    assert sum(name.startswith("Valid") for name in SERVERS) > 80
    assert sum(name.startswith("Invalid") and not any(odd in name for odd in NOT_DECIDED) for name in SERVERS) > 30
