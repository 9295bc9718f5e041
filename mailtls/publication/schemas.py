"""JSON Schemas (2020-12) of all published documents.

Those of domains follow from what ``show/json_keys`` and the declarations of the facts say of each key, so that documentation and schema cannot
differ; the rest is declared here, and docs/json.md is made of it. A document may have further keys: within a released version some are added.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mailtls.model import Level
from mailtls.publication.domain_schema import CLOSED, FIRST, SLUG, domain, part
from mailtls.publication.schema_forms import by_name, count, day, digest, listed, made_of, or_null, text, time, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.publication import Document

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MARKS = ("has", "less", "lacks", "none", "unmeasured", "unwatched")
DIRECTIONS = ("better", "same", "worse", "mixed", "unknown")
SERIES = ("starttls", "tls13", "forward_secrecy", "dane", "mta_sts", "post_quantum")

_LEVEL = word("The worst level that was measured; null where the evidence is incomplete.", *(level.value for level in Level))
_CONTACT = or_null(text("Whom to write to, `mailto:` or `https:`."))
_VERDICTS = by_name("By verdict, how many domains.", {"type": "integer", "minimum": 0})


def _edition() -> Document:
    return made_of(
        "Who publishes what, as of when, and by which rules.",
        schema=FIRST,
        title=text("Of the site."),
        publisher=made_of(
            "Who measures and publishes.", name=text("The name."), contact=_CONTACT, url=or_null(text("A page about the publisher."))
        ),
        licence=made_of("Of the published data.", name=text("Its name."), url=text("Its text.")),
        as_of=time("Nothing in the publication is of later than this."),
        stale_after=count("After how many seconds from then it is out of date."),
        interval=count("How many seconds are meant to lie between two publications."),
        program=text("What measured: name and version."),
        vantage=text("Where it was measured from."),
        vantages=listed("All places that have a say in what is confirmed.", {"type": "string"}),
        policies=listed(
            "By which grades are given.",
            made_of("A policy.", name=text("Its name."), version=text("Its version."), title=text("What it is.")),
        ),
        external_url=or_null(text("Where the site is found.")),
        counts=made_of(
            "How many there are.",
            providers=count("Providers."),
            domains=count("Domains."),
            waiting=count("Domains that have not been looked at yet, and are not among the others."),
            verdicts=_VERDICTS,
        ),
        blind={"type": "boolean", "description": "Whether this vantage could not measure at that time."},
        corrections=listed(
            "What was said wrongly in earlier snapshots, which stay as they are.",
            made_of(
                "A correction.",
                at=time("When it was made."),
                snapshot=or_null(count("The first snapshot that is wrong.", 1)),
                subject=text("Of which domain or provider."),
                text=text("What is true."),
            ),
        ),
    )


def _provider() -> Document:
    return made_of(
        "A provider, and its domains.",
        schema=FIRST,
        provider=text("Its name."),
        slug=SLUG,
        domains=listed(
            "Its domains.",
            made_of(
                "A domain in brief.",
                domain=text("Its name, in ASCII (A-labels)."),
                verdict=word("The verdict.", *CLOSED["verdict"]),
                measured_at=or_null(time("When it was last looked at.")),
                grades=by_name("By policy.", or_null(_LEVEL)),
                regressions=count("How many regressions are open that count: what only a minority of the vantages saw does not."),
            ),
        ),
        verdicts=_VERDICTS,
        grades=by_name(
            "By policy.",
            made_of(
                "How well its domains meet it.",
                version=text("Of the policy."),
                level=or_null(_LEVEL),
                levels=by_name("By level, how many domains.", {"type": "integer", "minimum": 0}),
                ungraded=count("How many domains could not be graded."),
            ),
        ),
        trend=made_of(
            "What became of it over the days that are published.",
            direction=word("Which way it went.", *DIRECTIONS),
            since=day("The first of these days."),
            lost=listed("The checks that became weaker.", {"type": "string"}),
            gained=listed("The checks that became stronger.", {"type": "string"}),
        ),
        measured_at=or_null(time("When the domain of it was looked at that has waited longest.")),
    )


def _days() -> Document:
    return made_of(
        "What each of the last days was like, for a domain and each check of it.",
        schema=FIRST,
        domain=text("Its name, in ASCII (A-labels)."),
        first=day("The first day (UTC)."),
        last=day("The last day; it need not be over."),
        watched_since=or_null(day("Since when it has been watched.")),
        rows=listed(
            "The verdict, then one for each check that ever applied.",
            made_of(
                "A check.",
                check=text("`verdict`, or the name of the check."),
                runs=listed(
                    "Days that were alike, one after the other, without a gap.",
                    made_of(
                        "Such days.",
                        **{
                            "from": day("The first of them."),
                            "to": day("The last of them."),
                            "mark": word(
                                "`has`: measured, and there; `less`: measured, and weaker than it was, or degraded; `lacks`: measured, and "
                                "not there; `none`: measured, and does not apply; `unmeasured`: looked at, and nothing could be measured; "
                                "`unwatched`: not looked at yet.",
                                *MARKS,
                            ),
                            "shown": text("The value in words; for `unmeasured`, why."),
                        },
                    ),
                ),
            ),
        ),
    )


def _incident() -> Document:
    sighting = made_of(
        "What was seen.", value=text("In words."), at=time("When."), evidence=or_null(digest("What it was read from, as the operator keeps it."))
    )
    told = part("a-regression")["properties"]
    kept = [key for key in told if key not in ("id", "domain", "before", "after")]
    return made_of(
        "Something that was confirmed to have become weaker, and what became of it.",
        schema=FIRST,
        id=text("A name of its own, for good."),
        providers=listed("Whose domains it concerns.", {"type": "string"}),
        domains=listed("Which domains it concerns.", {"type": "string"}),
        before=sighting,
        after=sighting,
        reproduce=or_null(text("A command that shows whether it is still so.")),
        statements=listed(
            "What was said of it by those concerned, in their own words.",
            made_of(
                "A statement.",
                by=word("Who speaks.", "operator", "partner"),
                name=text("In whose name."),
                at=time("When."),
                markdown=text("Their words (CommonMark, without HTML)."),
            ),
        ),
        **{key: told[key] for key in kept},
    )


def _trends() -> Document:
    dated = {
        "type": "array",
        "prefixItems": [
            day("The day (UTC)."),
            count("How many domains have it."),
            count("Of how many that could be measured that day."),
            count("Of how many that were watched."),
        ],
        "minItems": 4,
        "maxItems": 4,
    }
    return made_of(
        "How many domains have what, day by day.",
        schema=FIRST,
        first=day("The first day."),
        last=day("The last day; it need not be over."),
        series=listed("One for each protection.", made_of("A protection.", name=word("Which.", *SERIES), days=listed("Each day.", dated))),
    )


def _manifest() -> Document:
    names = ("edition", "providers", "domains", "days", "incidents", "trends", "times")
    return made_of(
        "A snapshot: what was published together, by the SHA-256 of its parts, and what came before it.",
        "key",
        schema=FIRST,
        number=count("Its place in the chain.", 1),
        as_of=time("Nothing in it is of later than this."),
        published_at=time("When it was sealed."),
        program=text("What measured: name and version."),
        policies=by_name("By name, the version.", {"type": "string"}),
        vantage=text("Where it was measured from."),
        licence=text("Of the data."),
        previous=or_null(digest("SHA-256 of the manifest before this; null for the first.")),
        objects=made_of("SHA-256 of each part's octets.", **{name: digest(f"Of the {name}.") for name in names}),
        key=or_null(
            text("The public key that signs the next one: `SubjectPublicKeyInfo` in base64, which is what stands within PEM; null for none.")
        ),
    )


@cache
def schemas() -> Mapping[str, Document]:
    """Return the schemas by name."""
    made = {
        "edition": _edition(), "provider": _provider(), "domain": domain(), "days": _days(), "incident": _incident(), "trends": _trends(),
        "manifest": _manifest(),
    }  # fmt: skip
    return {name: {"$schema": DIALECT, "title": name, **schema} for name, schema in made.items()}
