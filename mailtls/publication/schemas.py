"""JSON Schemas (2020-12) of all published documents.

Those of domains follow from what ``show/json_keys`` and the declarations of the facts say of each key, so that documentation and schema cannot
differ; the rest is declared here, and docs/json.md is made of it. A document may have further keys: within a released version some are added.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from mailtls import facts
from mailtls.facts.declaration import Scope
from mailtls.facts.shapes import Form
from mailtls.model import Cause, Level, Stage, Verdict
from mailtls.show import json_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.facts.shapes import Shape
    from mailtls.publication import Document

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MARKS = ("has", "less", "lacks", "none", "unmeasured", "unwatched")
DIRECTIONS = ("better", "same", "worse", "mixed", "unknown")
SERIES = ("starttls", "tls13", "forward_secrecy", "dane", "mta_sts", "post_quantum")

_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
_HASH = "^[0-9a-f]{64}$"


def _text(says: str, **more: Any) -> Document:
    return {"type": "string", "description": says, **more}


def _word(says: str, *known: str) -> Document:
    return _text(says, enum=list(known))


def _time(says: str) -> Document:
    return _text(says, format="date-time")


def _day(says: str) -> Document:
    return _text(says, format="date")


def _count(says: str, least: int = 0) -> Document:
    return {"type": "integer", "minimum": least, "description": says}


def _hash(says: str) -> Document:
    return _text(says, pattern=_HASH)


def _list(says: str, each: Document) -> Document:
    return {"type": "array", "items": each, "description": says}


def _by(says: str, each: Document) -> Document:
    return {"type": "object", "additionalProperties": each, "description": says}


def _or_null(what: Document) -> Document:
    """Return a schema that takes null as well."""
    says = what.get("description")
    plain = {key: value for key, value in what.items() if key != "description"}
    return {"anyOf": [plain, {"type": "null"}]} | ({} if says is None else {"description": says})


def _object(says: str, *optional: str, **keys: Document) -> Document:
    """Return the schema of an object that has all of these keys, but may lack the optional ones."""
    return {"type": "object", "description": says, "properties": keys, "required": [key for key in keys if key not in optional]}


def _ref(name: str) -> Document:
    return {"$ref": f"#/$defs/{name}"}


# What is said of a domain: by the keys that are explained, and the declarations.


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
        return _or_null(_taken(what.removesuffix(" or null").removesuffix(","), says))
    named = next((anchor[1:] for _, anchor in _LINK.findall(says) if anchor[1:] in _PARTS), None)
    described = {"description": plain(says)}
    if what == "list":
        return {"type": "array"} | ({} if named is None else {"items": _ref(named)}) | described
    if what == "object":
        if named is None:
            return {"type": "object"} | described
        return ({"type": "object", "additionalProperties": _ref(named)} if "By the name" in says else _ref(named)) | described
    simple: dict[str, Document] = {
        "1": {"const": 1}, "text": {"type": "string"}, "number": {"type": "number"}, "true or false": {"type": "boolean"},
        "time": {"type": "string", "format": "date-time"}, "list of text": {"type": "array", "items": {"type": "string"}},
        "as the fact says": {},
    }  # fmt: skip
    return simple[what] | described


_CLOSED = {
    "verdict": [verdict.value for verdict in Verdict],
    "cause": [cause.value for cause in Cause],
    "stage": [stage.value for stage in Stage],
}


def _part(anchor: str) -> Document:
    """Return the schema of an object of the frame."""
    part = _PARTS[anchor]
    keys = {key: _taken(takes, says) for key, (takes, says) in part.keys.items()}
    for name, known in _CLOSED.items():
        if name in keys:
            keys[name] |= {"enum": known}
    may_lack = {key for key, (takes, says) in part.keys.items() if "--explain" in takes or "only" in says}
    if anchor == "a-finding":  # what could not be settled at all breaks no rule
        may_lack |= {"rule", "level"}
    return {"type": "object", "properties": keys, "required": [key for key in part.keys if key not in may_lack]}


def _value(shape: Shape) -> Document:
    """Return the schema of a fact's value; a part of it that could not be read is null."""
    if shape.form is Form.LIST:
        return {"type": "array"} | ({} if shape.element is None else {"items": _value(shape.element)})
    if shape.form is Form.OBJECT:
        return {"type": "object", "properties": {name: _or_null(_value(part)) for name, part in shape.fields.items()}}
    return {"type": {Form.TRUTH: "boolean", Form.NUMBER: "number", Form.WORD: "string"}[shape.form]}


OF_READINGS = {
    "first_seen": _or_null(_time("Since when it has been as it is, as far as is known; null where nothing is.")),
    "last_seen": _or_null(_time("When it was last seen to be so.")),
    "evidence": _or_null(_hash("Under which name `mailtls history --evidence` shows the operator what it was read from.")),
    "rules": _list(
        "The rules that it was held against.",
        _object(
            "A rule.",
            policy=_text("The policy."),
            version=_text("Of the policy."),
            rule=_text("Its name within the policy."),
            met=_or_null({"type": "boolean", "description": "Whether it is met; null where that could not be told."}),
        ),
    ),
    "reproduce": _or_null(_text("A command that shows the same.")),
}
"""What is published with each reading beside its own keys."""


def _reading(value: Document, says: str) -> Document:
    """Return the schema of a reading of a fact."""
    gap = _part("a-reading")["properties"]
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


_SLUG = _text("The provider's name in paths.", pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
_LEVEL = _word("The worst level that was measured; null where the evidence is incomplete.", *(level.value for level in Level))
_CONTACT = _or_null(_text("Whom to write to, `mailto:` or `https:`."))
_VERDICTS = _by("By verdict, how many domains.", {"type": "integer", "minimum": 0})
_SCHEMA: Document = {"const": 1, "description": "The version of this contract."}


def _domain() -> Document:
    scopes = {"a-domain": Scope.DOMAIN, "an-mx-host": Scope.MX, "an-address": Scope.ENDPOINT}
    parts = {anchor: _part(anchor) for anchor in _PARTS if anchor not in ("the-document", "a-reading", "a-loss-that-is-held-back")}
    for anchor, scope in scopes.items():
        parts[anchor]["properties"]["readings"] = _readings(scope)
    whole = parts.pop("a-domain")
    whole["properties"] |= {
        "schema": _SCHEMA,
        "slug": _SLUG,
        "vantage": _text("Where it was measured from."),
        "incidents": _list("The names of its incidents, the newest first.", {"type": "string"}),
    }
    return whole | {"$defs": parts}


def _edition() -> Document:
    return _object(
        "Who publishes what, as of when, and by which rules.",
        schema=_SCHEMA,
        title=_text("Of the site."),
        publisher=_object(
            "Who measures and publishes.", name=_text("The name."), contact=_CONTACT, url=_or_null(_text("A page about the publisher."))
        ),
        licence=_object("Of the published data.", name=_text("Its name."), url=_text("Its text.")),
        as_of=_time("Nothing in the publication is of later than this."),
        stale_after=_count("After how many seconds from then it is out of date."),
        interval=_count("How many seconds are meant to lie between two publications."),
        program=_text("What measured: name and version."),
        vantage=_text("Where it was measured from."),
        vantages=_list("All places that have a say in what is confirmed.", {"type": "string"}),
        policies=_list(
            "By which grades are given.",
            _object("A policy.", name=_text("Its name."), version=_text("Its version."), title=_text("What it is.")),
        ),
        external_url=_or_null(_text("Where the site is found.")),
        counts=_object(
            "How many there are.",
            providers=_count("Providers."),
            domains=_count("Domains."),
            waiting=_count("Domains that have not been looked at yet, and are not among the others."),
            verdicts=_VERDICTS,
        ),
        blind={"type": "boolean", "description": "Whether this vantage could not measure at that time."},
        corrections=_list(
            "What was said wrongly in earlier snapshots, which stay as they are.",
            _object(
                "A correction.",
                at=_time("When it was made."),
                snapshot=_or_null(_count("The first snapshot that is wrong.", 1)),
                subject=_text("Of which domain or provider."),
                text=_text("What is true."),
            ),
        ),
    )


def _provider() -> Document:
    return _object(
        "A provider, and its domains.",
        schema=_SCHEMA,
        provider=_text("Its name."),
        slug=_SLUG,
        domains=_list(
            "Its domains.",
            _object(
                "A domain in brief.",
                domain=_text("Its name, in ASCII (A-labels)."),
                verdict=_word("The verdict.", *_CLOSED["verdict"]),
                measured_at=_or_null(_time("When it was last looked at.")),
                grades=_by("By policy.", _or_null(_LEVEL)),
                regressions=_count("How many regressions are open."),
            ),
        ),
        verdicts=_VERDICTS,
        grades=_by(
            "By policy.",
            _object(
                "How well its domains meet it.",
                version=_text("Of the policy."),
                level=_or_null(_LEVEL),
                levels=_by("By level, how many domains.", {"type": "integer", "minimum": 0}),
                ungraded=_count("How many domains could not be graded."),
            ),
        ),
        trend=_object(
            "What became of it over the days that are published.",
            direction=_word("Which way it went.", *DIRECTIONS),
            since=_day("The first of these days."),
            lost=_list("The checks that became weaker.", {"type": "string"}),
            gained=_list("The checks that became stronger.", {"type": "string"}),
        ),
        measured_at=_or_null(_time("When the domain of it was looked at that has waited longest.")),
    )


def _days() -> Document:
    return _object(
        "What each of the last days was like, for a domain and each check of it.",
        schema=_SCHEMA,
        domain=_text("Its name, in ASCII (A-labels)."),
        first=_day("The first day (UTC)."),
        last=_day("The last day; it need not be over."),
        watched_since=_or_null(_day("Since when it has been watched.")),
        rows=_list(
            "The verdict, then one for each check that ever applied.",
            _object(
                "A check.",
                check=_text("`verdict`, or the name of the check."),
                runs=_list(
                    "Days that were alike, one after the other, without a gap.",
                    _object(
                        "Such days.",
                        **{
                            "from": _day("The first of them."),
                            "to": _day("The last of them."),
                            "mark": _word(
                                "`has`: measured, and there; `less`: measured, and weaker than it was, or degraded; `lacks`: measured, and "
                                "not there; `none`: measured, and does not apply; `unmeasured`: looked at, and nothing could be measured; "
                                "`unwatched`: not looked at yet.",
                                *MARKS,
                            ),
                            "shown": _text("The value in words; for `unmeasured`, why."),
                        },
                    ),
                ),
            ),
        ),
    )


def _incident() -> Document:
    sighting = _object(
        "What was seen.", value=_text("In words."), at=_time("When."), evidence=_or_null(_hash("What it was read from, as the operator keeps it."))
    )
    told = _part("a-regression")["properties"]
    kept = [key for key in told if key not in ("id", "domain", "before", "after")]
    return _object(
        "Something that was confirmed to have become weaker, and what became of it.",
        schema=_SCHEMA,
        id=_text("A name of its own, for good."),
        providers=_list("Whose domains it concerns.", {"type": "string"}),
        domains=_list("Which domains it concerns.", {"type": "string"}),
        before=sighting,
        after=sighting,
        reproduce=_or_null(_text("A command that shows whether it is still so.")),
        statements=_list(
            "What was said of it by those concerned, in their own words.",
            _object(
                "A statement.",
                by=_word("Who speaks.", "operator", "partner"),
                name=_text("In whose name."),
                at=_time("When."),
                markdown=_text("Their words (CommonMark, without HTML)."),
            ),
        ),
        **{key: told[key] for key in kept},
    )


def _trends() -> Document:
    day = {
        "type": "array",
        "prefixItems": [
            _day("The day (UTC)."),
            _count("How many domains have it."),
            _count("Of how many that could be measured that day."),
            _count("Of how many that were watched."),
        ],
        "minItems": 4,
        "maxItems": 4,
    }
    return _object(
        "How many domains have what, day by day.",
        schema=_SCHEMA,
        first=_day("The first day."),
        last=_day("The last day; it need not be over."),
        series=_list("One for each protection.", _object("A protection.", name=_word("Which.", *SERIES), days=_list("Each day.", day))),
    )


def _manifest() -> Document:
    names = ("edition", "providers", "domains", "days", "incidents", "trends", "times")
    return _object(
        "A snapshot: what was published together, by the SHA-256 of its parts, and what came before it.",
        "key",
        schema=_SCHEMA,
        number=_count("Its place in the chain.", 1),
        as_of=_time("Nothing in it is of later than this."),
        published_at=_time("When it was sealed."),
        program=_text("What measured: name and version."),
        policies=_by("By name, the version.", {"type": "string"}),
        vantage=_text("Where it was measured from."),
        licence=_text("Of the data."),
        previous=_or_null(_hash("SHA-256 of the manifest before this; null for the first.")),
        objects=_object("SHA-256 of each part's octets.", **{name: _hash(f"Of the {name}.") for name in names}),
        key=_or_null(
            _text("The public key that signs the next one: `SubjectPublicKeyInfo` in base64, which is what stands within PEM; null for none.")
        ),
    )


@cache
def schemas() -> Mapping[str, Document]:
    """Return the schemas by name."""
    made = {
        "edition": _edition(), "provider": _provider(), "domain": _domain(), "days": _days(), "incident": _incident(), "trends": _trends(),
        "manifest": _manifest(),
    }  # fmt: skip
    return {name: {"$schema": DIALECT, "title": name, **schema} for name, schema in made.items()}
