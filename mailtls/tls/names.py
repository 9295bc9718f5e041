"""Names of code points, from the IANA registries that lie in ``data/`` as CSV."""

from __future__ import annotations

import csv
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = f"{__file__.rpartition('/')[0]}/data"

VERSION_CODES: Mapping[str, int] = {
    "SSLv2": 0x0002, "SSLv3": 0x0300, "TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304,
}  # fmt: skip
"""Protocol versions as they stand in a hello, weakest first."""
VERSIONS = tuple(VERSION_CODES)
"""Their names."""


def version_rank(version: str) -> int:
    """Return where a version stands in :data:`VERSIONS`. Raises ``ValueError`` for anything else."""
    return VERSIONS.index(version)


def rows(table: str) -> list[dict[str, str]]:
    """Return the rows of a table in ``data/``."""
    with open(f"{_DATA}/{table}.csv", encoding="utf-8", newline="") as file:  # noqa: PTH123 - pathlib takes longer to load than the tables to read
        return list(csv.DictReader(file))


@cache
def cipher_suites() -> Mapping[int, str]:
    """Names of the TLS cipher suites by code: IANA's, and those of suites that were never registered."""
    named = {}
    for row in (*rows("cipher-suites"), *rows("unregistered-cipher-suites")):
        first, second = row["Value"].split(",")
        named[int(first, 16) << 8 | int(second, 16)] = row["Description"]
    return named


@cache
def sslv2_kinds() -> Mapping[int, str]:
    """Names of SSLv2's cipher kinds by their code of three octets."""
    return {int(row["Value"], 16): row["Description"] for row in rows("sslv2-cipher-kinds")}


@cache
def groups() -> Mapping[int, str]:
    """IANA names of the TLS supported groups by code."""
    return {int(row["Value"]): row["Description"] for row in rows("supported-groups")}


@cache
def _groups_by_folded_name() -> Mapping[str, str]:
    named = {name.casefold(): name for name in groups().values()}
    # OpenSSL's own names for three groups that IANA lists under others.
    return named | {"prime256v1": "secp256r1", "p-256": "secp256r1", "p-384": "secp384r1", "p-521": "secp521r1"}


def group_name(openssl_name: str) -> str:
    """Return the IANA name of a group that OpenSSL names in its own spelling; an unknown name comes back as it is."""
    return _groups_by_folded_name().get(openssl_name.casefold(), openssl_name)


def cipher_suite_name(code: int) -> str:
    """Return the IANA name of a cipher suite, the draft's of an SSLv2 kind, or ``0xNNNN`` for a code that is neither."""
    return cipher_suites().get(code) or sslv2_kinds().get(code) or f"0x{code:04X}"


@cache
def _codes() -> Mapping[str, int]:
    return {name: code for table in (sslv2_kinds(), cipher_suites()) for code, name in table.items()}


def cipher_suite_code(name: str) -> int:
    """Return the code of a suite that :func:`cipher_suite_name` named. Raises ``ValueError`` for any other text."""
    return _codes()[name] if name in _codes() else int(name, 16)


def group_of(code: int) -> str:
    """Return the IANA name of a named group, or its number."""
    return groups().get(code, str(code)).removesuffix(" (OBSOLETE)")


@cache
def signature_schemes() -> Mapping[int, str]:
    """Names of the signature schemes by code: IANA's, and those of older pairs of hash and signature."""
    older = {0x0101: "rsa_pkcs1_md5", 0x0103: "ecdsa_md5", 0x0202: "dsa_sha1", 0x0402: "dsa_sha256"}
    older |= {0x0301: "rsa_pkcs1_sha224", 0x0303: "ecdsa_sha224"}
    return older | {int(row["Value"], 16): row["Description"] for row in rows("signature-schemes")}


def signature_scheme(code: int) -> str:
    """Return the name of a signature scheme; pairs of hash and signature of TLS 1.2 alone (RFC 5246) are named in the same manner."""
    return signature_schemes().get(code, f"0x{code:04X}")


def version_name(code: int) -> str:
    """Return the name of a version's code. Raises ``KeyError`` for one that is none."""
    return _VERSION_NAMES[code]


_VERSION_NAMES = {code: name for name, code in VERSION_CODES.items()}


def has_forward_secrecy(version: str, cipher_suite: str) -> bool:
    """Whether a suite derives its keys from ephemeral ones: all of TLS 1.3, and DHE and ECDHE before it (RFC 9325 section 4.1).

    An anonymous exchange is ephemeral as well. Names, not codes, because evidence holds names.
    """
    return version == "TLSv1.3" or cipher_suite.startswith(("TLS_ECDHE_", "TLS_DHE_", "TLS_ECDH_anon_", "TLS_DH_anon_"))


ALERTS: Mapping[int, str] = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow",
    30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate",
    44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
    49: "access_denied", 50: "decode_error", 51: "decrypt_error", 60: "export_restriction", 70: "protocol_version",
    71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation",
    109: "missing_extension", 110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
    113: "bad_certificate_status_response", 114: "bad_certificate_hash_value", 115: "unknown_psk_identity",
    116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip
"""Names of the TLS alerts (IANA registry "TLS Alerts")."""

ABOUT_THE_OFFER = frozenset({40, 41, 47, 50, 70, 71, 86, 109, 110, 112, 115, 120})
"""Alerts with which a server answers an offer that it does not take (RFC 8446 section 6.2 and its forerunners). The others, such as
internal_error, may as well mean that something broke."""
