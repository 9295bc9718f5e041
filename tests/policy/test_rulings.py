"""Rulings: each reading knows which rules it met, broke, or left open."""

from __future__ import annotations

from ground import LATE, endpoint, ground, host, policy
from hypothesis import given
from hypothesis import strategies as st

from mailtls.model import Absent, Place
from mailtls.policy.evaluation import evaluate
from mailtls.policy.rulings import Ruling, rulings

TWO = policy(
    """
    - {id: versions, fact: tls_versions, each: {good: TLSv1.3, sufficient: TLSv1.2}, why: Because.}
    - {id: compression, fact: compression, value: {good: false, phase-out: true}, why: Because.}
    - {id: zone, fact: dnssec, value: {good: secure}, why: Because.}
    """
)
DANE = policy(
    """
    - id: either
      why: Because.
      any_of: [{fact: certificate_trusted, value: {good: true}}, {fact: dane, value: {good: valid}}]
    """,
    head="name: dane\nversion: '2'\n",
)


def test_each_reading_has_the_rules_that_look_at_it_met_broken_or_open() -> None:
    good = endpoint(1, tls_versions=["TLSv1.3"], compression=True)
    silent = endpoint(2, tls_versions=LATE, compression=LATE)
    found = rulings((TWO,), ground(host(good, silent), dnssec="secure"))
    first, second = (Place("a.example", "mx.a.example", each.endpoint) for each in (good, silent))
    assert found[Place("a.example"), "dnssec"] == (Ruling("test", "1", "zone", met=True),)
    assert found[first, "tls_versions"] == (Ruling("test", "1", "versions", met=True),)
    assert found[first, "compression"] == (Ruling("test", "1", "compression", met=False),)
    assert {each.met for where, those in found.items() if where[0] == second for each in those} == {None}


def test_what_does_not_apply_gets_no_ruling() -> None:
    found = rulings((TWO,), ground(host(endpoint(1, tls_versions=Absent(), compression=Absent())), dnssec="secure"))
    assert list(found) == [(Place("a.example"), "dnssec")]


def test_a_reading_of_a_host_gets_the_worst_that_a_rule_says_of_its_endpoints() -> None:
    one, other = endpoint(1, certificate_trusted=True), endpoint(2, certificate_trusted=False)
    found = rulings((DANE,), ground(host(one, other, dane="none")))
    assert found[Place("a.example", "mx.a.example"), "dane"] == (Ruling("dane", "2", "either", met=False),)
    found = rulings((DANE,), ground(host(one, endpoint(2), dane="none")))
    assert found[Place("a.example", "mx.a.example"), "dane"] == (Ruling("dane", "2", "either", met=None),)
    found = rulings((DANE,), ground(host(one, dane=LATE)))
    assert found[Place("a.example", "mx.a.example"), "dane"] == (Ruling("dane", "2", "either", met=True),)


def test_what_could_not_be_found_has_no_reading_to_rule_on() -> None:
    found = rulings((TWO,), ground(unresolved=LATE, dnssec="insecure"))
    assert list(found) == [(Place("a.example"), "dnssec")]


@given(st.lists(st.tuples(st.sampled_from((True, False, LATE)), st.sampled_from((["TLSv1.3"], ["SSLv3"], LATE))), min_size=1, max_size=4))
def test_a_rule_is_broken_somewhere_exactly_where_there_is_a_finding_of_it(seen) -> None:
    endpoints = [endpoint(number + 1, compression=one, tls_versions=two) for number, (one, two) in enumerate(seen)]
    where = ground(host(*endpoints), dnssec="secure")
    broken = {each.rule for those in rulings((TWO,), where).values() for each in those if each.met is False}
    assert broken == {finding.clause.rule for finding in evaluate(TWO, where).findings if finding.clause is not None}
