"""The three readings, and the closed sets of why and where something could not be measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Cause(StrEnum):
    """Why something could not be measured. A closed set: dashboards and partners' scripts rely on it."""

    DNS_FAILURE = "dns-failure"
    DNS_TIMEOUT = "dns-timeout"
    DNSSEC_BOGUS = "dnssec-bogus"
    NO_ADDRESS = "no-address"
    ADDRESS_FORBIDDEN = "address-forbidden"
    CONNECT_REFUSED = "connect-refused"
    CONNECT_TIMEOUT = "connect-timeout"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate-limited"
    DEFERRED = "deferred"
    TARPIT = "tarpit"
    READ_TIMEOUT = "read-timeout"
    CONNECTION_CLOSED = "connection-closed"
    PROTOCOL_ERROR = "protocol-error"
    LIMIT_EXCEEDED = "limit-exceeded"
    TLS_LOCAL_LIMIT = "tls-local-limit"
    VANTAGE_BLIND = "vantage-blind"
    BUDGET_EXHAUSTED = "budget-exhausted"
    NOT_ATTEMPTED = "not-attempted"
    INTERNAL_ERROR = "internal-error"


class Stage(StrEnum):
    """How far a visit had come. A closed set, in the order in which a visit goes through it."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    HELLO = "hello"
    HANDSHAKE = "handshake"
    EHLO_TLS = "ehlo-tls"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a visit, or a look-up, before its end."""

    cause: Cause
    stage: Stage
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """It was measured, and this is the value."""

    value: T


@dataclass(frozen=True, slots=True)
class Absent:
    """It was measured that this does not apply."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be measured.

    Args:
        cause: why, from the closed set.
        stage: how far the visit had come.
        detail: what exactly happened, for a person; may hold bytes of the wire, already escaped.
        seen: what is known so far of an interrupted set, or ``None``.

    """

    cause: Cause
    stage: Stage
    detail: str = ""
    seen: object = None


Reading = Known[T] | Absent | Unknown
