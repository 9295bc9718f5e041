"""What a cipher suite is made of, read from its IANA name, and which suites a hello of each version can name.

Suites that IANA never registered, but servers take, come from a table of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from mailtls.tls.names import VERSIONS, cipher_suite_name, cipher_suites, rows, sslv2_kinds

FIRST_OFFER = 64
"""Suites of a first hello: some servers cannot bear more, and whoever speaks a version at all takes one of its 64 usual suites."""

_ALSO_13 = frozenset({0x00C6, 0x00C7, 0xC0B4, 0xC0B5})  # RFC 8998, RFC 9150
_NO_SUITES = frozenset({0x0000, 0x00FF, 0x5600})
_NAME = re.compile(r"TLS_(?P<exchange>.+?)_WITH_(?P<cipher>.+)")
_SINCE_12 = re.compile(r"(?:_SHA256|_SHA384|_CCM(?:_8)?|_GCM_SM3|_OMAC|_IMIT|_MGM_[LS]|_SM3)(?:_OLD)?$")


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """How a suite before TLS 1.3 agrees on keys.

    Args:
        name: as in the suite's name, e.g. ``ECDHE_RSA``.
        curve: over a named curve.
        field: over a finite field.
        temporary: by numbers of another kind: SRP's, or the short RSA key of an export suite.
        signed: the key exchange is signed with the certificate's key.
        needs_certificate: the server must send a certificate.
        has_hint: an identity hint stands before the parameters (RFC 4279 section 2).
        is_optional: the server may leave its key exchange message out.

    """

    name: str = ""
    curve: bool = False
    field: bool = False
    temporary: bool = False
    signed: bool = False
    needs_certificate: bool = False
    has_hint: bool = False
    is_optional: bool = False

    @property
    def is_ephemeral(self) -> bool:
        """Whether the server's key exchange message holds parameters."""
        return self.curve or self.field or self.temporary

    @property
    def authentication(self) -> str:
        """Return ``RSA``, ``ECDSA``, ``DSS``, ``anon``, or whatever else stands at the end of the name."""
        return self.name.removesuffix("_EXPORT").rpartition("_")[2]


@cache
def key_exchange(code: int) -> KeyExchange:
    """Return how a suite agrees on keys; one that has no name of that shape counts as plain RSA would without a certificate."""
    match = _NAME.fullmatch(cipher_suites().get(code, ""))
    if match is None:
        return KeyExchange()
    name = match["exchange"].removesuffix("_EXPORT1024")
    export = name.endswith("_EXPORT") or match["exchange"] != name
    base = name.removesuffix("_EXPORT")
    curve = base.startswith(("ECDHE_", "ECDH_anon"))
    field = base.startswith(("DHE_", "DH_anon", "PSK_DHE"))
    psk = base.endswith("PSK") or base == "PSK_DHE"
    srp = base.startswith("SRP")
    anonymous = base.endswith("anon") or base in {"PSK", "DHE_PSK", "ECDHE_PSK", "PSK_DHE", "KRB5", "SRP_SHA", "ECCPWD", "NULL"}
    return KeyExchange(
        name=base,
        curve=curve,
        field=field,
        temporary=srp or base == "ECCPWD" or (export and base == "RSA"),
        signed=not anonymous and not psk and (curve or field or srp),
        needs_certificate=not anonymous,
        has_hint=psk,
        is_optional=not (curve or field or srp or base == "ECCPWD"),  # RSA with a short key of its own needs no temporary one
    )


def needs_group(code: int) -> bool:
    """Whether a suite before TLS 1.3 is taken only with a named curve in common."""
    return key_exchange(code).curve


@cache
def offerable(version: str) -> tuple[int, ...]:
    """Return every suite that a hello of this version can name, the usual 64 first, each part from weak to strong.

    A server with an order of its own then gives itself away by choosing one that stands late.
    """
    if version == "SSLv2":
        return tuple(sslv2_kinds())
    named = [code for code in cipher_suites() if code not in _NO_SUITES]
    of_13 = [code for code in named if code >> 8 == 0x13 or code in _ALSO_13]
    if version == "TLSv1.3":
        return tuple(sorted(of_13, key=strength))
    older = [code for code in named if "_WITH_" in cipher_suites()[code]]
    if VERSIONS.index(version) < VERSIONS.index("TLSv1.2"):
        older = [code for code in older if not _SINCE_12.search(cipher_suites()[code])]
    usual = sorted(older, key=_rarity)[:FIRST_OFFER]
    rare = set(older) - set(usual)
    return (*sorted(usual, key=strength), *sorted(rare, key=strength))


_CIPHERS = (
    "NULL", "RC2_CBC_40", "RC4_40", "DES40", "DES_CBC_40", "DES_CBC", "RC4_56", "RC4_64", "RC2", "RC4", "IDEA", "3DES", "SEED",
    "FORTEZZA", "28147", "GOST", "KUZNYECHIK", "MAGMA", "CAMELLIA_128", "ARIA_128", "AES_128", "SM4", "CAMELLIA_256", "ARIA_256",
    "CHACHA20", "AEGIS", "AES_256",
)  # fmt: skip


def _cipher_rank(name: str) -> int:
    return next((rank for rank, cipher in enumerate(_CIPHERS) if cipher in name), 0)


@cache
def strength(code: int) -> tuple[int, ...]:
    """Return a key that sorts suites from weak to strong, roughly; a policy says what is good, this only orders."""
    name = cipher_suite_name(code)
    exchange = key_exchange(code)
    return (
        "NULL" not in name and "EXPORT" not in name and "anon" not in name,
        "_WITH_" not in name or exchange.curve or exchange.field,
        any(mode in name for mode in ("GCM", "CCM", "POLY1305", "AEGIS", "MGM")),
        _cipher_rank(name),
        0 if name.endswith("MD5") else 1 if name.endswith("_SHA") else 2,
        -code,
    )


def is_strong(code: int) -> bool:
    """Whether a suite has an ephemeral key exchange and authenticated encryption, and no known weakness (RFC 9325 section 4.2)."""
    safe, ephemeral, authenticated, *_ = strength(code)
    return bool(safe and ephemeral and authenticated)


_RARE = 14


@cache
def _rarity(code: int) -> tuple[int, ...]:
    """Return a key that sorts suites by how seldom servers have them, by key exchange and cipher."""
    name, exchange = cipher_suites()[code], key_exchange(code).name
    exchanges = ("ECDHE_RSA", "RSA", "ECDHE_ECDSA", "DHE_RSA", "ECDH_anon", "DH_anon", "DHE_DSS", "RSA_EXPORT")
    ciphers = ("AES_128", "AES_256", "CHACHA20", "3DES", "RC4_128", "CAMELLIA", "DES_CBC", "NULL", "SEED", "IDEA", "ARIA")
    kind = next((rank for rank, cipher in enumerate(ciphers) if cipher in name), len(ciphers))
    how = exchanges.index(exchange) if exchange in exchanges else len(exchanges) + 6
    return (how + kind + 4 * ("CCM" in name) + 2 * ("CAMELLIA" in name and "SHA256" in name), code)


def is_rare(code: int) -> bool:
    """Whether hardly any server has a suite before TLS 1.3, even one that has its key exchange and its cipher."""
    return _rarity(code)[0] > _RARE


@cache
def parts_of_name(code: int) -> tuple[str, str]:
    """Return the key exchange and the cipher of a suite before TLS 1.3, as its name has them."""
    exchange, _, cipher = cipher_suite_name(code).removeprefix("TLS_").partition("_WITH_")
    return exchange, cipher


@cache
def groups_before_13() -> tuple[int, ...]:
    """Return the curves that a hello before TLS 1.3 can name, in our order: P-256 stands last.

    Some servers take an ECDSA suite only with its certificate's curve in the list (RFC 8422 section 5.3), and that is nearly always
    P-256; where it stands last, a server that follows our order still shows another one first.
    """
    curves = [code for code in _group_codes() if code <= 30 and code != 23]
    return (29, 30, *(code for code in reversed(curves) if code not in (29, 30)), 23)


HYBRIDS = (4588, 4587, 4589)
"""The groups with ML-KEM that a client can name: X25519MLKEM768, SecP256r1MLKEM768 and SecP384r1MLKEM1024, the most common first."""

FIELDS = (256, 257, 258, 259, 260)
"""The named finite-field groups (RFC 7919)."""


@cache
def groups_of_13() -> tuple[int, ...]:
    """Return every group that a hello of TLS 1.3 can name: the hybrids first, then curves, fields, and what is rarely met."""
    usual = (*HYBRIDS, 29, 30, 23, 25, 24)
    return (*usual, *(code for code in _group_codes() if code not in usual and code < 0xFF01))


@cache
def _group_codes() -> tuple[int, ...]:
    return tuple(int(row["Value"]) for row in rows("supported-groups"))


SCHEMES_13 = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x081A, 0x081B, 0x081C, 0x0401, 0x0501, 0x0601,
)  # fmt: skip
"""The signature schemes that our hellos of TLS 1.3 name: without any a server must refuse (RFC 8446 section 9.2)."""
WEAK_SCHEMES = (0x0203, 0x0201, 0x0202, 0x0103, 0x0101)
"""Signature schemes of TLS 1.2 that rest on SHA-1 or MD5 (RFC 9155 section 2)."""
SCHEMES = (*(code for code in SCHEMES_13 if code not in (0x081A, 0x081B, 0x081C)), 0x0303, 0x0301, 0x0402, *WEAK_SCHEMES)
"""The signature schemes that our hellos of TLS 1.2 name."""
