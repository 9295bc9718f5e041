"""What the keys of our JSON mean: of its frame here, and of the readings in it by the declarations of the facts. They make docs/json.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mailtls import facts
from mailtls.facts.shapes import Form
from mailtls.tls.names import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mailtls.facts.declaration import Scope
    from mailtls.facts.shapes import Shape


class Part(NamedTuple):
    """An object of the document: where it stands, and what its keys mean, each as what it takes and a sentence."""

    name: str
    where: str
    keys: Mapping[str, tuple[str, str]]


_TIME = "time or null"
_EXPLAINED = "text, with `--explain`"
_READINGS = ("object", "By the name of the fact: [a reading](#a-reading). Which there are is said [below](#readings).")
_GAP = "object or null"
FRAME = (
    Part("The document", "the whole", {
        "schema": ("1", "The version of this contract: within a released one keys are added, and none goes or changes its meaning."),
        "domains": ("list", "[A domain](#a-domain) each, in the order in which they were named."),
    }),
    Part("A domain", "`domains[]`", {
        "domain": ("text", "Its name, in ASCII (A-labels)."),
        "provider": ("text", "Whose it is, as the configuration says; the domain again, where it says nothing of it."),
        "verdict": ("text", "`protected`, `degraded`, `unprotected`, `unknown` or `no-mail`; see [verdicts](verdicts.md)."),
        "findings": ("list", "[What falls short](#a-finding), and so decides the verdict."),
        "missing": ("list", "[What is not known](#what-is-missing), and keeps an `unknown` domain from another verdict."),
        "measured_at": (_TIME, "When it was last looked at."),
        "unresolved": (_GAP, "[Why](#why-not) its mail hosts could not all be found; null where they could."),
        "readings": _READINGS,
        "grades": ("object", "By the name of the policy: [a grade](#a-grade)."),
        "mx": ("list", "[An MX host](#an-mx-host) each."),
        "regressions": ("list", "In `/api/v1/domains` only: [what is confirmed to be weaker](#a-regression) and has not ended."),
    }),
    Part("An MX host", "`domains[].mx[]`", {
        "host": ("text", "Its name."),
        "preference": ("number", "Of its MX record."),
        "unresolved": (_GAP, "[Why](#why-not) no address of it could be found; null where one could."),
        "readings": _READINGS,
        "endpoints": ("list", "[An address](#an-address) each."),
    }),
    Part("An address", "`domains[].mx[].endpoints[]`", {
        "address": ("text", "IPv4 or IPv6."),
        "port": ("number", "Of TCP."),
        "server_name": ("text or null", "The name that was asked for in the handshake (SNI)."),
        "conclusive": ("true or false", "Whether the last visit could decide if STARTTLS works here."),
        "inconclusive": (_GAP, "[Why](#why-not) it could not; null where it could."),
        "in_scope": ("true or false", "Whether it counts: false for a family that this vantage lacks."),
        "attempted_at": (_TIME, "When the last visit began."),
        "concluded_at": (_TIME, "When the last visit that could decide began."),
        "readings": _READINGS,
        "key_shared_with": ("list", "[Keys](#a-shared-key) that unrelated operators serve as well."),
    }),
    Part("A shared key", "`key_shared_with[]` of an address", {
        "spki_sha256": ("text", "SHA-256 of the public key (SubjectPublicKeyInfo), in hex."),
        "operators": ("list of text", "The other operators, the first of them."),
        "hosts": ("list of text", "Their MX hosts, the first of them."),
    }),
    Part("A finding", "`findings[]` of a domain or a grade", {
        "code": ("text", "A name for what falls short, for programs."),
        "where": ("text", "The address, MX host or domain that it was read from."),
        "text": ("text", "One sentence for people; it may change."),
        "rule": ("text", "The rule that it breaks, within its policy."),
        "level": ("text", "How far it falls short, in the words of that policy."),
        "policy": (_EXPLAINED, "The policy; that of verdicts is `verdict`."),
        "version": (_EXPLAINED, "Of the policy."),
        "why": (_EXPLAINED, "The reason for the rule."),
        "source": ("object or null, with `--explain`", "`title` and `url` of the section of the standard."),
        "reproduce": ("text or null, with `--explain`", "A command that shows the same."),
        "mend": ("object, with `--explain`", "By the name of a mail server: how to mend it there."),
    }),
    Part("What is missing", "`missing[]` of a domain or a grade", {
        "facts": ("list of text", "The readings that are needed, and unknown."),
        "where": ("text", "Of which address, MX host or domain."),
        "cause": ("text", "Why they are unknown: [causes](verdicts.md#causes)."),
        "stage": ("text", "How far it came: [stages](verdicts.md#stages)."),
    }),
    Part("A grade", "`grades` of a domain, by policy", {
        "version": ("text", "Of the policy."),
        "level": ("text or null", "`good`, `sufficient`, `phase-out` or `insufficient`; null while the evidence is incomplete."),
        "coverage": ("number", "For which share of the rules what they need is known, from 0 to 1."),
        "met": ("number or null", "Which share of the rules is met wherever they apply, from 0 to 1; null where `level` is."),
        "findings": ("list", "[What falls short](#a-finding)."),
        "missing": ("list", "[What is not known](#what-is-missing)."),
    }),
    Part("A reading", "`readings`, by fact", {
        "state": ("text", "`known`, `absent` (it does not apply, as was measured) or `unknown`."),
        "value": ("as the fact says", "What was measured; where it is known."),
        "cause": ("text", "Why it is unknown: [causes](verdicts.md#causes)."),
        "stage": ("text", "How far it came: [stages](verdicts.md#stages)."),
        "detail": ("text", "The same for people; it may change. Where it is unknown."),
        "seen": ("as the fact says, or null", "What is known of a set that may lack something. Where it is unknown."),
    }),
    Part("Why not", "`unresolved` and `inconclusive`", {
        "cause": ("text", "Why it could not be measured: [causes](verdicts.md#causes)."),
        "stage": ("text", "How far it came: [stages](verdicts.md#stages)."),
        "detail": ("text", "The same for people; it may change."),
    }),
    Part("A regression", "`regressions[]`, of the daemon's API", {
        "id": ("text or null", "A name of its own."),
        "domain": ("text or null", "The domain; null where an MX host is meant whatever domain leads to it."),
        "mx": ("text or null", "The MX host; null where the domain as a whole is meant."),
        "family": ("text or null", "`ipv4` or `ipv6`, of an MX host."),
        "address": ("text or null", "The address and port, where one alone is meant."),
        "check": ("text", "What became weaker: [checks](facts.md#checks)."),
        "before": ("object", "What it is held to: `value`, since when (`at`), and the `evidence` that `mailtls history` shows, or null."),
        "after": ("object", "What was seen then, alike."),
        "since": ("time", "When that was first seen."),
        "confirmed_at": ("time", "When it was confirmed."),
        "attribution": ("text", "Where it lies: [attribution](regressions.md#where-it-lies)."),
        "vantages": ("list of text", "Who sees it."),
        "counts": ("true or false", "Whether most of the vantages that can measure it do."),
        "ended_at": (_TIME, "When it ended."),
        "ended_by": ("text or null", "How it ended."),
        "why": ("text or null", "The words of whoever accepted it."),
        "muted": ("text or null", "The words of the maintenance window that it began in."),
    }),
    Part("A loss that is held back", "`held_back[]`, of `/api/v1/regressions`", {
        "domain": ("text or null", "The domain; null where an MX host is meant whatever domain leads to it."),
        "mx": ("text or null", "The MX host; null where the domain as a whole is meant."),
        "family": ("text or null", "`ipv4` or `ipv6`, of an MX host."),
        "address": ("text or null", "The address and port, where one alone is meant."),
        "check": ("text", "What seems to be lost: [checks](facts.md#checks)."),
        "before": ("text", "What it is held to."),
        "after": ("text", "What was seen last."),
        "since": ("time", "When less was first seen."),
        "operators": ("number", "At how many operators it seems to be lost now: so many that it [must be ours](regressions.md#what-never-is-one)."),
        "of": ("number", "How many operators had as much to lose."),
    }),
)  # fmt: skip
"""The objects around the readings."""

_CERTIFICATE = "SHA-256 of the certificate that is meant, in hex."
_OF_ANY = {
    "code": "A name for it, for programs.",
    "why": "The same for people; it may change.",
    "certificate": _CERTIFICATE,
    "host": "The MX host.",
    "preference": "Of its MX record.",
    "sha256": "SHA-256 of the certificate, in hex.",
    "subject": "Whose it is (RFC 4514).",
    "issuer": "Who issued it (RFC 4514).",
    "key_type": "The kind of its key.",
    "key_bits": "The size of its key.",
    "signature_algorithm": "What it is signed with.",
    "not_after": "When it expires.",
}
_OF_FACT = {
    "mta_sts.mode": "`enforce`, `testing` or `none`.",
    "mta_sts.max_age": "For how many seconds senders keep it.",
    "mta_sts.id": "Of the TXT record by which it was fetched.",
    "mta_sts.mx": "The hosts that it allows.",
    "mta_sts_changes[].at": "When it was seen.",
    "mta_sts_changes[].kind": "What happened; see [MTA-STS](verdicts.md#mta-sts).",
    "mta_sts_changes[].before": "What was before.",
    "mta_sts_changes[].after": "What came.",
    "dane_problems[].address": "Where.",
    "dane_problems[].certificate": f"{_CERTIFICATE[:-1]}; null where there was none.",
    "mx_irregularities[].host": "The name in the MX record.",
    "tlsa_records[].usage": "The certificate usage (RFC 6698 section 2.1.1).",
    "tlsa_records[].selector": "Whether the certificate (0) or its key (1) is meant.",
    "tlsa_records[].matching_type": "Whether it is given in full (0), as SHA-256 (1) or as SHA-512 (2).",
    "tlsa_records[].data": "In hex, the beginning.",
    "tlsa_records[].usable": "Whether a mail sender uses it (RFC 7672).",
    "tlsa_records[].why_not": "Why it does not.",
    "tlsa_records[].matches": "SHA-256 of each certificate that it vouches for, in hex.",
    "negotiated.version": "Of the protocol.",
    "negotiated.cipher_suite": "By its name in the IANA registry.",
    "negotiated.group": "Of the key exchange; null where no ephemeral key was used.",
    "certificates[].curve": "Of an ECDSA key.",
    "certificates[].spki_sha256": "SHA-256 of its public key (SubjectPublicKeyInfo), in hex.",
    "certificates[].not_before": "From when it is valid.",
    "certificates[].names": "The DNS names that it is for.",
    "certificates[].must_staple": "Whether it demands a stapled OCSP response.",
    "certificates[].chain": "What was sent with it, itself first.",
    "certificates[].problems": "What of it could not be read.",
    "ocsp_staple[].status": "What the response says of the certificate; null where nothing.",
    "ocsp_staple[].this_update": "From when the response holds.",
    "ocsp_staple[].next_update": "Until when.",
    "ocsp_staple[].problems": "What is wrong with it.",
    "ocsp_staple[].detail": "The same for people; it may change.",
    "scts[].embedded": "How many timestamps are in the certificate.",
    "scts[].stapled": "How many are in its stapled OCSP response.",
    "scts[].logs": "Of how many logs they are.",
    "dh_primes[].bits": "Its size.",
    "dh_primes[].name": "Which known prime it is; null for another.",
    "dh_primes[].sha256": "SHA-256 of the prime, in hex.",
} | {f"cipher_suites.{version}": "The suites that are accepted in it." for version in VERSIONS}


def readings_in(scope: Scope) -> Iterator[tuple[str, str, str]]:
    """Yield each key of the readings of a scope: its path, what it takes, and what it means.

    Raises:
        KeyError: a part of a value is explained nowhere.

    """
    for fact in facts.ALL:
        if fact.scope is scope:
            yield fact.name, _kind(fact.shape), fact.help
            yield from _parts(fact.shape, fact.name)


def _kind(shape: Shape) -> str:
    if shape.form is Form.LIST:
        inner = shape.element
        return "list" if inner is None else f"list of {'objects' if inner.form is Form.OBJECT else _kind(inner)}"
    return "object" if shape.form is Form.OBJECT else str(shape)


def _parts(shape: Shape, path: str) -> Iterator[tuple[str, str, str]]:
    if shape.form is Form.LIST and shape.element is not None:
        yield from _parts(shape.element, f"{path}[]")
    for name, part in shape.fields.items():
        inner = f"{path}.{name}"
        yield inner, _kind(part), _OF_FACT.get(inner) or _OF_ANY[name]
        yield from _parts(part, inner)


def explained() -> frozenset[str]:
    """Return the paths into values that are explained one by one; each must be there."""
    return frozenset(_OF_FACT)
