"""What the page of a domain shows: its verdict in one dated sentence, what falls short, the last days, and the ledger of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.policy.shipped import VERDICT, shipped
from mailtls.site import ledger
from mailtls.site.days import drawn, run_in_words
from mailtls.site.naming import named
from mailtls.site.overview import VERDICT_MARKS, graded, in_order
from mailtls.site.times import linked, moment
from mailtls.site.values import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup

    from mailtls.publication import Document
    from mailtls.site.ledger import Count, Group, Name
    from mailtls.site.overview import Graded
    from mailtls.site.words import Words

_FACT_OF = {check.name: fact.name for fact in FACTS.values() for check in fact.checks}


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A finding, at every place where it was made.

    Args:
        text: what was seen.
        code: its name.
        level: what it makes of a domain, in words.
        mark: the sign beside it.
        places: where it was seen.
        policy: whose rule it breaks.
        version: of the policy.
        rule: its name; ``None`` where it breaks none.
        why: the rule is there.
        source: of the rule: title and address, if it has one.
        commands: that show it.
        mend: how it is mended, by the name of the mail server.

    """

    text: str
    code: str
    level: Markup | None
    mark: str
    places: tuple[str, ...]
    policy: str
    version: str
    rule: str | None
    why: str
    source: tuple[str, str | None] | None
    commands: tuple[str, ...]
    mend: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Lack:
    """Facts that could not be measured for one reason.

    Args:
        reason: in words.
        names: of the facts.
        places: where.

    """

    reason: Markup
    names: tuple[Name, ...]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """The grade by a policy.

    Args:
        graded: the grade.
        version: of the policy.
        coverage: how much of what it needs is known, in words.
        short: the rules that are broken.
        missing: the facts that it lacks.

    """

    graded: Graded
    version: str
    coverage: Markup
    short: tuple[str, ...]
    missing: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class CheckRow:
    """The last days of a check.

    Args:
        name: of the check, or that of the verdict.
        bar: drawn.
        runs: in words, the newest first.
        is_asked_for: false where it never was there and no rule is broken for that: then it is told, and held against nobody.

    """

    name: str | Markup
    bar: Markup
    runs: tuple[Markup, ...]
    is_asked_for: bool


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an MX host.

    Args:
        document: as published.
        groups: its facts.
        count: how many of them are what.
        reason: why nothing could be concluded, in words; ``None`` where it could.
        open: whether it is unfolded.

    """

    document: Document
    groups: tuple[Group, ...]
    count: Count
    reason: Markup | None
    open: bool


@dataclass(frozen=True, slots=True)
class Host:
    """An MX host.

    Args:
        document: as published.
        groups: its facts.
        reason: why its addresses are not known, in words; ``None`` where they are.
        addresses: of both families.

    """

    document: Document
    groups: tuple[Group, ...]
    reason: Markup | None
    addresses: tuple[Address, ...]


def sentence(domain: Document, words: Words) -> Markup:
    """Return the verdict in one sentence, dated and no more than measured."""
    if domain["measured_at"] is None:
        return words.say("domain-never", vantage=domain["vantage"])
    at = moment(domain["measured_at"], words)
    gap = _gap(domain) if domain["verdict"] == "unknown" else None
    if gap is not None:
        return words.say("domain-unmeasured", at=at, vantage=domain["vantage"], reason=ledger.reason(gap, words))
    return words.say("domain-measured", at=at, vantage=domain["vantage"], meaning=meaning(domain["verdict"]))


def meaning(verdict: str) -> str:
    """Return what a verdict means, as its policy says."""
    return shipped(VERDICT).meanings[verdict]


def _gap(domain: Document) -> Document | None:
    gaps = [domain["unresolved"], *(host["unresolved"] for host in domain["mx"])]
    gaps += [endpoint["inconclusive"] for host in domain["mx"] for endpoint in host["endpoints"]]
    return next((gap for gap in (*gaps, *domain["missing"]) if gap is not None), None)


def shortfalls(domain: Document, words: Words) -> list[Shortfall]:
    """Return all findings, of the verdict first: what differs in nothing but where it was seen is told once."""
    alike: dict[tuple[str, ...], list[Document]] = {}
    for policy, version, finding in _findings(domain):
        name = finding.get("policy", policy)
        alike.setdefault((name, finding.get("version", version), finding.get("rule", ""), finding["code"], finding["text"]), []).append(finding)
    return [_shortfall(policy, version, several, words) for (policy, version, *_), several in alike.items()]


def _findings(domain: Document) -> Iterable[tuple[str, str, Document]]:
    yield from ((VERDICT, "", finding) for finding in domain["findings"])
    for policy, grade in domain["grades"].items():
        yield from ((policy, grade["version"], finding) for finding in grade["findings"])


def _shortfall(policy: str, version: str, several: Sequence[Document], words: Words) -> Shortfall:
    finding = several[0]
    level, rule, source = finding.get("level"), finding.get("rule"), finding.get("source")
    return Shortfall(
        finding["text"],
        finding["code"],
        None if level is None else words.say(f"verdict-{level}" if level in VERDICT_MARKS else f"level-{level}"),
        VERDICT_MARKS.get(level or "", "less" if level == "phase-out" else "lacks"),
        tuple(dict.fromkeys(each["where"] for each in several)),
        policy,
        version,
        rule,
        finding.get("why") or "",
        None if source is None else (source["title"], linked(source["url"])),
        tuple(dict.fromkeys(each["reproduce"] for each in several if each.get("reproduce"))),
        tuple((finding.get("mend") or {}).items()),
    )


def lacks(missing: Iterable[Document], words: Words) -> list[Lack]:
    """Return what could not be measured: what lacks the same for the same reason is told once."""
    alike: dict[tuple[Markup, tuple[Name, ...]], list[str]] = {}
    for gap in missing:
        alike.setdefault((ledger.reason(gap, words), ledger.names_of(gap["facts"])), []).append(gap["where"])
    return [Lack(why, names, tuple(dict.fromkeys(places))) for (why, names), places in alike.items()]


def policies(domain: Document, edition: Document, words: Words) -> list[PolicyRow]:
    """Return the grade by each policy, with how much of what it needs is known."""
    return [
        PolicyRow(
            graded(policy, grade["level"], domain["verdict"], words),
            grade["version"],
            words.say("coverage", percent=int(grade["coverage"] * 100)),
            tuple(dict.fromkeys(finding["rule"] for finding in grade["findings"] if "rule" in finding)),
            ledger.names_of(fact for gap in grade["missing"] for fact in gap["facts"]),
        )
        for policy, grade in in_order(domain["grades"], edition)
    ]


def checks(domain: Document, days: Document | None, words: Words) -> list[CheckRow]:
    """Return the last days of the verdict and of each check."""
    made = []
    broken = {fact for part in _parts(domain) for fact, reading in part["readings"].items() if _is_broken(reading)}
    for row in days["rows"] if days is not None else ():
        assert days is not None
        kind = "verdict" if row["check"] == "verdict" else "check"
        name = words.say("verdict") if kind == "verdict" else named(row["check"])
        title = words.say("bar-title", what=name, first=days["first"], last=days["last"])
        told = tuple(run_in_words(run, words, kind) for run in reversed(row["runs"]))
        never_there = not {run["mark"] for run in row["runs"]} & {"has", "less"}
        is_asked_for = kind == "verdict" or not never_there or _FACT_OF.get(row["check"]) in broken
        made.append(CheckRow(name, drawn(days, row, title, words, kind, hints=True), told, is_asked_for))
    return made


def _parts(domain: Document) -> list[Document]:
    """Return everything of a domain that has readings."""
    return [domain, *(part for host in domain["mx"] for part in (host, *host["endpoints"]))]


def _is_broken(reading: Document) -> bool:
    return any(rule["met"] is False for rule in reading["rules"])


def hosts(domain: Document, words: Words) -> list[Host]:
    """Return the MX hosts with their addresses. The first address is unfolded, and every one where a rule is broken."""
    made: list[Host] = []
    for document in domain["mx"]:
        addresses = [
            _address(endpoint, words, first=not made and number == 0) for number, endpoint in enumerate(document["endpoints"])
        ]
        made.append(Host(document, ledger.groups(document["readings"], words), _reason(document["unresolved"], words), tuple(addresses)))
    return made


def _address(document: Document, words: Words, *, first: bool) -> Address:
    count = ledger.counted(document["readings"])
    return Address(
        document, ledger.groups(document["readings"], words), count, _reason(document["inconclusive"], words), first or bool(count.broken)
    )


def _reason(gap: Document | None, words: Words) -> Markup | None:
    return None if gap is None else ledger.reason(gap, words)


def explained(domain: Document) -> list[tuple[str, str, str, str]]:
    """Return every fact of a domain, or missing of it, that this program knows: key, name, what it means, and the standard that it rests on."""
    parts = _parts(domain)
    missing = [gap for each in (domain, *domain["grades"].values()) for gap in each["missing"]]
    lacking = [name.key for name in ledger.names_of(fact for gap in missing for fact in gap["facts"])]
    keys = dict.fromkeys(key for key in (*(key for part in parts for key in part["readings"]), *lacking) if key in FACTS)
    return [(key, named(key), FACTS[key].help, FACTS[key].source) for key in keys]
