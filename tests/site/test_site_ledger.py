"""The ledger of evidence: every fact, with all that is to be said of it, and unknown never like a lack."""

from __future__ import annotations

from typing import Any

import pytest

from mailtls.facts import ALL
from mailtls.model import Cause, Stage
from mailtls.site.ledger import counted, groups, names_of, reason
from mailtls.site.words import english

WORDS = english()
TIMES = {"first_seen": "2026-10-02T08:15:00Z", "last_seen": "2026-11-24T11:45:00Z"}


def _rule(rule: str, met: bool | None) -> dict[str, Any]:
    return {"policy": "rfc9325", "version": "1", "rule": rule, "met": met}


def _known(value: object, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"state": "known", "value": value, **TIMES, "evidence": "ab", "rules": list(rules), "reproduce": "dig"}


def _unknown(*rules: dict[str, Any], seen: object = None, cause: str = "rate-limited") -> dict[str, Any]:
    told = {"state": "unknown", "cause": cause, "stage": "greeting", "detail": "421", "seen": seen, "first_seen": None, "last_seen": None}
    return {**told, "evidence": None, "rules": list(rules), "reproduce": None}


@pytest.mark.parametrize("fact", ALL, ids=lambda fact: fact.name)
def test_every_fact_has_a_family(fact: Any) -> None:
    (group,) = groups({fact.name: _known(True)}, WORDS)
    assert group.family != "other"
    assert WORDS.say(f"family-{group.family}")


def test_a_fact_of_another_version_of_the_program_is_told_among_the_others() -> None:
    (group,) = groups({"to_come": _known(1)}, WORDS)
    assert (group.family, group.entries[0].names[0].known) == ("other", False)


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("stage", Stage)
def test_every_cause_and_stage_has_its_words(cause: Cause, stage: Stage) -> None:
    assert reason({"cause": cause.value, "stage": stage.value}, WORDS)


def test_a_known_fact_has_its_value_times_and_rulings_the_broken_first() -> None:
    (group,) = groups({"esmtp": _known(True, _rule("a", True), _rule("b", False), _rule("c", None))}, WORDS)
    (entry,) = group.entries
    assert (entry.value, entry.since, entry.last) == ("yes", TIMES["first_seen"], TIMES["last_seen"])
    assert [(ruling.mark, ruling.rules) for ruling in entry.rulings] == [
        ("lacks", (("rfc9325", "b"),)), ("has", (("rfc9325", "a"),)), ("unmeasured", (("rfc9325", "c"),)),
    ]  # fmt: skip


def test_facts_that_could_not_be_measured_for_one_reason_are_told_together_with_what_that_leaves_open() -> None:
    (group,) = groups({"esmtp": _unknown(_rule("a", None)), "requiretls": _unknown(_rule("b", None))}, WORDS)
    (entry,) = group.entries
    assert [name.key for name in entry.names] == ["esmtp", "requiretls"]
    assert entry.reason == "the server asked for fewer visits (at the greeting)"
    assert [(ruling.mark, len(ruling.rules)) for ruling in entry.rulings] == [("unmeasured", 2)]
    assert (entry.value, entry.detail) == (None, "421")


def test_other_causes_and_what_was_seen_so_far_are_told_apart() -> None:
    (group,) = groups({"esmtp": _unknown(), "requiretls": _unknown(cause="tarpit"), "ehlo_keywords": _unknown(seen=["SIZE"])}, WORDS)
    assert len(group.entries) == 3
    assert [entry.value for entry in group.entries] == ["SIZE", None, None]


def test_an_unknown_is_no_lack_in_any_sign() -> None:
    (group,) = groups({"esmtp": _unknown(_rule("a", None))}, WORDS)
    assert {ruling.mark for entry in group.entries for ruling in entry.rulings} == {"unmeasured"}


def test_facts_stand_in_the_order_of_their_declarations_and_not_in_that_of_the_document() -> None:
    (group,) = groups({"requiretls": _known(True), "starttls_offered": _known(True), "ehlo_keywords": _known([])}, WORDS)
    assert [entry.names[0].key for entry in group.entries] == ["ehlo_keywords", "starttls_offered", "requiretls"]


def test_what_does_not_apply_comes_last() -> None:
    (group,) = groups({"esmtp": {"state": "absent", **TIMES}, "requiretls": _unknown(), "starttls_offered": _known(True)}, WORDS)
    assert [entry.state for entry in group.entries] == ["known", "unknown", "absent"]


def test_a_command_that_shows_several_facts_is_told_once() -> None:
    (group,) = groups({"esmtp": _known(True), "requiretls": _known(True)}, WORDS)
    assert [(shared.text, len(shared.names)) for shared in (*group.commands, *group.evidence)] == [("dig", 2), ("ab", 2)]


def test_facts_are_counted_by_what_is_known_of_them() -> None:
    count = counted({"a": _known(1, _rule("a", False), _rule("b", False)), "b": _unknown(), "c": {"state": "absent"}})
    assert (count.known, count.unknown, count.broken) == (2, 1, 1)


def test_a_part_of_a_fact_counts_as_the_fact() -> None:
    assert [name.key for name in names_of(["negotiated.version", "negotiated.group", "certificates[].key_bits"])] == ["negotiated", "certificates"]
