"""The schemas of what is published: they are schemas, and everything that is published meets them."""

from __future__ import annotations

import json
from copy import deepcopy

import jsonschema
import pytest

from mailtls import facts
from mailtls.publication.domain_schema import plain
from mailtls.publication.schemas import schemas
from tests.site.sample import publication


def check(name: str, document: object) -> None:
    jsonschema.validate(document, schemas()[name], jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("name", schemas())
def test_each_is_a_schema_by_its_dialect(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas()[name])


def test_what_is_published_meets_them() -> None:
    made = publication()
    check("edition", made.edition)
    check("trends", made.trends)
    every = {"provider": made.providers, "incident": made.incidents, "domain": made.domains.values(), "days": made.days.values()}
    for name, several in every.items():
        assert several
        for document in several:
            check(name, document)


def test_a_reading_that_is_unknown_says_why() -> None:
    made = deepcopy(publication().domains["tarpit.example"])
    reading = made["mx"][0]["endpoints"][0]["readings"]["starttls_accepted"]
    assert reading["state"] == "unknown"
    del reading["cause"]
    with pytest.raises(jsonschema.ValidationError):
        check("domain", made)


def test_a_verdict_and_a_cause_are_of_the_closed_sets() -> None:
    made = deepcopy(publication().domains["solid.example"])
    made["verdict"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        check("domain", made)


def test_a_value_is_of_the_shape_that_its_fact_declares() -> None:
    made = deepcopy(publication().domains["solid.example"])
    made["mx"][0]["endpoints"][0]["readings"]["starttls_offered"]["value"] = "yes"
    with pytest.raises(jsonschema.ValidationError):
        check("domain", made)


def test_every_fact_stands_in_the_schema_of_a_domain() -> None:
    written = json.dumps(schemas()["domain"])
    assert [fact.name for fact in facts.ALL if f'"{fact.name}"' not in written] == []


def test_sentences_of_the_documentation_lose_their_links() -> None:
    assert plain("`a`: [causes](verdicts.md#causes).") == "a: causes."
