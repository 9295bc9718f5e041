"""Fuzz target: stapled OCSP responses, and lists of certificate timestamps."""

from __future__ import annotations

from fuzz_seeds import staples, timestamps
from harmless import is_harmless

from mailtls.tls.der import NotDER
from mailtls.tls.staple import MAX_ANSWERS, read_staple
from mailtls.tls.timestamps import MAX_TIMESTAMPS, read_timestamps

COVERS = (read_staple, read_timestamps)


def one(data: bytes) -> None:
    """No bytes make it raise anything but NotDER, what cannot be read has its reason and no answers,
    and what a person may see of it is harmless."""
    staple = read_staple(data)
    assert len(staple.answers) <= MAX_ANSWERS
    assert (staple.outcome == "unreadable") == bool(staple.problem)
    assert staple.outcome == "successful" or not staple.answers
    assert is_harmless(staple.problem)
    assert all(answer.status in ("good", "revoked", "unknown") and answer.this_update.tzinfo for answer in staple.answers)
    try:
        logs = read_timestamps(data)
    except NotDER:
        return
    assert len(logs) <= MAX_TIMESTAMPS
    assert all(len(log) == 64 for log in logs)


def seeds() -> list[bytes]:
    return [*staples(), *timestamps()]
