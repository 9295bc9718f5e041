"""Shapes of values: what a fact's value is made of, so that a policy can name its parts and is told where it names what is not there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mailtls.tls.names import VERSIONS, cipher_suites, group_of, groups, signature_schemes, sslv2_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class Form(StrEnum):
    """The kinds of shapes."""

    TRUTH = "true or false"
    NUMBER = "a number"
    WORD = "text"
    LIST = "a list"
    OBJECT = "an object"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value is made of.

    Args:
        form: which kind it is of.
        words: of text: every word that it can be, asked for when it is needed; ``None`` where it can be any.
        element: of a list: what each of its elements is.
        fields: of an object: what stands under each key.
        null: what ``null`` in its place means; empty where it means that this part could not be read.

    """

    form: Form
    words: Callable[[], Collection[str]] | None = None
    element: Shape | None = None
    fields: Mapping[str, Shape] = field(default_factory=dict)
    null: str = ""

    def __str__(self) -> str:
        """Say it in words, for the documentation."""
        if self.form is Form.LIST and self.element is not None and self.element.form is not Form.WORD:
            return f"list of {self.element}"
        if self.form is Form.OBJECT:
            return f"object: {', '.join(self.fields)}"
        return self.form.value.removeprefix("a ").removeprefix("an ")


TRUTH = Shape(Form.TRUTH)
NUMBER = Shape(Form.NUMBER)
TEXT = Shape(Form.WORD)


def words(*known: str, null: str = "") -> Shape:
    """Return the shape of a text that is one of these."""
    return Shape(Form.WORD, lambda: known, null=null)


def words_of(known: Callable[[], Collection[str]], null: str = "") -> Shape:
    """Return the shape of a text that is one of a registry's names."""
    return Shape(Form.WORD, known, null=null)


def listed(element: Shape) -> Shape:
    """Return the shape of a list."""
    return Shape(Form.LIST, element=element)


def made_of(**fields: Shape) -> Shape:
    """Return the shape of an object with these keys, any of which may be missing."""
    return Shape(Form.OBJECT, fields=fields)


def by_version(shape: Shape) -> Shape:
    """Return the shape of an object that has a key for each version of the protocol."""
    return Shape(Form.OBJECT, fields=dict.fromkeys(VERSIONS, shape))


def _suites() -> Collection[str]:
    return {*cipher_suites().values(), *sslv2_kinds().values()}


VERSION = words(*VERSIONS)
SUITE = words_of(_suites)
PROBLEMS = listed(made_of(code=TEXT, why=TEXT))
"""What is wrong with something: each with a code, and in words."""
GROUPS = listed(words_of(lambda: [group_of(code) for code in groups()]))
SCHEMES = listed(words_of(lambda: signature_schemes().values()))
