"""Days in words, and those of several domains in one."""

from __future__ import annotations

from typing import Any

from mailtls.site.days import counted, run_in_words, worst_of
from mailtls.site.words import english

WORDS = english()


def _days(*runs: tuple[int, int, str]) -> dict[str, Any]:
    made = [{"from": f"2026-11-{first:02}", "to": f"2026-11-{last:02}", "mark": mark, "shown": ""} for first, last, mark in runs]
    return {"first": "2026-11-01", "last": "2026-11-10", "rows": [{"check": "verdict", "runs": made}]}


def _folded(*several: dict[str, Any]) -> list[tuple[int, int, str]]:
    return [(int(run["from"][-2:]), int(run["to"][-2:]), run["mark"]) for run in worst_of(several)["runs"]]


def test_days_in_words_say_from_when_to_when_and_why_nothing_could_be_measured() -> None:
    run = {"from": "2026-11-04", "to": "2026-11-06", "mark": "unmeasured", "shown": "rate-limited at greeting"}
    assert run_in_words(run, WORDS) == "2026-11-04 to 2026-11-06: could not be measured (rate-limited at greeting)"


def test_a_single_day_is_no_span() -> None:
    assert run_in_words({"from": "2026-11-04", "to": "2026-11-04", "mark": "has", "shown": "accepted"}, WORDS) == "2026-11-04: accepted"


def test_a_verdict_that_was_never_better_is_not_called_weaker() -> None:
    run = {"from": "2026-11-04", "to": "2026-11-04", "mark": "less", "shown": "degraded"}
    assert run_in_words(run, WORDS, "verdict") == "2026-11-04: degraded"
    assert run_in_words(run | {"shown": "TLSv1.2"}, WORDS) == "2026-11-04: weaker than before: TLSv1.2"


def test_days_are_counted_by_what_they_were_and_unmeasured_is_not_lacking() -> None:
    runs = _days((1, 1, "unwatched"), (2, 4, "has"), (5, 5, "unmeasured"), (6, 10, "has"))["rows"][0]["runs"]
    assert counted(runs, WORDS, "verdict") == "protected on 8 days; could not be measured on 1 day; not watched yet on 1 day"


def test_a_provider_is_each_day_what_its_worst_domain_is() -> None:
    assert _folded(_days((1, 10, "has")), _days((1, 4, "has"), (5, 6, "lacks"), (7, 10, "unmeasured"))) == [
        (1, 4, "has"), (5, 6, "lacks"), (7, 10, "unmeasured"),
    ]  # fmt: skip


def test_days_that_fold_alike_are_one_run() -> None:
    assert _folded(_days((1, 5, "less"), (6, 10, "has")), _days((1, 5, "has"), (6, 10, "less"))) == [(1, 10, "less")]


def test_one_domain_is_folded_to_itself() -> None:
    assert _folded(_days((1, 9, "has"), (10, 10, "none"))) == [(1, 9, "has"), (10, 10, "none")]
