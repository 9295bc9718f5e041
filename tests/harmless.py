"""What text made of a stranger's bytes may not contain."""

from __future__ import annotations

import unicodedata

_REORDER = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_harmless(text: str) -> bool:
    """Whether nothing in it controls a terminal, ends a line, or reorders what stands around it."""
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(c) in _REORDER for c in text)
