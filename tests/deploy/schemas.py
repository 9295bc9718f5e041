"""Schemas by which others judge our files, out of packages that only bring them along: they are read, and nothing of theirs is run."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastjsonschema

if TYPE_CHECKING:
    from collections.abc import Callable

KUBERNETES = ("1.29", "1.37")
"""Between which versions of Kubernetes our files are held to be right: the oldest and the newest are tried."""


def compose() -> Callable[[Any], object]:
    """Return what judges a Compose file: the Compose Specification's schema (Apache-2.0), as the package check-jsonschema has it."""
    schema = _read("check-jsonschema", "check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    for each in schema["$defs"].values():
        if each.get("unevaluatedProperties") is False:  # which fastjsonschema does not know; this says the same of objects
            each["propertyNames"] = {"anyOf": [{"enum": sorted(_properties(each, schema["$defs"]))}, {"pattern": "^x-"}]}
    return fastjsonschema.compile(schema)


def kubernetes(document: dict[str, Any], version: str) -> None:
    """Judge one object of Kubernetes, by its own strict schemas (Apache-2.0), as the package kubernetes-validate has them."""
    place = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict"
    group, _, release = document["apiVersion"].rpartition("/")
    name = "-".join(part for part in (document["kind"].lower(), group.split(".")[0], release) if part)
    schema = _read("kubernetes-validate", f"{place}/{name}.json")
    known = _read("kubernetes-validate", f"{place}/_definitions.json")["$defs"]
    fastjsonschema.validate({**schema, "definitions": _reached(schema, known)}, document)


def _properties(schema: dict[str, Any], known: dict[str, Any]) -> set[str]:
    """Return the names of properties that a schema speaks of, itself or by those that it consists of."""
    parts = [known[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in schema.get("allOf", [])]
    return set(schema.get("properties", {})).union(*(_properties(part, known) for part in parts))


def _reached(schema: Any, known: dict[str, Any]) -> dict[str, Any]:
    """Return those of the definitions to which a schema leads, and have its references lead there."""
    found: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            target = each.get("$ref")
            if isinstance(target, str):
                name = target.rpartition("/")[2]
                each["$ref"] = f"#/definitions/{name}"
                if name not in found:
                    found[name] = known[name]
                    waiting.append(known[name])
            waiting += each.values()
    return found


def _read(package: str, path: str) -> Any:
    return json.loads(Path(str(distribution(package).locate_file(path))).read_text("utf-8"))
