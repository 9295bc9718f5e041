"""The JSON Schema of a published domain, by what ``show/json_keys`` explains of each key and what the facts declare of their values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailtls import facts
from mailtls.facts.declaration import Scope
from mailtls.facts.shapes import Form
from mailtls.model import Cause, Stage, Verdict
from mailtls.publication.schema_forms import digest, listed, made_of, or_null, reference, text, time
from mailtls.show import json_keys

if TYPE_CHECKING:
    from mailtls.facts.shapes import Shape
    from mailtls.publication import Document

_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


_PARTS = {_anchor(part.name): part for part in json_keys.FRAME}


def plain(markdown: str) -> str:
    """Return a sentence of the documentation without its links and marks."""
    return _LINK.sub(r"\1", markdown).replace("`", "")


def _taken(takes: str, says: str) -> Document:
    """Return the schema of what a key takes, as its explanation says."""
    what = takes.partition(", with")[0]
    if what.endswith(" or null"):
        return or_null(_taken(what.removesuffix(" or null").removesuffix(","), says))
    named = next((anchor[1:] for _, anchor in _LINK.findall(says) if anchor[1:] in _PARTS), None)
    described = {"description": plain(says)}
    if what == "list":
        return {"type": "array"} | ({} if named is None else {"items": reference(named)}) | described
    if what == "object":
        if named is None:
            return {"type": "object"} | described
        return ({"type": "object", "additionalProperties": reference(named)} if "By the name" in says else reference(named)) | described
    simple: dict[str, Document] = {
        "1": {"const": 1}, "text": {"type": "string"}, "number": {"type": "number"}, "true or false": {"type": "boolean"},
        "time": {"type": "string", "format": "date-time"}, "list of text": {"type": "array", "items": {"type": "string"}},
        "as the fact says": {},
    }  # fmt: skip
    return simple[what] | described


CLOSED = {
    "verdict": [verdict.value for verdict in Verdict],
    "cause": [cause.value for cause in Cause],
    "stage": [stage.value for stage in Stage],
}


def part(anchor: str) -> Document:
    """Return the schema of an object of the frame."""
    explained = _PARTS[anchor].keys
    keys = {key: _taken(takes, says) for key, (takes, says) in explained.items()}
    for name, known in CLOSED.items():
        if name in keys:
            keys[name] |= {"enum": known}
    may_lack = {key for key, (takes, says) in explained.items() if "--explain" in takes or "only" in says}
    if anchor == "a-finding":  # what could not be settled at all breaks no rule
        may_lack |= {"rule", "level"}
    return {"type": "object", "properties": keys, "required": [key for key in explained if key not in may_lack]}


def _value(shape: Shape) -> Document:
    """Return the schema of a fact's value; a part of it that could not be read is null."""
    if shape.form is Form.LIST:
        return {"type": "array"} | ({} if shape.element is None else {"items": _value(shape.element)})
    if shape.form is Form.OBJECT:
        return {"type": "object", "properties": {name: or_null(_value(part)) for name, part in shape.fields.items()}}
    return {"type": {Form.TRUTH: "boolean", Form.NUMBER: "number", Form.WORD: "string"}[shape.form]}


OF_READINGS = {
    "first_seen": or_null(time("When it was first seen to be as it is, which need not be since when it has been; null where that is not kept.")),
    "last_seen": or_null(time("When it was last seen to be so.")),
    "evidence": or_null(digest("Under which name `mailtls history --evidence` shows the operator what it was read from.")),
    "rules": listed(
        "The rules that it was held against.",
        made_of(
            "A rule.",
            policy=text("The policy."),
            version=text("Of the policy."),
            rule=text("Its name within the policy."),
            met=or_null({"type": "boolean", "description": "Whether it is met; null where that could not be told."}),
        ),
    ),
    "reproduce": or_null(text("A command that shows the same.")),
}
"""What is published with each reading beside its own keys."""


def _reading(value: Document, says: str) -> Document:
    """Return the schema of a reading of a fact."""
    gap = part("a-reading")["properties"]
    known = {"properties": {"state": {"const": "known"}, "value": value}, "required": ["state", "value"]}
    absent = {"properties": {"state": {"const": "absent"}}, "required": ["state"]}
    unknown = {
        "properties": {"state": {"const": "unknown"}} | {key: gap[key] for key in ("cause", "stage", "detail", "seen")},
        "required": ["state", "cause", "stage", "detail", "seen"],
    }
    return {"type": "object", "description": says, "oneOf": [known, absent, unknown], "properties": dict(OF_READINGS)}


def _readings(scope: Scope) -> Document:
    """Return the schema of the readings of a scope: one of each fact, where any could be read."""
    mine = {fact.name: _reading(_value(fact.shape), fact.help) for fact in facts.ALL if fact.scope is scope}
    return {"type": "object", "description": "By the name of the fact.", "properties": mine}


SLUG = text("The provider's name in paths.", pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
FIRST: Document = {"const": 1, "description": "The version of this contract."}


def domain() -> Document:
    """Return the schema."""
    scopes = {"a-domain": Scope.DOMAIN, "an-mx-host": Scope.MX, "an-address": Scope.ENDPOINT}
    parts = {anchor: part(anchor) for anchor in _PARTS if anchor not in ("the-document", "a-reading", "a-loss-that-is-held-back")}
    for anchor, scope in scopes.items():
        parts[anchor]["properties"]["readings"] = _readings(scope)
    whole = parts.pop("a-domain")
    whole["properties"] |= {
        "schema": FIRST,
        "slug": SLUG,
        "vantage": text("Where it was measured from."),
        "incidents": listed("The names of its incidents, the newest first.", {"type": "string"}),
    }
    return whole | {"$defs": parts}
