"""A reply is read the same however its bytes arrive, and nothing from the wire can harm a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.model import Cause
from mailtls.smtp import ehlo, meaning
from mailtls.smtp.reply import Incomplete, Malformed, Parsed, Reply, read_reply

WHOLE = b"250-mx.example\r\n250-PIPELINING\r\n250-starttls extra\r\n250 AUTH=LOGIN\r\n"


def test_a_whole_reply_is_read_with_its_lines() -> None:
    assert read_reply(WHOLE) == Parsed(Reply(250, (b"mx.example", b"PIPELINING", b"starttls extra", b"AUTH=LOGIN")), b"")


def test_every_proper_prefix_is_incomplete() -> None:
    for length in range(len(WHOLE)):
        assert isinstance(read_reply(WHOLE[:length]), Incomplete), WHOLE[:length]


def test_bytes_behind_the_reply_are_kept() -> None:
    outcome = read_reply(WHOLE + b"220 more\r\n")
    assert isinstance(outcome, Parsed)
    assert outcome.rest == b"220 more\r\n"


@pytest.mark.parametrize("wire", [b"HTTP/1.1 2\r\n", b"99 x\r\n", b"25\r\n", b"250-a\r\n251 b\r\n", b"2500\r\n", b"\x00", b"600\r\n", b"250_\r\n"])
def test_what_is_no_reply_is_malformed(wire: bytes) -> None:
    assert isinstance(read_reply(wire), Malformed)


@pytest.mark.parametrize("wire", [b"220 " + b"x" * 5000, b"220-x\r\n" * 300, (b"220-" + b"y" * 4000 + b"\r\n") * 20])
def test_a_reply_beyond_the_caps_is_told_as_such(wire: bytes) -> None:
    outcome = read_reply(wire)
    assert isinstance(outcome, Malformed)
    assert outcome.too_long


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(wire: bytes) -> None:
    read_reply(wire)
    read_reply(b"250-" + wire)


def test_keywords_are_upper_case_and_without_parameters() -> None:
    outcome = read_reply(WHOLE)
    assert isinstance(outcome, Parsed)
    assert ehlo.keywords(outcome.reply) == ("PIPELINING", "STARTTLS", "AUTH")
    assert ehlo.offers_starttls(outcome.reply)


@pytest.mark.parametrize(
    ("wire", "cause"),
    [
        (b"421 x", Cause.RATE_LIMITED), (b"450 x", Cause.DEFERRED), (b"554 5.7.1 x", Cause.BLOCKED), (b"550 x", Cause.BLOCKED),
        (b"501 5.7.1 x", Cause.BLOCKED), (b"503 5.5.1 x", Cause.PROTOCOL_ERROR), (b"220 x", Cause.PROTOCOL_ERROR),
    ],
)  # fmt: skip
def test_a_refusal_is_about_us_and_never_about_tls(wire: bytes, cause: Cause) -> None:
    outcome = read_reply(wire + b"\r\n")
    assert isinstance(outcome, Parsed)
    assert meaning.why_refused(outcome.reply) is cause
