"""A chain is judged by itself, whatever its names, and what speaks against it is said in the words of mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import certmaking
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mailtls.lab import Authority, Identity
from mailtls.tls.certificate import MAX_CERTIFICATE, read_certificate
from mailtls.trust.names import name_matches
from mailtls.trust.pkix import Anchors, judge_chain

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def der(identity: Identity) -> tuple[bytes, ...]:
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in identity.chain)


def test_a_chain_to_an_anchor_is_trusted_and_its_names_do_not_matter(authority, anchors) -> None:
    assert judge_chain(der(authority.issue(["any.example"])), anchors, NOW).trusted


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"not_before": NOW - 9 * DAY, "not_after": NOW - DAY}, "certificate-expired", "expired on"),
        ({"not_before": NOW + DAY, "not_after": NOW + 9 * DAY}, "certificate-not-trusted", "not valid before"),
        ({"self_signed": True}, "certificate-not-trusted", "self-signed"),
        ({"send_intermediate": False}, "certificate-not-trusted", "a missing intermediate"),
    ],
)
def test_what_speaks_against_a_chain_is_named(changes, code: str, words: str, authority, anchors) -> None:
    judgement = judge_chain(der(authority.issue(["mx.example"], **changes)), anchors, NOW)
    assert not judgement.trusted
    assert judgement.code == code
    assert words in judgement.why


def test_a_stranger_authority_and_no_chain_are_not_trusted(anchors) -> None:
    assert not judge_chain(der(Authority.create(NOW).issue(["mx.example"])), anchors, NOW).trusted
    assert not judge_chain((), anchors, NOW).trusted
    assert not judge_chain((b"garbage",), anchors, NOW).trusted


def test_a_certificate_issued_a_minute_ago_is_trusted_at_once(authority, anchors) -> None:
    fresh = authority.issue(["mx.example"], not_before=NOW - timedelta(minutes=1), not_after=NOW + DAY)
    assert judge_chain(der(fresh), anchors, NOW).trusted


@pytest.mark.parametrize("late", ["intermediate", "root"])
def test_an_authority_that_expired_within_the_hour_is_not_trusted_until_its_end(late: str) -> None:
    ends = certmaking.NOW + timedelta(minutes=5)
    lives = {who: ends if who == late else certmaking.NOW + 90 * DAY for who in ("intermediate", "root")}
    top = certmaking.Issuer("top")
    top = top.sign("top", top.key, authority=True, ends=lives["root"] - certmaking.NOW)
    between = top.sign("between", authority=True, ends=lives["intermediate"] - certmaking.NOW)
    chain = (between.sign("mx.example").der, between.der)
    assert judge_chain(chain, Anchors(top.pem, "top"), ends).trusted
    judged = judge_chain(chain, Anchors(top.pem, "top"), ends + timedelta(minutes=1))
    assert (judged.trusted, judged.undecided) == (False, False)


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("mx.example.org", "MX.example.org.", True), ("*.example.org", "mx.example.org", True), ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org", False), ("*.org", "example.org", False), ("m*.example.org", "mx.example.org", False),
        ("mx.*.org", "mx.example.org", False), ("", "mx.example.org", False), ("*", "localhost", False),
    ],
)  # fmt: skip
def test_names_match_by_whole_labels(pattern: str, host: str, matches: bool) -> None:
    assert name_matches(pattern, host) is matches


def test_a_broken_certificate_is_read_as_far_as_it_goes(authority) -> None:
    good = der(authority.issue(["mx.example"]))[0]
    for cut in range(0, len(good), 7):
        read_certificate(good[:cut])
        read_certificate(good[:cut] + b"\xff" + good[cut + 1 :])
    assert read_certificate(b"\x30" * (MAX_CERTIFICATE + 1)).problems == (f"larger than {MAX_CERTIFICATE} octets",)


@pytest.mark.parametrize("which", [0, 1])
def test_a_name_that_cannot_be_parsed_is_no_crash(which: int, authority, anchors) -> None:
    chain = list(der(authority.issue(["mx.example"])))
    chain[which] = chain[which].replace(b"\x0c\x11mailtls lab root", b"\x1f\x11mailtls lab root").replace(
        b"\x0c\x18mailtls lab inter", b"\x1f\x18mailtls lab inter"
    )
    assert chain != list(der(authority.issue(["mx.example"])))
    judgement = judge_chain(chain, anchors, NOW)
    assert not judgement.trusted
    assert judgement.why
