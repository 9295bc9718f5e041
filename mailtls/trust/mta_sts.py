"""MTA-STS (RFC 8461): the TXT record, the policy, and which MX hosts a policy names. Decided from bytes alone, strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mailtls.readable import readable
from mailtls.remembering import MIB, remembered
from mailtls.trust.txt import BadText, fields, of_version

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_POLICY = 65_536
"""Octets of a policy (RFC 8461 section 3.3 suggests 64 kilobytes)."""
LONGEST_LIFE = 31_557_600
"""Seconds: the largest max_age (RFC 8461 section 3.2)."""

FETCH_ERROR, INVALID, WEBPKI = "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"
"""TLS-RPT result types (RFC 8460 section 4.3.2.2)."""

_VERSION = "v=STSv1"
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_AGE = re.compile(r"[0-9]{1,10}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_ONCE = ("version", "mode", "max_age")


class Mode(StrEnum):
    """What a sender is to do with a host that fails (RFC 8461 section 5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Flaw:
    """What keeps a sender from using a domain's policy: a TLS-RPT result type, and one sentence that is safe to show."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class StsRecord:
    """The TXT record at ``_mta-sts``: it says that there is a policy, and, by another ``id``, that there is a new one."""

    id: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that follows the grammar (RFC 8461 section 3.2).

    Args:
        mode: what it asks of senders.
        max_age: seconds for which a sender may keep it.
        mx: patterns for the names of MX hosts, in lower case, in its order; perhaps none where the mode is ``none``.

    """

    mode: Mode
    max_age: int
    mx: tuple[str, ...]


@remembered(8 * MIB)
def find_record(records: tuple[str, ...]) -> StsRecord | Flaw | None:
    """Find the one record of a domain among the TXT records at ``_mta-sts``, which are in presentation form.

    Returns:
        The record; ``None`` where there is none; a flaw where there are several, or it is malformed: senders then take it that the
        domain has no policy (RFC 8461 section 3.1).

    """
    found, nearly = of_version(records, _VERSION)
    if len(found) > 1:
        return Flaw(INVALID, f"{len(found)} TXT records begin with {_VERSION}; senders take it that there is none")
    if not found:
        return None if nearly is None else Flaw(INVALID, f"the TXT record '{readable(nearly, 80)}' does not begin with {_VERSION};")
    return read_record(found[0])


def read_record(octets: bytes) -> StsRecord | Flaw:
    """Read one TXT record."""
    try:
        value = fields(octets, _VERSION).get("id")
    except BadText as error:
        return Flaw(INVALID, f"the TXT record is malformed: {error}")
    if value is None:
        return Flaw(INVALID, "the TXT record has no id")
    if _ID.fullmatch(value) is None:
        return Flaw(INVALID, f"the id '{readable(value, 80)}' is not 1 to 32 letters and digits")
    return StsRecord(value)


def read_policy(body: bytes) -> Policy | Flaw:
    """Read a policy. Lines end with LF or CRLF, keys that are not known are passed over, and of one that repeats the first counts."""
    if not body:
        return Flaw(INVALID, "the policy is empty")
    if len(body) > MAX_POLICY:
        return Flaw(INVALID, f"the policy has more than {MAX_POLICY} octets")
    try:
        found, mx = _lines(body)
        return _policy(found, mx)
    except BadText as error:
        return Flaw(INVALID, str(error))


def _lines(body: bytes) -> tuple[dict[str, str], list[str]]:
    """Return the keys of a policy with their values, and its mx patterns."""
    lines = body.split(b"\n")
    if not lines[-1] and len(lines) > 1:
        lines.pop()  # the end of the last line is optional
    found: dict[str, str] = {}
    mx: list[str] = []
    for number, line in enumerate(lines, 1):
        key, value = _field(line.removesuffix(b"\r"), f"line {number} of the policy")
        if key == "mx":
            if _PATTERN.fullmatch(value) is None or len(value) > 255:
                raise BadText(f"mx '{readable(value, 80)}' is neither a host name nor a wildcard such as *.example.com")
            mx.append(value.lower())
        else:
            found.setdefault(key, value)
    return found, mx


def _field(line: bytes, where: str) -> tuple[str, str]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise BadText(f"{where} is not UTF-8: '{readable(line, 80)}'") from None
    key, colon, value = text.partition(":")
    value = value.strip(" \t")
    if not text.strip(" \t"):
        raise BadText(f"{where} is empty, and the grammar knows no empty lines")
    if not colon or _KEY.fullmatch(key) is None or not value or _CONTROL.search(value) is not None:
        raise BadText(f"{where} is no key and value, such as mode: enforce: '{readable(line, 80)}'")
    return key, value


def _policy(found: dict[str, str], mx: list[str]) -> Policy:
    missing = [key for key in _ONCE if key not in found]
    if missing:
        near = next((f"; keys are in lower case, and it has {key}" for key in found if key.lower() in missing), "")
        raise BadText(f"the policy has no {missing[0]}{near}")
    if found["version"] != "STSv1":
        raise BadText(f"the policy's version is '{readable(found['version'], 40)}', not STSv1")
    if found["mode"] not in set(Mode):
        raise BadText(f"the policy's mode is '{readable(found['mode'], 40)}', not enforce, testing or none")
    age = found["max_age"]
    if _AGE.fullmatch(age) is None or int(age) > LONGEST_LIFE:
        raise BadText(f"the policy's max_age is '{readable(age, 40)}', not a number of seconds up to {LONGEST_LIFE}")
    mode = Mode(found["mode"])
    if not mx and mode is not Mode.NONE:
        raise BadText(f"the policy has the mode {mode}, and no mx")
    return Policy(mode, int(age), tuple(dict.fromkeys(mx)))


def mx_matches(patterns: Sequence[str], host: str) -> bool:
    """Whether a policy names an MX host (RFC 8461 section 4.1): a wildcard stands for exactly one label, the leftmost.

    Args:
        patterns: of the policy, in lower case.
        host: the MX host's name in ASCII, without the final dot.

    """
    host = host.lower()
    label, _, rest = host.partition(".")
    return host in patterns or (bool(label) and bool(rest) and f"*.{rest}" in patterns)
