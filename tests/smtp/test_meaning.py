"""What a reply means: what speaks of us or of the moment says nothing of TLS."""

from __future__ import annotations

import pytest

from mailtls.model import Cause
from mailtls.smtp.meaning import asks_for_helo, is_decoy, starttls_failed, why_refused
from mailtls.smtp.reply import Parsed, Reply, read_reply


def reply(*lines: str) -> Reply:
    outcome = read_reply("".join(f"{line}\r\n" for line in lines).encode())
    assert isinstance(outcome, Parsed)
    return outcome.reply


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("421 4.7.0 busy", Cause.RATE_LIMITED), ("450 4.7.1 greylisted", Cause.DEFERRED), ("554 4.3.2 later", Cause.DEFERRED),
        ("554 5.7.1 blocked", Cause.BLOCKED), ("521 no mail here", Cause.BLOCKED), ("500 5.5.1 what", Cause.PROTOCOL_ERROR),
        ("220 ready", Cause.PROTOCOL_ERROR),
    ],
)  # fmt: skip
def test_a_refusal_has_its_cause(line: str, cause: Cause) -> None:
    assert why_refused(reply(line)) is cause


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("500 unknown", True), ("502 5.5.1 no", True), ("504 no", True), ("550 no", False), ("421 no", False),
        ("501 5.7.1 bad name", False), ("501 your host has no PTR", False), ("502 4.3.0 later", False),
    ],
)  # fmt: skip
def test_helo_is_asked_for_by_who_does_not_know_ehlo_and_not_by_who_dislikes_us(line: str, asks: bool) -> None:
    assert asks_for_helo(reply(line)) is asks


@pytest.mark.parametrize(
    ("line", "failed"),
    [
        ("454 4.7.0 TLS not available", True), ("454 too many connections", False), ("454 4.7.1 not you", False), ("503 no", True),
        ("500 4.3.0 later", False), ("554 5.7.3 cannot initialize security", True), ("554 5.7.1 rejected", False), ("554 no", False),
        ("450 no", False), ("421 no", False),
    ],
)  # fmt: skip
def test_starttls_fails_of_itself_only_where_neither_we_nor_the_moment_are_spoken_of(line: str, failed: bool) -> None:
    assert starttls_failed(reply(line)) is failed


def test_a_decoy_is_known_by_its_words_on_any_line() -> None:
    assert is_decoy(reply("250-mx", "250 Hello, spam sender. Pleased to be wasting your time."))
    assert not is_decoy(reply("250-mx", "250 Hello"))
