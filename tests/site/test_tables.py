"""Tables: what stands in a cell is a value, and neither a formula nor a second line."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from mailtls.site.tables import files
from tests.site.sample import publication

MADE = publication()


def read(name: str, made=MADE) -> list[dict[str, str]]:
    text = files(made)[f"api/v1/{name}.csv"].render().decode()
    assert text.count("\r\n") == text.count("\n")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_domain_is_a_row_with_its_verdict_and_grades() -> None:
    rows = {row["domain"]: row for row in read("domains")}
    assert rows.keys() == MADE.domains.keys()
    assert rows["solid.example"]["verdict"] == "protected"
    assert rows["solid.example"]["pledge-2013 level"] == "good"


def test_what_could_not_be_graded_is_empty_and_no_level() -> None:
    rows = {row["domain"]: row for row in read("domains")}
    assert rows["tarpit.example"]["verdict"] == "unknown"
    assert rows["tarpit.example"]["pledge-2013 level"] == ""


def test_an_incident_that_goes_on_has_no_end() -> None:
    assert [bool(row["ended_at"]) for row in read("incidents")] == [False, True, True]


def test_a_trend_says_of_how_many_domains_it_is() -> None:
    row = read("trends")[20]
    assert (row["name"], row["measured"], row["watched"]) == ("starttls", "23", "26")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\t=1", "a\nb", "\x1b[31m"])
def test_a_value_of_a_stranger_is_no_formula_and_one_line(text: str) -> None:
    incident = MADE.incidents[0] | {"after": MADE.incidents[0]["after"] | {"value": text}}
    cell = read("incidents", replace(MADE, incidents=(incident,)))[0]["after"]
    assert cell[0] not in "=+-@\t"
    assert cell.isprintable()
