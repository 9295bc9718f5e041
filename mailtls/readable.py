"""Bytes of the wire as text that is safe to show: nothing of theirs can forge a line, a colour or an order of reading."""

from __future__ import annotations

import re

_ESCAPED = re.compile("[\udc80-\udcff]")
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def readable(wire: bytes | str, limit: int = 400) -> str:
    r"""Return bytes of the wire, or text made of them, as text that is safe in any log or terminal.

    Bytes that are not UTF-8, control characters and characters that reorder text are shown as ``\xNN`` or ``\uNNNN``;
    a backslash is doubled, so that nothing can be forged. What exceeds ``limit`` characters is cut and said to be.
    """
    if isinstance(wire, str):
        wire = wire.encode("utf-8", "surrogateescape" if _ESCAPED.search(wire) and not _LONE.search(wire) else "backslashreplace")
    text = wire[: limit * 4].replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    text = _CONTROL.sub(_escape, text)
    if len(text) > limit or len(wire) > limit * 4:
        return f"{text[:limit]}... ({len(wire)} octets)"
    return text


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == 0x0A:
        return "\\n"
    if code == 0x0D:
        return "\\r"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
