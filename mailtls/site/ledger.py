"""The ledger of evidence: every fact of a domain, of its MX hosts and of their addresses, with when it was measured and what rests on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mailtls.facts import (
    certificates,
    chains,
    dane,
    enumerated,
    extensions,
    handshake,
    key_exchange,
    keys,
    mta_sts,
    routing,
    staples,
    starttls,
    tls_rpt,
)
from mailtls.site.naming import named
from mailtls.site.values import FACTS, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from markupsafe import Markup

    from mailtls.facts.declaration import Fact
    from mailtls.publication import Document
    from mailtls.site.values import Value
    from mailtls.site.words import Words

_FAMILIES: tuple[tuple[str, tuple[Fact[Any], ...]], ...] = (
    ("routing", (*routing.DOMAIN_FACTS, *routing.MX_FACTS)),
    ("starttls", starttls.FACTS),
    ("tls", (*handshake.FACTS, *enumerated.FACTS, *key_exchange.FACTS, *extensions.FACTS)),
    ("certificate", (*certificates.FACTS, *keys.FACTS, *chains.FACTS, *staples.FACTS)),
    ("dane", dane.FACTS),
    ("mta-sts", (*mta_sts.DOMAIN_FACTS, *mta_sts.MX_FACTS)),
    ("tls-rpt", tls_rpt.FACTS),
)
_FAMILY_OF = {fact.name: family for family, facts in _FAMILIES for fact in facts}
_PLACES = {name: number for number, name in enumerate(_FAMILY_OF)}
_OTHER = "other"
_RULINGS = ((False, "lacks"), (True, "has"), (None, "unmeasured"))


@dataclass(frozen=True, slots=True)
class Name:
    """A fact by name.

    Args:
        key: its key in JSON.
        label: as people write it.
        known: whether this program knows what it means.

    """

    key: str
    label: str
    known: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """Rules that were met, or broken, or that nothing could be held against.

    Args:
        mark: the sign beside them.
        rules: each as policy and rule.

    """

    mark: str
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact, or several facts of which the same is to be said: that they do not apply, or could not be measured for one reason.

    Args:
        names: of the facts.
        state: ``known``, ``absent`` or ``unknown``.
        value: what is known of it, or so far.
        reason: why it is not known, in words.
        detail: the same as it was met on the wire.
        rulings: by rules.
        since: since when it is so; ``None`` where that is not kept.
        last: when that was measured last.

    """

    names: tuple[Name, ...]
    state: str
    value: Value | None
    reason: Markup | None
    detail: str
    rulings: tuple[Ruling, ...]
    since: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Shared:
    """What several facts share: a command that shows them, or the evidence that they were read from.

    Args:
        text: the command, or the id of the evidence.
        names: of the facts.

    """

    text: str
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Facts of one family.

    Args:
        family: its name.
        entries: what is known first, then what could not be measured, then what does not apply.
        commands: how to see the same.
        evidence: what they were read from.

    """

    family: str
    entries: tuple[Entry, ...]
    commands: tuple[Shared, ...]
    evidence: tuple[Shared, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many facts there are.

    Args:
        known: measured.
        unknown: could not be measured.
        broken: measured, and short of a rule.

    """

    known: int
    unknown: int
    broken: int


def groups(readings: Mapping[str, Document], words: Words) -> tuple[Group, ...]:
    """Return readings by family, in the order in which families and facts are declared; that of a document says nothing."""
    by_family: dict[str, dict[str, Document]] = {family: {} for family in (*(family for family, _ in _FAMILIES), _OTHER)}
    for key, reading in sorted(readings.items(), key=lambda named: (_PLACES.get(named[0], len(_PLACES)), named[0])):
        by_family[_FAMILY_OF.get(key, _OTHER)][key] = reading
    return tuple(_group(family, mine, words) for family, mine in by_family.items() if mine)


def counted(readings: Mapping[str, Document]) -> Count:
    """Return how many facts are known, how many are not, and how many fall short of a rule."""
    states = [reading["state"] for reading in readings.values()]
    broken = sum(any(rule["met"] is False for rule in reading.get("rules", ())) for reading in readings.values())
    return Count(len(states) - states.count("unknown"), states.count("unknown"), broken)


def reason(unknown: Document, words: Words) -> Markup:
    """Return in words why something could not be measured, and where the visit had come to."""
    return words.say("unmeasured", cause=words.say(f"cause-{unknown['cause']}"), stage=words.say(f"stage-{unknown['stage']}"))


def names_of(keys: Iterable[str]) -> tuple[Name, ...]:
    """Return facts by name; a part of one (``negotiated.version``) counts as that fact."""
    whole = dict.fromkeys(key.partition(".")[0].partition("[")[0] for key in keys)
    return tuple(Name(key, named(key), key in FACTS) for key in whole)


def _group(family: str, readings: Mapping[str, Document], words: Words) -> Group:
    entries: list[Entry] = []
    for state in ("known", "unknown", "absent"):
        alike: dict[tuple[object, ...], dict[str, Document]] = {}
        for key, reading in readings.items():
            if reading["state"] == state:
                alike.setdefault(_likeness(key, reading), {})[key] = reading
        entries += [_entry(mine, words) for mine in alike.values()]
    return Group(family, tuple(entries), _shared("reproduce", readings), _shared("evidence", readings))


def _likeness(key: str, reading: Document) -> tuple[object, ...]:
    """Return what readings must share to be told together: the known ones nothing, and so each is told by itself."""
    if reading["state"] == "known" or reading.get("seen") is not None:
        return (key,)
    why = (reading["cause"], reading["stage"], reading["detail"]) if reading["state"] == "unknown" else ()
    rules = tuple((rule["policy"], rule["rule"], rule["met"]) for rule in reading.get("rules", ()) if rule["met"] is not None)
    return (*why, rules, reading.get("first_seen"), reading.get("last_seen"))


def _entry(alike: Mapping[str, Document], words: Words) -> Entry:
    key, reading = next(iter(alike.items()))
    seen = reading["value"] if reading["state"] == "known" else reading.get("seen")
    return Entry(
        names_of(alike),
        reading["state"],
        value_of(key, seen, words) if reading["state"] == "known" or seen is not None else None,
        reason(reading, words) if reading["state"] == "unknown" else None,
        reading["detail"] if reading["state"] == "unknown" else "",
        _rulings([rule for each in alike.values() for rule in each.get("rules", ())]),
        reading.get("first_seen"),
        reading.get("last_seen"),
    )


def _rulings(rules: Sequence[Document]) -> tuple[Ruling, ...]:
    found = []
    for met, mark in _RULINGS:
        mine = tuple(dict.fromkeys((rule["policy"], rule["rule"]) for rule in rules if rule["met"] is met))
        if mine:
            found.append(Ruling(mark, mine))
    return tuple(found)


def _shared(key: str, readings: Mapping[str, Document]) -> tuple[Shared, ...]:
    by_text: dict[str, list[str]] = {}
    for name, reading in readings.items():
        if reading.get(key):
            by_text.setdefault(reading[key], []).append(name)
    return tuple(Shared(text, names_of(names)) for text, names in by_text.items())
