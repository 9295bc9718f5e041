"""How a finding can be seen with common tools, and mended: templates and remedies, kept as data beside this module."""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

from mailtls.readable import readable
from mailtls.tls.names import VERSIONS, rows
from mailtls.yamltext import quickly

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailtls.model import Clause, Finding, Place

_BLANK = re.compile(r"\{([a-z0-9-]+)\}")
_LONGEST = 300
_HERE = __file__.rpartition("/")[0]

PLACEHOLDERS = frozenset({
    "domain", "host", "address", "ipv4", "ipv6", "port", "endpoint", "value", "version-option", "openssl-suite", "tls13-suite",
})  # fmt: skip
"""What a template may have blanks for. A command whose blanks cannot all be filled in is not told."""


Command = tuple[str, ...]
Remedy = tuple[tuple[str, str], ...]
"""For a mail server's name, how to mend it there."""


def read_data(name: str) -> str:
    """Return a file that lies beside this module."""
    with open(f"{_HERE}/{name}", encoding="utf-8") as file:  # noqa: PTH123 - as the tables of names are read
        return file.read()


# None of this is read before somebody asks for an explanation.


@cache
def _data(name: str) -> dict[str, Any]:
    read: dict[str, Any] = quickly(read_data(f"{name}.yaml"))
    return read


@cache
def commands() -> Mapping[str, tuple[Command, ...]]:
    """By fact, or by a name that a rule has under ``reproduce``: the commands that show it, the best first."""
    return {name: tuple(tuple(words) for words in templates) for name, templates in _data("commands")["commands"].items()}


@cache
def remedies() -> Mapping[str, Remedy]:
    """By fact, or by a name that a rule has under ``mend``: the remedies."""
    return {
        name: tuple((server, text.strip()) for server, text in remedy.items()) for name, remedy in _data("remedies")["remedies"].items()
    }


def commands_of(clause: Clause) -> tuple[Command, ...]:
    """Return the templates of commands that show what a rule is about."""
    if isinstance(clause.reproduce, tuple):
        return (clause.reproduce,)
    return next((commands()[name] for name in (clause.reproduce, *clause.facts) if name in commands()), ())


def remedy_of(clause: Clause) -> Remedy:
    """Return how what a rule is about is mended."""
    return next((remedies()[name] for name in (clause.mend, *clause.facts) if name in remedies()), ())


@cache
def _openssl_names() -> Mapping[str, str]:
    return {row["Description"]: row["OpenSSL"] for row in rows("openssl-names")}


def placeholders(word: str) -> set[str]:
    """Return the blanks in a word of a template."""
    return set(_BLANK.findall(word))


def command(finding: Finding) -> str:
    """Return a command line that shows a finding with common tools; empty where there is none.

    Every name in it may come from the wire: each word is quoted for a POSIX shell, and control characters are escaped first.
    """
    if finding.clause is None or finding.place is None:
        return ""
    return _filled(commands_of(finding.clause), finding.place, finding.seen, finding.path)


_UNSAID = object()


def command_for(fact: str, place: Place, value: object = _UNSAID) -> str:
    """Return a command line that shows a fact of a domain, an MX host or an endpoint, good or bad; empty where there is none.

    Args:
        fact: its name.
        place: of what.
        value: that was seen; ``None`` where it was seen to have none.

    """
    seen = tuple(value) if isinstance(value, list | tuple) else (value,)
    named = f"{fact}-none" if value is None and f"{fact}-none" in commands() else fact
    return _filled(commands().get(named, ()), place, seen, fact)


def _filled(templates: Iterable[Command], place: Place, seen: Sequence[object], path: str) -> str:
    """Return the first of some commands whose blanks can all be filled in."""
    known = _known(place, seen, path)
    for template in templates:
        if all(blank in known for word in template for blank in placeholders(word)):
            return shlex.join(_BLANK.sub(lambda blank: known[blank[1]], word) for word in template)
    return ""


def _known(place: Place, seen: Sequence[object], path: str) -> dict[str, str]:
    """Return what can be filled in."""
    known = {"domain": place.domain}
    if place.host:
        known["host"] = place.host
    if place.endpoint is not None:
        address = str(place.endpoint.address)
        port = str(place.endpoint.port)
        both = f"[{address}]:{port}" if place.endpoint.family == "ipv6" else f"{address}:{port}"
        known |= {"address": address, place.endpoint.family: address, "port": port, "endpoint": both}
    words = [value for value in seen if isinstance(value, str)]
    value = next((word for word in words if word in _data("commands")["well_known"]), words[0] if words else "")
    if value:
        known["value"] = value
    version = next((text for text in (value, path.partition(".")[2]) if text in VERSIONS), "")
    options = _data("commands")["version_options"]
    if version in options:
        known["version-option"] = options[version]
    if value in _openssl_names():
        known["openssl-suite"] = _openssl_names()[value]
    elif value.startswith("TLS_") and "_WITH_" not in value:
        known["tls13-suite"] = value
    return {blank: readable(text, _LONGEST) for blank, text in known.items()}
