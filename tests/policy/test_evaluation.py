"""The evaluator: what a grade rests on, what it lacks, and what can never happen whatever was read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from examples import examples
from ground import LATE, endpoint, grade, ground, host, policy, rule
from hypothesis import given
from hypothesis import strategies as st

from mailtls import facts
from mailtls.facts.declaration import Better, Fact
from mailtls.facts.shapes import Form, Shape
from mailtls.model import Absent, Cause, Gap, Grade, Known, Level, Stage, Unknown
from mailtls.policy.evaluation import NOTHING_APPLIES, evaluate, seen_in_words
from mailtls.policy.rules import Policy
from mailtls.policy.shipped import NAMES, shipped

TWO = policy(
    """
    - {id: versions, fact: tls_versions, each: {good: TLSv1.3, sufficient: TLSv1.2}, says: "speaks {seen}", why: Because.}
    - {id: compression, fact: compression, value: {good: false, phase-out: true}, why: Because.}
    """
)


def test_a_grade_is_the_worst_level_of_any_rule_at_any_endpoint() -> None:
    good = endpoint(1, tls_versions=["TLSv1.3"], compression=False)
    assert grade(TWO, good).level is Level.GOOD
    assert grade(TWO, good, endpoint(2, tls_versions=["TLSv1.2"], compression=False)).level is Level.SUFFICIENT
    assert grade(TWO, good, endpoint(2, tls_versions=["TLSv1.2"], compression=True)).level is Level.PHASE_OUT
    assert grade(TWO, good, endpoint(2, tls_versions=["SSLv3"], compression=True)).level is Level.INSUFFICIENT


def test_incomplete_evidence_gives_no_grade_and_says_what_is_missing_and_what_falls_short_so_far() -> None:
    graded = grade(TWO, endpoint(1, tls_versions=["SSLv3"], compression=False), endpoint(2, tls_versions=LATE, compression=LATE))
    assert (graded.level, graded.met, graded.coverage) == (None, None, 0.5)
    assert graded.missing == (Gap(("tls_versions", "compression"), "mx.a.example 192.0.2.2:25", LATE),)
    assert [(finding.text, finding.where) for finding in graded.findings] == [("speaks SSLv3", "mx.a.example 192.0.2.1:25")]


def test_met_is_the_share_of_the_rules_that_hold_wherever_they_apply() -> None:
    good, short = endpoint(1, tls_versions=["TLSv1.3"], compression=False), endpoint(2, tls_versions=["TLSv1.3"], compression=True)
    assert grade(TWO, good).met == 1.0
    assert grade(TWO, good, short).met == 0.5
    assert grade(TWO, endpoint(1, tls_versions=["SSLv3"], compression=Absent())).met == 0.0


def test_where_nothing_applies_there_is_no_level_and_nothing_is_missing() -> None:
    nothing = Grade("test", "1", None, 1.0)
    assert grade(TWO, endpoint(1, tls_versions=Absent(), compression=Absent())) == nothing
    assert evaluate(TWO, NOTHING_APPLIES).grade() == nothing


def test_what_could_not_be_found_leaves_every_rule_open() -> None:
    good = endpoint(1, tls_versions=["TLSv1.3"], compression=False)
    failed, none = Unknown(Cause.DNS_TIMEOUT, Stage.DNS), Unknown(Cause.NO_ADDRESS, Stage.DNS)
    unseen = host(name="mx2.a.example", unresolved=failed)
    for open_ground, where in (
        (ground(host(good), unseen), "mx2.a.example"),
        (ground(host(good), unresolved=failed), "a.example"),
        (ground(), "a.example"),
        (ground(host(replace(good, in_scope=False))), "a.example"),
        (ground(host(unresolved=none)), "a.example"),
    ):
        graded = evaluate(TWO, open_ground).grade()
        assert graded.level is None
        assert [(gap.facts, gap.where) for gap in graded.missing] == [(("tls_versions", "compression"), where)]
    assert evaluate(TWO, ground(host(good), host(name="mx2.a.example", unresolved=none))).grade().level is Level.GOOD


def test_a_rule_on_the_domain_is_held_against_it_once() -> None:
    held = evaluate(rule("fact: dnssec\nvalue: {good: secure}"), ground(host(endpoint(1), endpoint(2)), dnssec="insecure"))
    assert (held.applying, [finding.where for finding in held.findings]) == (1, ["a.example"])
    assert held.findings[0].text == "dnssec: insecure"


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ((), "nothing"), ((True,), "true"), ((None,), "none"), ((2048, 1024, 1024), "2048, 1024"), ((["a", "b"],), "a, b"),
        (tuple("abcdefgh"), "a, b, c, d, e, f and 2 more"), (("\x1b[31m",), "\\x1b[31m"),
    ],
)  # fmt: skip
def test_what_was_seen_is_told_in_few_words_and_as_text(seen, words: str) -> None:
    assert seen_in_words(seen) == words


# Whatever was read.

BY_NAME = {fact.name: fact for fact in facts.ALL}


def values(shape: Shape) -> st.SearchStrategy[Any]:
    if shape.form is Form.TRUTH:
        return st.booleans()
    if shape.form is Form.NUMBER:
        return st.sampled_from([0, 90, 224, 366, 1024, 2048, 3072, 4096])
    if shape.form is Form.WORD:
        known = st.sampled_from(sorted(shape.words())) if shape.words is not None else st.sampled_from(["sha256WithRSAEncryption", "odd"])
        return st.none() | known if shape.null else known
    if shape.form is Form.LIST:
        return st.lists(values(shape.element or shape), max_size=3)
    return st.fixed_dictionaries({name: values(part) for name, part in shape.fields.items()})


def needed(held: Policy) -> list[Fact[Any]]:
    return [BY_NAME[name] for name in dict.fromkeys(name for one in held.rules for name in one.facts)]


def anything(fact: Fact[Any]) -> st.SearchStrategy[Any]:
    return st.builds(Known, values(fact.shape)) | st.just(Absent())


POLICIES = [shipped(name) for name in NAMES]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Policy, list[dict[str, Any]]]:
    """Return a policy, and the readings of one or two endpoints, nearly all of them known."""
    held = draw(st.sampled_from(POLICIES))
    count = draw(st.integers(1, 2))
    return held, [{fact.name: draw(anything(fact)) for fact in needed(held)} for _ in range(count)]


def graded(held: Policy, endpoints: list[dict[str, Any]]) -> Grade:
    """Return the grade of endpoints; what is no fact of an endpoint is taken from the first."""
    wider = {n: r for n, r in endpoints[0].items() if BY_NAME[n].scope != "endpoint"}
    narrow = [{n: r for n, r in one.items() if BY_NAME[n].scope == "endpoint"} for one in endpoints]
    return grade(held, *(endpoint(number, **one) for number, one in enumerate(narrow, 1)), **wider)


def rank(level: Level | None) -> int:
    assert level is not None
    return list(Level).index(level)


@examples(120)
@given(worlds(), st.data())
def test_a_level_never_depends_on_what_is_unknown(world, data) -> None:
    held, endpoints = world
    fact = data.draw(st.sampled_from(needed(held)))
    hidden = [endpoints[0] | {fact.name: LATE}, *endpoints[1:]]
    level = graded(held, hidden).level
    if level is not None:
        other = [endpoints[0] | {fact.name: data.draw(anything(fact))}, *endpoints[1:]]
        assert graded(held, other).level == level


@examples(80)
@given(worlds(), st.data())
def test_less_knowledge_is_never_more_coverage_nor_more_findings(world, data) -> None:
    held, endpoints = world
    fact = data.draw(st.sampled_from(needed(held)))
    whole, less = graded(held, endpoints), graded(held, [endpoints[0] | {fact.name: LATE}, *endpoints[1:]])
    assert less.coverage <= whole.coverage == 1.0
    broken, more = ({(finding.clause, finding.where) for finding in grade.findings} for grade in (less, whole))
    assert broken <= more
    assert (less.level is None) or less.coverage == 1.0


@examples(120)
@given(worlds(), st.data())
def test_a_worse_reading_never_gives_a_better_level(world, data) -> None:
    held, endpoints = world
    ordered = [fact for fact in needed(held) if fact.better is not Better.NEITHER]
    fact = data.draw(st.sampled_from(ordered))
    if fact.better is Better.MORE:
        worse, better = sorted(data.draw(st.tuples(values(fact.shape), values(fact.shape))))
    else:
        worse, better = (False, True) if fact.better is Better.TRUE else (True, False)
    bad, good = (graded(held, [endpoints[0] | {fact.name: Known(value)}, *endpoints[1:]]) for value in (worse, better))
    assert rank(bad.level) >= rank(good.level)
    assert (bad.met or 0.0) <= (good.met or 0.0)


@examples(40)
@given(worlds())
def test_the_order_of_endpoints_changes_nothing(world) -> None:
    held, endpoints = world
    of_first = {n: r for n, r in endpoints[0].items() if BY_NAME[n].scope != "endpoint"}
    hosts = [host(endpoint(number, **{n: r for n, r in one.items() if BY_NAME[n].scope == "endpoint"}), name=f"mx{number}.a.example",
                  **{n: r for n, r in of_first.items() if BY_NAME[n].scope == "mx"}) for number, one in enumerate(endpoints, 1)]  # fmt: skip
    of_domain = {n: r for n, r in of_first.items() if BY_NAME[n].scope == "domain"}
    one, other = (evaluate(held, ground(*order, **of_domain)).grade() for order in (hosts, hosts[::-1]))
    assert (one.level, one.coverage, one.met) == (other.level, other.coverage, other.met)
    assert sorted(map(str, one.findings)) == sorted(map(str, other.findings))
