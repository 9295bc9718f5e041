"""Fuzz target: the reader of SMTP replies, and text for a person made of what was read."""

from __future__ import annotations

from fuzz_seeds import REPLIES
from harmless import is_harmless

from mailtls.readable import readable
from mailtls.smtp.reply import MAX_LINES, MAX_REPLY, Incomplete, Malformed, Parsed, read_reply

COVERS = (read_reply, readable)


def one(data: bytes) -> None:
    """No bytes make it raise; each proper prefix of a reply is incomplete, what is malformed stays so,
    and what a person may see of it is harmless and short."""
    outcome = read_reply(data)
    if isinstance(outcome, Parsed):
        used = len(data) - len(outcome.rest)
        assert used <= MAX_REPLY
        assert len(outcome.reply.lines) <= MAX_LINES
        assert 200 <= outcome.reply.code < 600
        for length in {0, 1, 2, 3, 4, 5, used // 3, used // 2, used - 2, used - 1}:
            assert length < 0 or length >= used or isinstance(read_reply(data[:length]), Incomplete)
        again = read_reply(data[:used] + b"behind")
        assert isinstance(again, Parsed)
        assert (again.reply, again.rest, again.bare_lf) == (outcome.reply, b"behind", outcome.bare_lf)
        assert is_harmless(str(outcome.reply))
        assert all(code.isascii() for code in outcome.reply.enhanced_codes)
    elif isinstance(outcome, Malformed):
        assert is_harmless(outcome.why)
        assert isinstance(read_reply(data + b" \r\n250 done\r\n"), Malformed)
    shown = readable(data, 50)
    assert is_harmless(shown)
    assert len(shown) <= 50 + 30


def seeds() -> list[bytes]:
    return list(REPLIES)
