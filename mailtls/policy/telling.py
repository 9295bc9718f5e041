"""How a finding can be seen with common tools, and mended: templates and remedies, kept as data beside this module."""

from __future__ import annotations

import re
import shlex
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mailtls.smtp.reply import readable
from mailtls.tls.names import VERSIONS, rows
from mailtls.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.model import Finding

_BLANK = re.compile(r"\{([a-z0-9-]+)\}")
_LONGEST = 300

PLACEHOLDERS = frozenset({
    "domain", "host", "address", "ipv4", "ipv6", "port", "endpoint", "value", "version-option", "openssl-suite", "tls13-suite",
})  # fmt: skip
"""What a template may have blanks for. A command whose blanks cannot all be filled in is not told."""


def _data(name: str) -> dict[str, Any]:
    text = files("mailtls.policy").joinpath(f"{name}.yaml").read_text("utf-8")
    return parse(text, f"{name}.yaml")[0]


COMMANDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    fact: tuple(tuple(words) for words in templates) for fact, templates in _data("commands")["commands"].items()
}
"""By fact, or by a name that a rule has under ``reproduce``: the commands that show it, the best first."""
REMEDIES: Mapping[str, tuple[tuple[str, str], ...]] = {
    name: tuple((server, text.strip()) for server, text in remedy.items()) for name, remedy in _data("remedies")["remedies"].items()
}
"""By fact, or by a name that a rule has under ``mend``: for a mail server, how to mend it there."""
_OPTIONS: Mapping[str, str] = _data("commands")["version_options"]
_WELL_KNOWN = frozenset(_data("commands")["well_known"])


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
    known = _known(finding)
    for template in finding.clause.commands:
        if all(blank in known for word in template for blank in placeholders(word)):
            return shlex.join(_BLANK.sub(lambda blank: known[blank[1]], word) for word in template)
    return ""


def _known(finding: Finding) -> dict[str, str]:
    """Return what can be filled in."""
    place = finding.place
    assert place is not None
    known = {"domain": place.domain}
    if place.host:
        known["host"] = place.host
    if place.endpoint is not None:
        address = str(place.endpoint.address)
        port = str(place.endpoint.port)
        both = f"[{address}]:{port}" if place.endpoint.family == "ipv6" else f"{address}:{port}"
        known |= {"address": address, place.endpoint.family: address, "port": port, "endpoint": both}
    words = [value for value in finding.seen if isinstance(value, str)]
    value = next((word for word in words if word in _WELL_KNOWN), words[0] if words else "")
    if value:
        known["value"] = value
    version = next((text for text in (value, finding.path.partition(".")[2]) if text in VERSIONS), "")
    if version in _OPTIONS:
        known["version-option"] = _OPTIONS[version]
    if value in _openssl_names():
        known["openssl-suite"] = _openssl_names()[value]
    elif value.startswith("TLS_") and "_WITH_" not in value:
        known["tls13-suite"] = value
    return {blank: readable(text, _LONGEST) for blank, text in known.items()}
