"""The verdict of a domain: what a careful sender may rely on.

- ``no-mail``: the domain says that it takes none (a null MX).
- ``unprotected``: an endpoint in scope was measured without usable STARTTLS.
- ``degraded``: something was measured that falls short of ``protected``.
- ``protected``: on every endpoint in scope STARTTLS works with TLS 1.2 or newer, forward secrecy and keys of 2048 bits or their
  equal, and the server authenticates with the MX host's name: a sender could require verified TLS and lose no mail.
- ``unknown``: not enough could be measured.

A measured bad decides before an unknown does; an unknown decides before a good. Only what was measured to be good is good: a reading
that is Absent says that something does not apply, and so vouches for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.model import Cause, Finding, Known, Verdict
from mailtls.tls.names import version_rank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailtls.model import EndpointObservation, MXObservation, Reading, Unknown

OLDEST_SUFFICIENT = "TLSv1.2"

SMALLEST_FIELD = 2048
"""Bits of a finite-field Diffie-Hellman prime (RFC 9325 section 4.5)."""

# The readings that must be known, and true, for a protected endpoint. Of those on the way to TLS a false one is a loss of STARTTLS ...
_TLS_WORKS = ("starttls_offered", "starttls_accepted", "smtp_inside_tls")
# ... and of the others a shortfall: the fact, the finding's code, and what to say.
_REQUIRED = (
    ("certificate_trusted", "certificate-not-trusted", "the certificate is not trusted"),
    ("certificate_name_match", "certificate-host-mismatch", "the certificate does not name the MX host"),
    ("forward_secrecy_negotiated", "no-forward-secrecy", "no forward secrecy with a client that offers it"),
    ("certificate_key_sufficient", "key-too-small", "a certificate's key is worth less than 2048 bits"),
)


def judge_domain(
    readings: Mapping[str, Reading[Any]], hosts: Sequence[MXObservation], unresolved: Unknown | None
) -> tuple[Verdict, tuple[Finding, ...]]:
    """Return the verdict of a domain, and the findings it rests on.

    Args:
        readings: of the domain.
        hosts: its MX hosts, with their endpoints.
        unresolved: why its mail hosts could not all be found, or ``None``.

    """
    if readings.get("null_mx") == Known(value=True):
        return Verdict.NO_MAIL, ()
    endpoints = [endpoint for host in hosts for endpoint in host.endpoints if endpoint.in_scope]
    lost = tuple(finding for endpoint in endpoints for finding in _without_tls(endpoint))
    short = tuple(finding for endpoint in endpoints for finding in _short(endpoint))
    if lost:
        return Verdict.UNPROTECTED, lost + short
    if short:
        return Verdict.DEGRADED, short
    # A host that has no address at all takes no mail, and so leaves no question open; one whose look-up failed does.
    unseen = any(host.unresolved is not None and host.unresolved.cause != Cause.NO_ADDRESS for host in hosts)
    if unresolved is not None or unseen or not endpoints or not all(_is_good(endpoint) for endpoint in endpoints):
        return Verdict.UNKNOWN, ()
    return Verdict.PROTECTED, ()


def _without_tls(endpoint: EndpointObservation) -> Iterator[Finding]:
    where = str(endpoint.endpoint)
    if endpoint.readings["starttls_offered"] == Known(value=False):
        stripped = endpoint.readings["starttls_stripped"] == Known(value=True)
        why = "STARTTLS was overwritten on the way (XXXXXXXA)" if stripped else "a completed EHLO does not list STARTTLS"
        yield Finding("starttls-not-supported", where, why)
    elif endpoint.readings["starttls_accepted"] == Known(value=False):
        yield Finding("starttls-not-supported", where, "STARTTLS is offered, and fails when it is asked for")
    elif endpoint.readings["smtp_inside_tls"] == Known(value=False):
        yield Finding("starttls-not-supported", where, "SMTP does not go on inside TLS")


def _short(endpoint: EndpointObservation) -> Iterator[Finding]:
    where = str(endpoint.endpoint)
    negotiated = endpoint.readings["negotiated"]
    versions = endpoint.readings["tls_versions"]
    if isinstance(negotiated, Known):
        best = negotiated.value["version"]  # type: ignore[index]
    else:  # too old for our own library, but not for a raw hello
        best = max(versions.value, key=version_rank, default=None) if isinstance(versions, Known) else None  # type: ignore[call-overload]
    if best is not None and version_rank(best) < version_rank(OLDEST_SUFFICIENT):
        yield Finding("version-too-old", where, f"{best} is the best that it speaks")
    if _field_is_large_enough(endpoint) is False:
        bits = endpoint.readings["dh_bits"].value  # type: ignore[union-attr]
        yield Finding("key-too-small", where, f"its smallest Diffie-Hellman group has {bits} bits, and a modern sender gets no curve")
    for name, code, text in _REQUIRED:
        if endpoint.readings[name] != Known(value=False):
            continue
        problems = endpoint.readings["certificate_problems"] if name == "certificate_trusted" else None
        if isinstance(problems, Known) and problems.value:
            for problem in problems.value:  # type: ignore[attr-defined]
                yield Finding(problem["code"], where, problem["why"])
        else:
            yield Finding(code, where, text)
    if endpoint.readings["plaintext_after_starttls"] == Known(value=True):
        yield Finding("plaintext-after-starttls", where, "more plaintext followed the 220 to STARTTLS")


def _field_is_large_enough(endpoint: EndpointObservation) -> bool | None:
    """Whether what a modern sender gets is no finite field of less than 2048 bits; ``None`` where the size of a field is not known."""
    negotiated, bits = endpoint.readings["negotiated"], endpoint.readings["dh_bits"]
    if not isinstance(negotiated, Known) or negotiated.value["group"] != "dhe":  # type: ignore[index]
        return True
    return bits.value >= SMALLEST_FIELD if isinstance(bits, Known) else None  # type: ignore[operator]


def _is_good(endpoint: EndpointObservation) -> bool:
    """Whether everything that ``protected`` needs was measured, and is so."""
    names = (*_TLS_WORKS, *(name for name, _, _ in _REQUIRED))
    if _field_is_large_enough(endpoint) is not True:
        return False
    return isinstance(endpoint.readings["negotiated"], Known) and all(endpoint.readings[name] == Known(value=True) for name in names)
