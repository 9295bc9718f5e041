"""What came of a fetch: silence is no flaw, a "no" of the owner's is one, and only a policy that anybody could use is a policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import making
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mailtls.evidence import Failure, StsFetch
from mailtls.model import Cause, Stage
from mailtls.tls.certificate import MAX_CHAIN
from mailtls.trust.mta_sts import FETCH_ERROR, INVALID, WEBPKI, Mode
from mailtls.trust.sts_fetch import judge_fetch

BODY = b"version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 86400\n"
HOST = "mta-sts.a.example"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def good(authority) -> StsFetch:
    chain = tuple(c.public_bytes(Encoding.DER) for c in authority.issue([HOST]).chain)
    fetch = StsFetch(f"https://{HOST}/.well-known/mta-sts.txt", HOST, "1", NOW)
    return replace(fetch, chain=chain, status=200, content_type="text/plain", body=BODY)


def test_a_policy_is_one(good, anchors) -> None:
    judged = judge_fetch(good, anchors)
    assert judged.policy is not None
    assert judged.policy.mode is Mode.ENFORCE
    assert (judged.flaws, judged.gap) == ((), None)


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.NO_ADDRESS])
def test_no_silence_is_a_flaw(cause, good, anchors) -> None:
    failure = Failure(cause, Stage.HTTPS, "so it was")
    early = replace(good, status=None, failure=failure)
    for fetch in (replace(early, chain=()), early, replace(good, failure=failure)):
        judged = judge_fetch(fetch, anchors)
        assert (judged.policy, judged.flaws, judged.gap) == (None, (), failure)


def test_no_status_but_200_brings_a_policy_and_none_is_both_a_flaw_and_a_gap(good, anchors) -> None:
    for status in range(200, 600):
        judged = judge_fetch(replace(good, status=status), anchors)
        assert (judged.policy is not None) is (status == 200)
        assert (judged.gap is not None) + bool(judged.flaws) == (status != 200)
        if judged.flaws:
            assert [flaw.code for flaw in judged.flaws] == [FETCH_ERROR]
            assert status < 500


def test_the_owners_no_is_an_answer(good, anchors) -> None:
    gone = replace(good, chain=(), status=None, failure=Failure(Cause.NO_ADDRESS, Stage.DNS, "NXDOMAIN"))
    unknown = replace(good, chain=(), status=None, alert=112, failure=Failure(Cause.PROTOCOL_ERROR, Stage.HTTPS))
    other = replace(unknown, alert=40)
    for fetch in (gone, unknown):
        assert [flaw.code for flaw in judge_fetch(fetch, anchors).flaws] == [FETCH_ERROR]
    assert judge_fetch(other, anchors).gap is not None


def test_everything_that_is_wrong_is_told_and_the_certificate_first(good, anchors, authority) -> None:
    other = tuple(c.public_bytes(Encoding.DER) for c in authority.issue(["b.example"], self_signed=True).chain)
    judged = judge_fetch(replace(good, chain=other, body=b""), anchors)
    assert [flaw.code for flaw in judged.flaws] == [WEBPKI, WEBPKI, INVALID]
    assert judged.policy is None
    assert [flaw.code for flaw in judge_fetch(replace(good, chain=()), anchors).flaws] == [WEBPKI]


def test_a_chain_that_is_beyond_a_limit_of_ours_is_a_gap_and_no_flaw(good, anchors) -> None:
    leaf = making.leaf(making.authority("an authority that nobody sent"), HOST)
    stuffing = [making.authority(f"authority {number}").der for number in range(MAX_CHAIN)]
    judged = judge_fetch(replace(good, chain=(leaf.der, *stuffing), began=making.NOW), anchors)
    assert (judged.policy, judged.flaws) == (None, ())
    assert judged.gap is not None
    assert judged.gap.cause is Cause.TLS_LOCAL_LIMIT


def test_the_certificate_is_judged_by_the_time_of_the_fetch(good, anchors) -> None:
    late = replace(good, began=NOW + timedelta(days=400))
    assert [flaw.code for flaw in judge_fetch(late, anchors).flaws] == [WEBPKI]


def test_a_length_beyond_the_cap_is_a_flaw_of_the_fetch(good, anchors) -> None:
    assert [flaw.code for flaw in judge_fetch(replace(good, too_long=True), anchors).flaws] == [FETCH_ERROR]
