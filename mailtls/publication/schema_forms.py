"""The forms of which the schemas of documents are put together, each with what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mailtls.publication import Document

_HASH = "^[0-9a-f]{64}$"


def text(says: str, **more: Any) -> Document:
    """Return the schema of a text."""
    return {"type": "string", "description": says, **more}


def word(says: str, *known: str) -> Document:
    """Return the schema of a text that is one of these."""
    return text(says, enum=list(known))


def time(says: str) -> Document:
    """Return the schema of a time (RFC 3339)."""
    return text(says, format="date-time")


def day(says: str) -> Document:
    """Return the schema of a date."""
    return text(says, format="date")


def count(says: str, least: int = 0) -> Document:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, "description": says}


def digest(says: str) -> Document:
    """Return the schema of a SHA-256, in lower-case hex."""
    return text(says, pattern=_HASH)


def listed(says: str, each: Document) -> Document:
    """Return the schema of a list."""
    return {"type": "array", "items": each, "description": says}


def by_name(says: str, each: Document) -> Document:
    """Return the schema of an object whose keys are names."""
    return {"type": "object", "additionalProperties": each, "description": says}


def or_null(what: Document) -> Document:
    """Return a schema that takes null as well."""
    says = what.get("description")
    plain = {key: value for key, value in what.items() if key != "description"}
    return {"anyOf": [plain, {"type": "null"}]} | ({} if says is None else {"description": says})


def made_of(says: str, *optional: str, **keys: Document) -> Document:
    """Return the schema of an object that has all of these keys, but may lack the optional ones."""
    return {"type": "object", "description": says, "properties": keys, "required": [key for key in keys if key not in optional]}


def reference(name: str) -> Document:
    """Return a reference to what is defined within the same schema."""
    return {"$ref": f"#/$defs/{name}"}
