"""``mailtls check`` tells the truth about real mail servers that it finds through a real, validating resolver."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from servers import OpenSMTPD
from world import World, world


@pytest.fixture
async def lab(tmp_path: Any) -> AsyncIterator[World]:
    async with world(tmp_path) as running:
        yield running


def endpoint(domain: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = domain["mx"][0]["endpoints"][0]
    return found


def value(readings: dict[str, Any], name: str) -> Any:
    assert readings[name]["state"] == "known", readings[name]
    return readings[name]["value"]


async def test_check_concludes_of_each_real_server_what_it_is(lab: World) -> None:
    names = [f"{name}.test" for name in [*lab.mta, "bogus", "nomail", "inward", "shared", "missing"]]
    status, domains = await lab.check(*names)
    assert status == 1  # a measured bad (plain.test) goes before what could not be measured
    verdicts = {name.removesuffix(".test"): domain["verdict"] for name, domain in domains.items()}
    assert verdicts == {
        "postfix": "protected",
        "postscreen": "protected",
        "exim": "protected",
        "shared": "protected",
        "plain": "unprotected",
        "refusing": "unknown",
        "limited": "protected",
        "deferring": "unknown",
        "opensmtpd": "unknown",  # its OpenSSL 3 build of 6.8 answers every hello with an alert; nothing vouches for that refusal
        "bogus": "unknown",
        "nomail": "no-mail",
        "inward": "unknown",
        "missing": "unknown",
    }

    postfix = endpoint(domains["postfix.test"])["readings"]
    assert {c["key_type"] for c in value(postfix, "certificates")} == {"RSA", "ECDSA"}
    assert value(postfix, "negotiated")["version"] == "TLSv1.3"
    assert value(domains["postfix.test"]["readings"], "dnssec") == "secure"

    dane = {name: value(domains[f"{name}.test"]["mx"][0]["readings"], "dane") for name in ("postfix", "shared", "postscreen", "exim", "plain")}
    assert dane == {"postfix": "valid", "shared": "valid", "postscreen": "none", "exim": "none", "plain": "none"}
    assert len(value(domains["postfix.test"]["mx"][0]["readings"], "tlsa_records")) == 2

    exim = endpoint(domains["exim.test"])["readings"]
    assert {c["key_type"] for c in value(exim, "certificates")} == {"RSA", "ECDSA"}
    assert value(domains["exim.test"]["readings"], "dnssec") == "insecure"

    assert value(endpoint(domains["plain.test"])["readings"], "starttls_offered") is False
    causes = {name: endpoint(domains[name])["readings"]["starttls_offered"] for name in ("refusing.test", "deferring.test", "inward.test")}
    assert {name: reading["cause"] for name, reading in causes.items()} == {
        "refusing.test": "blocked", "deferring.test": "rate-limited", "inward.test": "address-forbidden",
    }  # fmt: skip
    assert value(domains["bogus.test"]["readings"], "dnssec") == "bogus"
    assert domains["missing.test"]["readings"]["null_mx"]["cause"] == "dns-failure"

    limited = endpoint(domains["limited.test"])["readings"]
    assert value(limited, "starttls_offered") is True
    assert limited["certificates"]["state"] == "unknown"
    assert limited["certificates"]["cause"] == "rate-limited"
    assert len(limited["certificates"]["seen"]) == 1

    opensmtpd = endpoint(domains["opensmtpd.test"])["readings"]
    assert isinstance(lab.mta["opensmtpd"], OpenSMTPD)
    assert value(opensmtpd, "starttls_offered") is True
    assert value(opensmtpd, "starttls_accepted") is True
    assert opensmtpd["negotiated"]["state"] == "unknown"

    assert "MAIL FROM" not in lab.mta["postfix"].log().upper().replace("NO MAIL FROM", "")


async def test_check_prints_text_and_the_transcript_for_people(lab: World) -> None:
    status, out, _ = await lab.mailtls("check", "exim.test", "--config.file", str(lab.configuration), "--explain")
    assert status == 0
    assert out.startswith("PROTECTED  exim.test")
    assert "> EHLO probe.integration.test" in out
    assert "TLS handshake: TLSv1.3" in out
    assert "> QUIT (inside TLS)" in out
