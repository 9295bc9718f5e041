"""Replies (RFC 5321 section 4.2): bytes in, a reply or the reason why it is none out.

The reader is lenient about what changes no meaning (bare LF, missing text, bytes that are not UTF-8) and strict about what does
(a code that is not three digits, a code that changes between the lines of one reply).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailtls.readable import readable

MAX_LINE = 4096
"""Octets. RFC 5321 section 4.5.3.1.5 allows 512; real servers exceed it eightfold at most."""
MAX_LINES = 200
"""Lines of one reply. The longest EHLO replies seen have about thirty."""
MAX_REPLY = 32_768
"""Octets of one reply."""

_CODE = re.compile(rb"([2-5][0-9]{2})([ -]|$)")
_BEGINNING = re.compile(rb"(?s:|[2-5]|[2-5][0-9]|[2-5][0-9]{2}(?:\r|[ -].*)?)")
_ENHANCED = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply: its code and the text of each line, without codes and line ends."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def enhanced_codes(self) -> tuple[str, ...]:
        """The enhanced status codes (RFC 3463), e.g. ``4.7.0``, at the head of its lines; some servers have theirs on a later one."""
        return tuple(code for line in self.lines if (code := _enhanced(line)) is not None)

    def __str__(self) -> str:
        first = readable(self.lines[0])
        more = f" (+{len(self.lines) - 1} lines)" if len(self.lines) > 1 else ""
        return f"{self.code} {first}{more}" if first else f"{self.code}{more}"


def _enhanced(line: bytes) -> str | None:
    match = _ENHANCED.match(line[:16].decode("latin-1"))
    return None if match is None else f"{match[1]}.{int(match[2])}.{int(match[3])}"


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The bytes so far are the beginning of a reply; ``lines`` of it are complete."""

    lines: int


@dataclass(frozen=True, slots=True)
class Malformed:
    """The bytes are no reply, and no more bytes can make them one."""

    why: str
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """A reply, and the bytes behind it: a server that obeys the protocol sends none."""

    reply: Reply
    rest: bytes
    bare_lf: bool = False


def read_reply(wire: bytes) -> Parsed | Incomplete | Malformed:
    """Read one reply from the head of ``wire``.

    The answer does not depend on how the bytes were cut into segments: whatever this returns for a whole reply, it returns
    ``Incomplete`` for each of its proper prefixes.
    """
    lines: list[bytes] = []
    code: bytes | None = None
    offset = 0
    bare_lf = False
    while True:
        end = wire.find(b"\n", offset)
        if end < 0:
            if len(wire) - offset > MAX_LINE:
                return Malformed(f"a line of more than {MAX_LINE} octets", too_long=True)
            if len(wire) > MAX_REPLY:
                return Malformed(f"a reply of more than {MAX_REPLY} octets", too_long=True)
            if _BEGINNING.fullmatch(wire, offset) is None:
                return Malformed(f"not an SMTP reply: '{readable(wire[offset:], 120)}'")
            return Incomplete(len(lines))
        if end - offset > MAX_LINE:
            return Malformed(f"a line of more than {MAX_LINE} octets", too_long=True)
        if end >= MAX_REPLY:
            return Malformed(f"a reply of more than {MAX_REPLY} octets", too_long=True)
        line = wire[offset:end]
        offset = end + 1
        if line.endswith(b"\r"):
            line = line[:-1]
        else:
            bare_lf = True
        match = _CODE.match(line)
        if match is None:
            return Malformed(f"not an SMTP reply: '{readable(line, 120)}'")
        if code is not None and match[1] != code:
            return Malformed(f"the code changes within one reply, from {code.decode()} to {match[1].decode()}")
        code = match[1]
        lines.append(line[4:])
        if match[2] != b"-":
            return Parsed(Reply(int(code), tuple(lines)), wire[offset:], bare_lf)
        if len(lines) >= MAX_LINES:
            return Malformed(f"a reply of more than {MAX_LINES} lines", too_long=True)
