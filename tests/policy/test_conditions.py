"""The forms of conditions, and what they make of what is unknown, absent, or known in part."""

from __future__ import annotations

import pytest
from ground import LATE, endpoint, grade, level, rule

from mailtls.model import Absent, Cause, Stage, Unknown

VERSIONS = rule("fact: tls_versions\neach: {good: TLSv1.3, sufficient: TLSv1.2}")
KEYS = rule("fact: certificates[].key_bits\nwhere: {key_type: RSA}\nat_least: {good: 3072, phase-out: 2048}")
DAYS = rule("fact: dh_bits\nat_most: {good: 90, sufficient: 366}")
HAS = rule("fact: groups\nincludes: {good: [X25519MLKEM768, SecP256r1MLKEM768], sufficient: x25519}\notherwise: phase-out")
SUITES = rule(
    """
    fact: cipher_suites.TLSv1.2
    each:
      good: TLS_RSA_WITH_AES_128_CBC_SHA
      sufficient: "TLS_*"
      phase-out: "TLS_RSA_*"
      insufficient: "*_RC4_*"
    """
)
EITHER = rule("any_of:\n  - {fact: compression, value: {good: false}}\n  - {fact: early_data, value: {good: false, sufficient: true}}")
NESTED = rule(
    """
    any_of:
      - {fact: compression, value: {good: false}}
      - all_of:
          - {fact: truncated_hmac, value: {good: false}}
          - {fact: early_data, value: {good: true}}
    """
)
BOTH = rule("all_of:\n  - {fact: compression, value: {good: false}}\n  - {fact: early_data, value: {good: false, phase-out: true}}")


def keys(*bits: int, kind: str = "RSA") -> list[dict[str, object]]:
    return [{"key_type": kind, "key_bits": size} for size in bits]


@pytest.mark.parametrize(
    ("held", "readings", "expected"),
    [
        (VERSIONS, {"tls_versions": ["TLSv1.3"]}, "good"),
        (VERSIONS, {"tls_versions": ["TLSv1.2", "TLSv1.3"]}, "sufficient"),
        (VERSIONS, {"tls_versions": ["SSLv3", "TLSv1.3"]}, "insufficient"),
        (VERSIONS, {"tls_versions": []}, "good"),
        (KEYS, {"certificates": keys(4096)}, "good"),
        (KEYS, {"certificates": keys(4096, 2048)}, "phase-out"),
        (KEYS, {"certificates": keys(1024)}, "insufficient"),
        (KEYS, {"certificates": keys(256, kind="ECDSA")}, None),
        (KEYS, {"certificates": [*keys(256, kind="ECDSA"), *keys(3072)]}, "good"),
        (KEYS, {"certificates": [{"key_type": None, "key_bits": None}]}, None),
        (DAYS, {"dh_bits": 90}, "good"),
        (DAYS, {"dh_bits": 91}, "sufficient"),
        (DAYS, {"dh_bits": 367}, "insufficient"),
        (HAS, {"groups": ["x25519", "X25519MLKEM768"]}, "good"),
        (HAS, {"groups": ["x25519"]}, "sufficient"),
        (HAS, {"groups": ["secp256r1"]}, "phase-out"),
        (SUITES, {"cipher_suites": {"TLSv1.2": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}}, "good"),
        (SUITES, {"cipher_suites": {"TLSv1.2": ["TLS_RSA_WITH_AES_256_CBC_SHA"]}}, "phase-out"),
        (SUITES, {"cipher_suites": {"TLSv1.2": ["TLS_RSA_WITH_RC4_128_SHA"]}}, "insufficient"),
        (SUITES, {"cipher_suites": {"TLSv1.2": ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"]}}, "sufficient"),
        (SUITES, {"cipher_suites": {"TLSv1.2": ["0x1A1A"]}}, "insufficient"),
        (SUITES, {"cipher_suites": {"TLSv1.3": ["TLS_AES_128_GCM_SHA256"]}}, None),
    ],
)
def test_each_form_gives_the_level_of_the_worst_that_it_finds(held, readings, expected) -> None:
    assert level(held, **readings) == expected


NO, YES = False, True


@pytest.mark.parametrize(
    ("held", "compression", "early_data", "expected"),
    [
        (EITHER, NO, YES, "good"), (EITHER, YES, NO, "good"), (EITHER, YES, YES, "sufficient"),
        (EITHER, NO, LATE, "good"), (EITHER, YES, LATE, None), (EITHER, LATE, YES, None), (EITHER, LATE, LATE, None),
        (EITHER, Absent(), YES, "sufficient"), (EITHER, Absent(), Absent(), None), (EITHER, Absent(), LATE, None),
        (BOTH, NO, NO, "good"), (BOTH, NO, YES, "phase-out"), (BOTH, YES, NO, "insufficient"),
        (BOTH, YES, LATE, "insufficient"), (BOTH, LATE, YES, None), (BOTH, NO, LATE, None),
        (BOTH, Absent(), NO, "good"), (BOTH, Absent(), Absent(), None),
        (NESTED, YES, LATE, None), (NESTED, YES, NO, "insufficient"), (NESTED, LATE, YES, None), (NESTED, NO, LATE, "good"),
    ],
)  # fmt: skip
def test_of_several_conditions_what_is_as_good_or_as_bad_as_can_be_decides_before_what_is_unknown(
    held, compression, early_data, expected
) -> None:
    assert level(held, compression=compression, early_data=early_data) == expected


@pytest.mark.parametrize(
    ("more", "expected", "coverage"), [((), None, 1.0), (("absent: insufficient",), "insufficient", 1.0), (("absent: good",), "good", 1.0),
                                       (("absent: unknown",), None, 0.0)]
)  # fmt: skip
def test_what_is_absent_does_not_apply_unless_the_rule_says_otherwise(more, expected, coverage) -> None:
    held = rule("fact: compression\nvalue: {good: false}", *more)
    graded = grade(held, endpoint(compression=Absent()))
    assert (graded.level, graded.coverage) == (expected, coverage)


@pytest.mark.parametrize(
    ("group", "bits", "expected"), [("dhe", 1024, "insufficient"), ("dhe", 2048, "good"), ("x25519", 1024, None), (None, 1024, None)]
)
def test_a_rule_applies_when_its_guard_holds(group, bits, expected) -> None:
    held = rule("fact: dh_bits\nat_least: {good: 2048}\nwhen: {fact: negotiated.group, value: dhe}")
    negotiated = {"version": "TLSv1.2", "cipher_suite": "a", "group": group}
    graded = grade(held, endpoint(dh_bits=bits, negotiated=negotiated))
    assert (graded.level, graded.coverage) == (expected, 1.0)


def test_where_nobody_knows_whether_a_rule_applies_it_is_undecided() -> None:
    held = rule("fact: dh_bits\nat_least: {good: 2048}\nwhen: {fact: negotiated.group, value: dhe}")
    graded = grade(held, endpoint(dh_bits=1024, negotiated=LATE))
    assert (graded.level, graded.coverage, graded.findings) == (None, 0.0, ())
    assert [gap.facts for gap in graded.missing] == [("negotiated.group",)]


INTERRUPTED = Unknown(Cause.RATE_LIMITED, Stage.GREETING, "enough", ["TLSv1.3", "TLSv1.0"])


def test_of_an_interrupted_set_what_falls_short_was_measured_and_still_there_is_no_grade() -> None:
    graded = grade(VERSIONS, endpoint(tls_versions=INTERRUPTED))
    assert (graded.level, graded.coverage) == (None, 0.0)
    assert [(finding.level, finding.seen) for finding in graded.findings] == [("insufficient", ("TLSv1.0",))]
    certificate = Unknown(Cause.NOT_ATTEMPTED, Stage.HELLO, "a quick visit", keys(1024))
    assert [finding.seen for finding in grade(KEYS, endpoint(certificates=certificate)).findings] == [(1024,)]


def test_of_an_interrupted_set_nothing_good_can_be_said_nor_that_something_is_not_in_it() -> None:
    for held in (VERSIONS, HAS):
        fact = held.rules[0].facts[0]
        for seen in ([], ["TLSv1.3"] if held is VERSIONS else ["secp256r1"], None):
            graded = grade(held, endpoint(**{fact: Unknown(Cause.RATE_LIMITED, Stage.GREETING, "", seen)}))
            assert (graded.level, graded.findings) == (None, ())


def test_a_rule_sees_the_readings_of_the_wider_scopes() -> None:
    held = rule("any_of:\n  - {fact: certificate_trusted, value: {good: true}}\n  - {fact: dnssec, value: {good: secure}}")
    assert held.rules[0].scope == 2
    assert grade(held, endpoint(certificate_trusted=False), dnssec="secure").level == "good"
    assert grade(held, endpoint(certificate_trusted=False), dnssec="insecure").level == "insufficient"
    assert grade(held, endpoint(certificate_trusted=False), dnssec=LATE).level is None


def test_a_fact_that_nobody_read_is_unknown() -> None:
    graded = grade(rule("fact: dnssec\nvalue: {good: secure}"), endpoint())
    assert (graded.level, graded.coverage) == (None, 0.0)
    assert graded.missing[0].where == "a.example"
