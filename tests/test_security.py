"""SECURITY.md names every bound, with the value that it has."""

from __future__ import annotations

import importlib
import pkgutil
import re
from datetime import timedelta
from pathlib import Path

import pytest

import mailtls
from mailtls.config import Configuration
from mailtls.remembering import Remembered

TEXT = Path(__file__).parent.parent.joinpath("SECURITY.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| ([0-9][0-9,.]*)(?: [a-z]+)? \| `([A-Za-z0-9_.]+)` \|$", TEXT, re.MULTILINE)
BOUND = re.compile(r"_?(MAX|MOST|LONGEST|LARGEST)(_[A-Z_]+)?")  # as CONTRIBUTING.md wants them named
OURS_ALONE = {
    "config.yamlfile.MAX_FILE", "config.policyfile._MOST_BASES", "yamltext.MAX_DEPTH",  # the operator's own files
    "publication.statements.MOST_STATEMENTS", "publication.statements.MAX_STATEMENT", "publication.statements.MAX_CORRECTIONS",
    "publication.statements.LONGEST_NAME", "publication.providers.LONGEST_SLUG",  # the operator's own files, too
    "publication.signing._LARGEST",  # his key
    "commands.accept._LONGEST",  # what the operator types
    "budget._MOST_STRIKES", "tracking.agenda._MOST_TAKEN_OVER", "tracking.agenda._LONGEST_SILENCE", "tracking.agenda._LONGEST_NAME",
    "jobs.rounds._MOST_AGAIN", "rounds._MOST_AGAIN", "store.outbox._LONGEST_WAIT",  # how we share our own work
    "tracking.sts.MAX_AGE_SHRUNK",  # a name
    "web._LONGEST_PATIENCE",  # of who scrapes
    "tls.knowledge._MAX_GUESSES",  # how cleverly we ask
    "trust.mta_sts.LONGEST_LIFE",  # RFC 8461 section 3.2, not ours
}  # fmt: skip
"""Bounds of what is no stranger's, each with the reason."""


def modules() -> list[str]:
    found = pkgutil.walk_packages(mailtls.__path__, "mailtls.")
    return [each.name for each in found if not re.match(r"mailtls\.(lab|store\.migrations|__main__)", each.name)]


def remembered() -> int:
    """Return how many octets the results that are remembered may have, all together."""
    every = [value for name in modules() for value in vars(importlib.import_module(name)).values() if isinstance(value, Remembered)]
    return sum(each.bound for each in {id(each): each for each in every}.values())


def value_of(where: str) -> float:
    """Return the value of a constant below ``mailtls``, or the default of a key of the configuration, in seconds where it is a time."""
    if where == "remembering":
        return remembered()
    place, _, name = where.rpartition(".")
    value = getattr(importlib.import_module(f"mailtls.{place}") if name.isupper() else getattr(Configuration(), place), name)
    value = value.total_seconds() if isinstance(value, timedelta) else value
    return int(value) if value == int(value) else value


@pytest.mark.parametrize(("what", "number", "where"), ROWS, ids=[where for *_, where in ROWS])
def test_a_bound_has_the_value_that_is_told(what: str, number: str, where: str) -> None:
    assert float(number.replace(",", "")) == value_of(where), what


def test_the_large_numbers_of_the_text_before_the_table_are_those_of_bounds() -> None:
    told = re.findall(r"[0-9]{1,3}(?:,[0-9]{3})+", TEXT.partition("## Bounds")[0])
    assert told
    assert set(told) - {number for _, number, _ in ROWS} == set()


def test_the_table_names_every_bound_that_there_is() -> None:
    told = {where for *_, where in ROWS}
    assert len(told) == len(ROWS) > 50
    there = set()
    for name in modules():
        source = Path(importlib.import_module(name).__file__ or "").read_text("utf-8")
        named = {found for line in source.splitlines() if (found := line.partition(" = ")[0]) != line and BOUND.fullmatch(found)}
        there |= {f"{name.removeprefix('mailtls.')}.{found}" for found in named}
    assert there - told - OURS_ALONE == set()
    assert there >= OURS_ALONE


def test_bounds_in_the_threat_model_are_those_of_the_table() -> None:
    """Every large number in the text above the table stands in it."""
    above = TEXT.partition("## Bounds")[0]
    numbers = {float(number.replace(",", "")) for _, number, _ in ROWS}
    assert {number for number in re.findall(r"[0-9]{1,3}(?:,[0-9]{3})+", above) if float(number.replace(",", "")) not in numbers} == set()
