"""The OpenAPI document: valid, and true of what is served."""

from __future__ import annotations

import jsonschema
from openapi_spec_validator import validate

from mailtls.site.api import files, listings, page
from mailtls.site.openapi import openapi
from mailtls.site.tables import files as tables
from tests.site.sample import publication

MADE = publication()
DOCUMENT = openapi(MADE.edition)


def test_is_valid() -> None:
    validate(DOCUMENT)


def test_every_path_is_served_and_every_file_of_the_api_is_described() -> None:
    named = {"slug": MADE.providers[0]["slug"], "domain": "solid.example", "id": MADE.incidents[0]["id"]}
    served = {*files(MADE, None, stale=False), *tables(MADE)}
    for path in DOCUMENT["paths"]:
        filled = path.format(**named)
        assert f"api/v1{filled}{'' if filled.endswith('.csv') else '.json'}" in served
    groups = {path.split("/")[2].partition(".")[0] for path in served}
    assert groups - {path.split("/")[1].partition(".")[0] for path in DOCUMENT["paths"]} == {"schemas", "openapi"}


def test_answers_are_as_it_says() -> None:
    for name in ("providers", "domains", "incidents"):
        schema = DOCUMENT["paths"][f"/{name}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(page(MADE, listings(MADE)[name], 30, ""), DOCUMENT | schema, jsonschema.Draft202012Validator)


def test_names_the_licence_and_whom_to_write_to() -> None:
    assert DOCUMENT["info"]["license"]["name"] == "CC BY 4.0"
    assert DOCUMENT["info"]["contact"] == {"name": "Example Observatory", "email": "mailtls@example.net"}
