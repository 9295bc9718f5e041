"""The OpenAPI document (3.1) of the public API: what can be asked for, and what comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mailtls import __version__
from mailtls.publication.schemas import schemas

if TYPE_CHECKING:
    from mailtls.publication import Document

_LISTS = {"providers": "provider", "domains": "domain", "incidents": "incident"}
_JSON = "application/json"
PAGE = 100
"""How many documents a page of a list has, unless more or fewer are wanted."""
MOST_OF_A_PAGE = 1000


def openapi(edition: Document) -> Document:
    """Return the document.

    Args:
        edition: who publishes what, by which licence.

    """
    licence, publisher = edition["licence"], edition["publisher"]
    paths: Document = {"/edition": _get("Who publishes what, as of when, and by which rules.", "edition")}
    for name in _LISTS:
        paths[f"/{name}"] = _get(f"A page of the {name}, in order.", f"list-of-{name}", _LIMIT, _AFTER, named=f"list{name.title()}")
    paths["/providers/{slug}"] = _get("A provider.", "provider", _in_path("slug", "The provider's name in paths."), may_lack=True)
    paths["/domains/{domain}"] = _get("All that is published of a domain.", "domain", _in_path("domain", _DOMAIN), may_lack=True)
    paths["/days/{domain}"] = _get("What each of the last days was like.", "days", _in_path("domain", _DOMAIN), may_lack=True)
    paths["/incidents/{id}"] = _get("An incident.", "incident", _in_path("id", "Its name."), may_lack=True)
    paths["/trends"] = _get("How many domains have what, day by day.", "trends")
    for name in ("domains", "incidents", "trends"):
        paths[f"/{name}.csv"] = {"get": _operation(f"{name}Table", f"The {name} as a table (RFC 4180), the names of its columns first.", {
            "text/csv": {"schema": {"type": "string"}},
        })}  # fmt: skip
    about: Document = {
        "title": edition["title"],
        "version": "1",
        "summary": "How well the mail of providers is protected on its way, as measured.",
        "description": (
            "Every answer is of one publication; `edition` says of when it is, and a list says so itself. "
            "A reading that is `unknown` could not be measured: it says nothing of the server. "
            "Where the site is served as files, every path but those of tables has `.json` behind it, and lists are whole. "
            "Answers have an ETag; ask with If-None-Match, and not more often than `edition.interval` says."
        ),
        "license": {"name": licence["name"], "url": licence["url"]},
    }
    contact = {"name": publisher["name"]} | {
        {"mailto": "email"}.get(scheme, "url"): address.removeprefix("mailto:")
        for address in (publisher["contact"] or publisher["url"],)
        if address
        for scheme in (address.partition(":")[0],)
    }
    return {
        "openapi": "3.1.0",
        "info": about | {"contact": contact, "x-program": f"mailtls {__version__}"},
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": _components()},
    }


_DOMAIN = "The domain's name, in ASCII (A-labels)."
_LIMIT: Document = {
    "name": "limit", "in": "query", "description": "How many at most.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MOST_OF_A_PAGE, "default": PAGE},
}  # fmt: skip
_AFTER: Document = {
    "name": "after", "in": "query", "description": "What names the last of the page before; `next` of that page has it.",
    "schema": {"type": "string"},
}  # fmt: skip


def _in_path(name: str, says: str) -> Document:
    return {"name": name, "in": "path", "required": True, "description": says, "schema": {"type": "string"}}


def _get(says: str, schema: str, *parameters: Document, named: str = "", may_lack: bool = False) -> Document:
    content = {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"get": _operation(named or f"get{schema.title()}", says, content, parameters, may_lack=may_lack)}


def _operation(name: str, says: str, content: Document, parameters: tuple[Document, ...] = (), *, may_lack: bool = False) -> Document:
    answers: Document = {
        "200": {
            "description": says,
            "headers": {
                "ETag": {"description": "Changes with the content.", "schema": {"type": "string"}},
                "Last-Modified": {"description": "When this was published.", "schema": {"type": "string"}},
            },
            "content": content,
        },
        "304": {"description": "It is as If-None-Match has it."},
        "503": {"description": "Nothing has been published yet.", "headers": {"Retry-After": {"schema": {"type": "integer"}}}},
    }
    if parameters and not may_lack:
        answers["400"] = {"description": "A parameter is wrong.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    if may_lack:
        answers["404"] = {"description": "There is none of that name."}
    return {"operationId": name, "summary": says, "responses": answers} | ({"parameters": list(parameters)} if parameters else {})


def _components() -> Document:
    """Return the schemas as parts of one document: what is defined within one of them is named after it."""
    made: Document = {}
    for name, schema in schemas().items():
        if name == "manifest":
            continue
        parts: dict[str, Any] = {key: value for key, value in schema.items() if key not in ("$schema", "$defs")}
        made[name] = _moved(parts, name)
        made |= {f"{name}-{part}": _moved(inner, name) for part, inner in schema.get("$defs", {}).items()}
    for name, kind in _LISTS.items():
        made[f"list-of-{name}"] = {
            "type": "object",
            "properties": {
                "schema": {"const": 1},
                "as_of": {"type": "string", "format": "date-time", "description": "Nothing in it is of later than this."},
                name: {"type": "array", "items": {"$ref": f"#/components/schemas/{kind}"}},
                "next": {"type": ["string", "null"], "description": "The next page, relative to this one; null after the last."},
            },
            "required": ["schema", "as_of", name, "next"],
        }
    return made


def _moved(schema: Document, name: str) -> Document:
    """Return a schema whose references lead to where the parts of it stand now."""
    moved: Document = json.loads(json.dumps(schema).replace("#/$defs/", f"#/components/schemas/{name}-"))
    return moved
