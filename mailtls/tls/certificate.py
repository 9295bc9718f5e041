"""Certificates read from DER. Reading one never decides whether it is to be trusted, and a bad one is read as far as it goes.

The frame (RFC 5280 section 4.1), the key and the extensions are read here, each by itself, so that one field that nobody can read
takes no other with it; names and dates are left to the library.
"""

from __future__ import annotations

import hashlib
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from mailtls.readable import readable
from mailtls.remembering import MIB, remembered
from mailtls.tls.der import SEQUENCE, Element, NotDER, read_element
from mailtls.tls.extensions import MAX_NAMES, Extensions, all_names_of, read_extensions
from mailtls.tls.publickey import PublicKey, read_public_key
from mailtls.tls.signature import signature_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

MAX_CERTIFICATE = 102_400
"""Octets of one certificate. OpenSSL's own limit for all that a server sends of them, and so that of whoever uses it; what is larger is not
parsed at all."""

MAX_CHAIN = 20
"""Certificates of one chain that are looked at; real chains have two to five."""

# Parsing hostile DER fails in as many ways as there are fields; each means "this field cannot be read".
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, OverflowError, x509.InvalidVersion)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says. A field that cannot be read is ``None`` (or empty), and ``problems`` says why.

    Args:
        sha256: of the DER, lower-case hex.
        key: its public key; ``None`` only where the whole certificate cannot be read.
        signature_algorithm: the name in the RFC that defines it, or the dotted number.
        signature_hash: of that algorithm, e.g. ``SHA-256``.
        not_before: in UTC.
        not_after: in UTC.
        subject: RFC 4514 text, escaped.
        issuer: RFC 4514 text, escaped.
        subject_name: the same as octets of DER, to be compared.
        issuer_name: likewise.
        serial: the octets of the serial number.
        extensions: of those that are read; each of them may be missing.
        problems: what could not be read, and why.

    """

    sha256: str
    key: PublicKey | None = None
    signature_algorithm: str | None = None
    signature_hash: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    subject: str = ""
    issuer: str = ""
    subject_name: bytes = b""
    issuer_name: bytes = b""
    serial: bytes = b""
    extensions: Extensions = field(default_factory=Extensions)
    problems: tuple[str, ...] = ()

    @property
    def key_type(self) -> str | None:
        """The kind of its key, e.g. ``RSA``."""
        return None if self.key is None else self.key.kind

    @property
    def key_bits(self) -> int | None:
        """The size of its key."""
        return None if self.key is None else self.key.bits

    @property
    def names(self) -> tuple[str, ...]:
        """The dNSName entries of its subject alternative name, escaped, in lower case."""
        return self.extensions.names

    @property
    def self_issued(self) -> bool:
        """Whether issuer and subject are the same name."""
        return bool(self.subject_name) and self.subject_name == self.issuer_name


@contextmanager
def quietly() -> Iterator[None]:
    """Swallow warnings while a certificate's fields are read, which a library parses only when they are asked for.

    Odd serial numbers, long country names and the like are the server's; a warning on our own stderr would tell nobody.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@remembered(16 * MIB)
def load(der: bytes) -> x509.Certificate | None:
    """Return the parsed certificate, or ``None`` where the bytes are none or too many. Its fields are read :func:`quietly`."""
    if len(der) > MAX_CERTIFICATE:
        return None
    try:
        with quietly():
            return x509.load_der_x509_certificate(der)
    except UNREADABLE:
        return None


@remembered(16 * MIB)
@quietly()
def read_certificate(der: bytes) -> Certificate:
    """Read a certificate. Never raises: what cannot be read is listed in ``problems``."""
    sha256 = hashlib.sha256(der).hexdigest()
    parsed = load(der)
    if parsed is None:
        why = f"larger than {MAX_CERTIFICATE} octets" if len(der) > MAX_CERTIFICATE else "not a certificate in DER"
        return Certificate(sha256, problems=(why,))
    try:
        serial, signature, issuer, subject, key, extensions = _frame(der)
    except NotDER as error:  # the library is as strict, so that this is for versions of it that are not
        return Certificate(sha256, problems=(f"not a certificate in DER: {error}",))
    problems: list[str] = []
    public_key = read_public_key(key.whole)
    if public_key.problem:
        problems.append(f"public key: {public_key.problem}")
    algorithm, digest = _signature(signature, problems)
    found, unread = read_extensions(extensions)
    not_before, not_after = _date(parsed, "not_valid_before_utc", problems), _date(parsed, "not_valid_after_utc", problems)
    subject_text, issuer_text = _distinguished(parsed, "subject", problems), _distinguished(parsed, "issuer", problems)
    return Certificate(
        sha256=sha256,
        key=public_key,
        signature_algorithm=algorithm,
        signature_hash=digest,
        not_before=not_before,
        not_after=not_after,
        subject=subject_text,
        issuer=issuer_text,
        subject_name=subject.whole,
        issuer_name=issuer.whole,
        serial=serial.content,
        extensions=found,
        problems=(*problems, *unread),
    )


def all_names(der: bytes) -> tuple[str, ...]:
    """Return the dNSName entries of a certificate as :func:`read_certificate` does, but all of them, for who looks for one."""
    read = read_certificate(der)
    return all_names_of(_frame(der)[-1]) if len(read.names) == MAX_NAMES else read.names


def _frame(der: bytes) -> tuple[Element, Element, Element, Element, Element, list[Element]]:
    """Return serial number, signature algorithm, issuer, subject, key and extensions. Raises :exc:`NotDER`."""
    outer = read_element(der, SEQUENCE).inside()
    if len(outer) != 3:
        raise NotDER("not three parts")
    fields = outer[0].inside()
    if fields and fields[0].tag == 0xA0:
        del fields[0]  # the version
    if len(fields) < 6:
        raise NotDER("fields are missing")
    serial, _algorithm, issuer, _validity, subject, key = fields[:6]
    return serial, outer[1], issuer, subject, key, list(_listed(fields[6:]))


def _listed(rest: list[Element]) -> Iterator[Element]:
    for element in rest:
        if element.tag == 0xA3:
            yield from read_element(element.content, SEQUENCE).inside()


def _signature(algorithm: Element, problems: list[str]) -> tuple[str | None, str | None]:
    try:
        return signature_of(algorithm)
    except NotDER as error:
        problems.append(f"signature algorithm: {error}")
        return None, None


def _date(parsed: x509.Certificate, field_name: str, problems: list[str]) -> datetime | None:
    try:
        date: datetime = getattr(parsed, field_name)
    except UNREADABLE as error:
        problems.append(f"{field_name}: {_said(error)}")
        return None
    return date


def _distinguished(parsed: x509.Certificate, field_name: str, problems: list[str]) -> str:
    try:
        name: x509.Name = getattr(parsed, field_name)
        return readable(name.rfc4514_string(), 300)
    except UNREADABLE as error:
        problems.append(f"{field_name}: {_said(error)}")
        return ""


def _said(error: BaseException) -> str:
    return readable(str(error), 160)
