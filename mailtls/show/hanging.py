"""Lines of markup that are longer than a terminal is wide, broken between words, and indented where they go on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

_INDENT = 2
_LEAST = 20
_SHEET = Console(file=io.StringIO(), width=80)  # rich wraps for a console; this one is never written to


def hanging(line: str, width: int, indent: int = _INDENT) -> Iterator[Text]:
    """Yield a line in as many as it takes; a word that is longer than a whole line is broken, and no other.

    Args:
        line: in rich's markup.
        width: of the terminal, in columns.
        indent: columns by which what follows stands further in than the first line; too much for the width is made less.

    """
    text = Text.from_markup(line, emoji=False)
    ahead = len(text.plain) - len(text.plain.lstrip(" "))
    if text.cell_len <= width or width - ahead < _LEAST:
        yield text
        return
    body = text[ahead:]
    deeper = indent if width - ahead - indent >= _LEAST else _INDENT
    first, *_ = body.wrap(_SHEET, width - ahead, overflow="fold")
    yield Text(" " * ahead).append_text(_trimmed(first))
    rest = body[len(first.plain) :]
    rest = rest[len(rest.plain) - len(rest.plain.lstrip(" ")) :]
    for more in rest.wrap(_SHEET, width - ahead - deeper, overflow="fold") if rest.plain else ():
        yield Text(" " * (ahead + deeper)).append_text(_trimmed(more))


def _trimmed(text: Text) -> Text:
    text.rstrip()
    return text
