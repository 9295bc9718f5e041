"""A page as a reader meets it: its elements and its text, read by a parser and not by patterns."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}


@dataclass
class Element:
    """An element of a page."""

    name: str
    attributes: dict[str, str]
    parts: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text within, with single spaces."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for part in self.parts:
            if isinstance(part, str):
                yield part
            else:
                yield from part._texts()
                yield " " if part.name in {"td", "th", "tr", "p", "li", "dt", "dd", "title", "desc", "h1", "h2", "h3", "h4", "summary"} else ""

    def all(self, *names: str, **having: str) -> list[Element]:
        """Return the elements within that are called so, in their order, and have these attributes (``class_`` holds a class)."""
        found = []
        for part in self.parts:
            if isinstance(part, Element):
                if (not names or part.name in names) and all(part._has(key, value) for key, value in having.items()):
                    found.append(part)
                found += part.all(*names, **having)
        return found

    def one(self, *names: str, **having: str) -> Element:
        """Return the only one of them."""
        (found,) = self.all(*names, **having)
        return found

    def _has(self, key: str, value: str) -> bool:
        if key == "class_":
            return value in self.attributes.get("class", "").split()
        return self.attributes.get(key.replace("_", "-")) == value


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].parts.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].parts.append(Element(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> ends <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read(page: bytes) -> Element:
    """Return a page as its elements. Each end tag must end what was opened last."""
    reader = _Reader()
    reader.feed(page.decode("utf-8"))
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].name}> has no end"
    return reader.open[0]
