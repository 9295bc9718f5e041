"""Text made of the wire is harmless wherever it is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailtls.readable import readable


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_readable_text_has_no_character_that_controls_a_terminal(wire: bytes | str) -> None:
    shown = readable(wire)
    assert "\x1b" not in shown
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066" for c in shown)
