"""The judge gives a verdict and a grade by each policy, and judges anew only when what it rests on has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ground import LATE, endpoint, host

from mailtls.model import Known, Verdict
from mailtls.policy.judge import Judge, Observed
from mailtls.policy.shipped import shipped

BOTH = (shipped("rfc9325"), shipped("pledge-2013"))


def observed(*endpoints, **domain) -> Observed:
    return Observed({"null_mx": Known(value=False), "dnssec": Known("insecure")} | domain, (host(*endpoints, dane="none"),), None)


def test_a_domain_has_a_verdict_and_a_grade_by_each_policy() -> None:
    judged = Judge(BOTH).judge("a.example", observed(endpoint()))
    assert judged.verdict is Verdict.UNKNOWN
    assert [grade.policy for grade in judged.grades] == ["rfc9325", "pledge-2013"]
    assert {gap.unknown for gap in judged.missing} == {LATE}
    assert Judge().judge("a.example", observed(endpoint())).grades == ()


def test_a_domain_that_takes_no_mail_has_no_grade_and_lacks_nothing() -> None:
    judged = Judge(BOTH).judge("a.example", Observed({"null_mx": Known(value=True)}, (), LATE))
    assert (judged.verdict, judged.findings, judged.missing) == (Verdict.NO_MAIL, (), ())
    assert [(grade.level, grade.coverage, grade.met, grade.missing) for grade in judged.grades] == [(None, 1.0, None, ())] * 2


def test_what_has_not_changed_is_not_judged_again_nor_kept_twice() -> None:
    judge = Judge(BOTH)
    first = judge.judge("a.example", observed(endpoint()))
    assert judge.judge("a.example", observed(endpoint())) is first
    later = observed(replace(endpoint(), attempted_at=datetime(2026, 11, 24, tzinfo=UTC)))
    again = judge.judge("a.example", later)
    assert again.grades is first.grades
    assert again.observed is later, "what is shown is as new as can be"
    changed = judge.judge("a.example", observed(endpoint(tls_versions=["SSLv3"])))
    assert changed.grades != first.grades
    assert judge.judge("b.example", observed(endpoint())) is not first


def test_an_address_that_falls_out_of_scope_changes_the_judgement() -> None:
    judge = Judge(BOTH)
    bad = endpoint(2, starttls_offered=False)
    assert judge.judge("a.example", observed(endpoint(1), bad)).verdict is Verdict.UNPROTECTED
    assert judge.judge("a.example", observed(endpoint(1), replace(bad, in_scope=False))).verdict is Verdict.UNKNOWN
