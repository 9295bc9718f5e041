"""A TLS server as far as its first flight, from the RFCs alone: the oracle for our hellos, our reader and our enumeration.

Bytes in, bytes out; no socket, no clock, no cryptography: keys, signatures and randoms have the right shape and nothing more. Nothing
of mailtls is imported, so that a mistake there is not made here again. Sources: RFC 8446, 5246, 4346, 2246, 6101 (SSLv3), the draft of
SSLv2, and for single extensions RFC 8422, 7919, 7627, 7366, 5746, 7507, 6520, 6066, 8701. Where they leave a choice, OpenSSL's.

A hello that breaks a rule raises AssertionError: the encoder is under test, too, and a server's patience would hide its mistakes.
"""

import csv
import hashlib
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, Self

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304

RENEGOTIATION_SCSV = 0x00FF
FALLBACK_SCSV = 0x5600
GREASE = frozenset(0x0A0A + 0x1010 * n for n in range(16))  # RFC 8701
RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()  # RFC 8446, 4.1.3

ILLEGAL_PARAMETER, HANDSHAKE_FAILURE, PROTOCOL_VERSION = 47, 40, 70
INSUFFICIENT_SECURITY, INAPPROPRIATE_FALLBACK, UNRECOGNIZED_NAME = 71, 86, 112

SERVER_NAME, TRUNCATED_HMAC, STATUS_REQUEST = 0, 4, 5
GROUPS, POINT_FORMATS, SIGNATURES, HEARTBEAT, PADDING = 10, 11, 13, 15, 21
ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, SESSION_TICKET = 22, 23, 35
PRE_SHARED_KEY, EARLY_DATA, VERSIONS, COOKIE, KEY_SHARE = 41, 42, 43, 44, 51
RENEGOTIATION_INFO = 65281
KNOWN_EXTENSIONS = frozenset(range(62)) | {13172, 17513, 30032, 65037, RENEGOTIATION_INFO}

Refusal = Literal["alert", "close", "silent"]


# --- what the server may do instead of speaking


@dataclass(frozen=True)
class Closes:
    """It closes the connection without a byte."""


@dataclass(frozen=True)
class Silent:
    """It keeps the connection open, and never says anything."""


Answer = bytes | Closes | Silent


class _RefusedError(Exception):
    """The server says no, and would say it with this alert."""

    def __init__(self, alert: int, *, intolerant: bool = False) -> None:
        super().__init__(alert)
        self.alert = alert
        self.intolerant = intolerant


# --- suites, by the names that IANA gave them


@dataclass(frozen=True)
class Suite:
    """What a name says of a suite."""

    code: int
    name: str
    exchange: str  # "1.3" | "RSA" | "RSA_EXPORT" | "RSA_EXPORT1024" | "DHE" | "DHE_EXPORT" | "ECDHE" | "ECDH" | "" (not modelled)
    authentication: str  # "" (1.3, not modelled) | "RSA" | "ECDSA" | "DSS" | "anon"

    @property
    def block(self) -> bool:
        """Has it a block cipher in CBC mode?"""
        return "_CBC" in self.name

    @property
    def aead(self) -> bool:
        return any(mode in self.name for mode in ("_GCM", "_CCM", "POLY1305")) or self.exchange == "1.3"

    @property
    def chacha(self) -> bool:
        return "CHACHA20" in self.name


_NOT_OF_IANA = {
    0x0060: "TLS_RSA_EXPORT1024_WITH_RC4_56_MD5",
    0x0061: "TLS_RSA_EXPORT1024_WITH_RC2_CBC_56_MD5",
    0x0062: "TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA",
    0x0064: "TLS_RSA_EXPORT1024_WITH_RC4_56_SHA",
    0xCC13: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_OLD_SHA256",
    0xCC14: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_OLD_SHA256",
    0xCC15: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_OLD_SHA256",
    0xFEFE: "TLS_RSA_WITH_FIPS_DES_CBC_SHA",
    0xFEFF: "TLS_RSA_WITH_FIPS_3DES_EDE_CBC_SHA",
}
_EXCHANGES = {
    "RSA": ("RSA", "RSA"),
    "RSA_EXPORT": ("RSA_EXPORT", "RSA"),
    "RSA_EXPORT1024": ("RSA_EXPORT1024", "RSA"),
    "DHE_RSA": ("DHE", "RSA"),
    "DHE_RSA_EXPORT": ("DHE_EXPORT", "RSA"),
    "DHE_DSS": ("DHE", "DSS"),
    "DHE_DSS_EXPORT": ("DHE_EXPORT", "DSS"),
    "DH_anon": ("DHE", "anon"),
    "DH_anon_EXPORT": ("DHE_EXPORT", "anon"),
    "ECDHE_RSA": ("ECDHE", "RSA"),
    "ECDHE_ECDSA": ("ECDHE", "ECDSA"),
    "ECDH_anon": ("ECDHE", "anon"),
    "ECDH_RSA": ("ECDH", "RSA"),
    "ECDH_ECDSA": ("ECDH", "ECDSA"),
}
SIGNED = frozenset({"RSA_EXPORT", "RSA_EXPORT1024", "DHE", "DHE_EXPORT", "ECDHE"})


def _suite(code: int, name: str) -> Suite:
    if name.endswith("_SCSV"):
        return Suite(code, name, "", "")
    if "_WITH_" not in name:
        return Suite(code, name, "1.3", "")
    return Suite(code, name, *_EXCHANGES.get(name.removeprefix("TLS_").partition("_WITH_")[0], ("", "")))


def _suites() -> dict[int, Suite]:
    path = Path(__file__).parents[2] / "mailtls" / "tls" / "data" / "cipher-suites.csv"
    names = dict(_NOT_OF_IANA)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["Description"].startswith("TLS_") and "-" not in row["Value"]:
                high, low = (int(octet, 16) for octet in row["Value"].split(","))
                names[high << 8 | low] = row["Description"]
    return {code: _suite(code, name) for code, name in names.items()}


SUITES = _suites()


# --- groups: lengths, points, primes

_FIELD_BITS = (  # of groups 1 to 28: RFC 8422, 5.1.1, and RFC 7027
    *(163, 163, 163, 193, 193, 233, 233, 239, 283, 283, 409, 409, 571, 571),
    *(160, 160, 160, 192, 192, 224, 224, 256, 256, 384, 521, 256, 384, 512),
)
_POINT_OCTETS = {code: 1 + 2 * ((bits + 7) // 8) for code, bits in enumerate(_FIELD_BITS, start=1)} | {29: 32, 30: 56}
_FFDHE = {
    256: (2048, 560316),
    257: (3072, 2625351),
    258: (4096, 5736041),
    259: (6144, 15705020),
    260: (8192, 10965728),
}  # RFC 7919, A
_SHARE_OCTETS = (  # of the client, of the server
    {code: (_POINT_OCTETS[code],) * 2 for code in (23, 24, 25, 29, 30)}
    | {code: (bits // 8,) * 2 for code, (bits, _) in _FFDHE.items()}
    | {31: (65, 65), 32: (97, 97), 33: (129, 129), 41: (65, 65)}
    | {0x0200: (800, 768), 0x0201: (1184, 1088), 0x0202: (1568, 1568)}
    | {
        0x11EB: (65 + 1184, 65 + 1088),
        0x11EC: (1184 + 32, 1088 + 32),
        0x11ED: (97 + 1568, 97 + 1568),
        0x6399: (32 + 1184, 32 + 1088),
    }
)
_SHARE_PARTS: dict[int, tuple[int, ...]] = {  # of hybrids, in wire order; 0x0200 to 0x0202 stand for ML-KEM
    0x11EB: (23, 0x0201),
    0x11EC: (0x0201, 29),
    0x11ED: (24, 0x0202),
    0x6399: (29, 0x0201),
}
_CURVES = {  # p, b, x and y of the base point; a is -3
    23: (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    24: (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
    25: (
        2**521 - 1,
        0x051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
        0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
        0x011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650,
    ),
}


def _dummy(label: object, octets: int) -> bytes:
    """Octets that look random, the same for the same label; never with a zero in front."""
    return (b"\x42" + hashlib.shake_256(repr(label).encode()).digest(octets))[:octets]


def _point(code: int) -> bytes:
    """A public key on the curve: the base point, where we know it."""
    octets = _POINT_OCTETS[code]
    if code in _CURVES:
        _, _, x, y = _CURVES[code]
        return b"\x04" + x.to_bytes(octets // 2, "big") + y.to_bytes(octets // 2, "big")
    if code in (29, 30):
        return bytes([9 if code == 29 else 5]) + bytes(octets - 1)
    return b"\x04" + _dummy(("point", code), octets - 1)


def _server_share(code: int) -> bytes:
    """The server's public key or ciphertext for a group of TLS 1.3."""
    if code in _SHARE_PARTS:
        return b"".join(_server_share(part) for part in _SHARE_PARTS[code])
    share = _point(code) if code in _POINT_OCTETS else _dummy(("share", code), _SHARE_OCTETS[code][1])
    return b"\x04" + share[1:] if code in (31, 32, 33, 41) else share


def _check_share(code: int, share: bytes) -> None:
    """Would a server take this key? Points are on their curve, and coefficients of ML-KEM are reduced."""
    if code not in _SHARE_OCTETS:
        assert share, f"key_share: empty key for group {code:#06x}"
        return
    expected = _SHARE_OCTETS[code][0]
    assert len(share) == expected, f"key_share: {len(share)} octets for group {code:#06x}, not {expected}"
    if code in _SHARE_PARTS:
        for part in _SHARE_PARTS[code]:
            size = _SHARE_OCTETS[part][0]
            _check_share(part, share[:size])
            share = share[size:]
    elif code in _CURVES:
        p, b, _, _ = _CURVES[code]
        half = len(share) // 2
        x, y = int.from_bytes(share[1 : 1 + half], "big"), int.from_bytes(share[1 + half :], "big")
        assert share[0] == 4, f"key_share: point of group {code:#06x} is not uncompressed"
        on_curve = max(x, y) < p and (y * y - (x * x * x - 3 * x + b)) % p == 0
        assert on_curve, f"key_share: point is not on curve {code:#06x}"
    elif code in (0x0200, 0x0201, 0x0202):
        for n in range(0, len(share) - 32, 3):
            pair = int.from_bytes(share[n : n + 3], "little")
            assert max(pair & 0xFFF, pair >> 12) < 3329, f"key_share: ML-KEM coefficient {n // 3 * 2} is not reduced"
    elif code in _FFDHE:
        largest = int.from_bytes(ffdhe_prime(code), "big") - 2
        assert 1 < int.from_bytes(share, "big") <= largest, f"key_share: trivial key for {code:#06x}"
    else:
        assert any(share), f"key_share: key of zeros for group {code:#06x}"


@cache
def ffdhe_prime(code: int) -> bytes:
    """Safe prime of RFC 7919, computed from e as its appendix says."""
    bits, offset = _FFDHE[code]
    scale = bits + 64
    total = term = 1 << scale
    n = 0
    while term:
        n += 1
        term //= n
        total += term
    e = total >> (scale - (bits - 130))
    return ((1 << bits) - (1 << bits - 64) + ((e + offset) << 64) - 1).to_bytes(bits // 8, "big")


@cache
def modp_2048() -> bytes:
    """Group 14 of RFC 3526, computed from pi as it says: what a server without RFC 7919 might use."""

    def arctan(x: int, scale: int) -> int:
        total = term = (1 << scale) // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    scale = 2048
    pi = 4 * (4 * arctan(5, scale) - arctan(239, scale)) >> (scale - 1918)
    return (2**2048 - 2**1984 - 1 + ((pi + 124476) << 64)).to_bytes(256, "big")


EXPORT_PRIME = b"\xff" + _dummy("dh512", 62) + b"\x8b"


# --- reading what the client wrote


class _Reader:
    """A cursor that asserts what it reads is there."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data = data
        self.what = what

    def take(self, octets: int) -> bytes:
        assert len(self.data) >= octets, f"{self.what}: {octets} octets wanted, {len(self.data)} left"
        taken, self.data = self.data[:octets], self.data[octets:]
        return taken

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))

    def inner(self, width: int, what: str) -> "_Reader":
        return _Reader(self.vector(width), what)

    def numbers(self, width: int, octets: int, *, what: str) -> tuple[int, ...]:
        """A list of different numbers behind its length."""
        inner = self.inner(width, what)
        assert inner.data, f"{what}: empty list"
        assert len(inner.data) % octets == 0, f"{what}: {len(inner.data)} octets are no multiple of {octets}"
        data = inner.data
        found = tuple(int.from_bytes(data[start : start + octets], "big") for start in range(0, len(data), octets))
        if len(set(found)) < len(found):
            twice = {f"{code:#06x}" for code in found if found.count(code) > 1}
            raise AssertionError(f"{what}: listed twice: {sorted(twice)}")
        return found

    def end(self) -> None:
        assert not self.data, f"{self.what}: {len(self.data)} octets too many"


@dataclass(frozen=True)
class Hello:
    """A ClientHello as the server understood it; of SSLv2 form too."""

    legacy_version: int
    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    compressions: tuple[int, ...] = (0,)
    extensions: Mapping[int, bytes] = field(default_factory=dict)  # in the client's order
    record_version: int | None = None  # None: of SSLv2 form
    largest_record: int = 0
    sni: str | None = None
    versions: tuple[int, ...] | None = None
    groups: tuple[int, ...] | None = None
    signature_schemes: tuple[int, ...] | None = None
    shares: Mapping[int, bytes] | None = None

    @property
    def highest(self) -> int:
        """Highest version on offer that a server can know."""
        return max((v for v in self.versions or () if v not in GREASE), default=self.legacy_version)


def read_hello(data: bytes) -> Hello:
    """Read the first hello, with nothing behind it."""
    hellos = read_hellos(data)
    assert len(hellos) == 1, f"{len(hellos)} hellos"
    return hellos[0]


def read_hellos(data: bytes) -> list[Hello]:
    """Read the ClientHello and, if there was a HelloRetryRequest, the second one."""
    assert data, "the client wrote nothing"
    if data[0] & 0x80:
        return [_read_v2(data)]
    records = _Reader(data, "record")
    hellos: list[Hello] = []
    pending, largest, version, middlebox = b"", 0, 0, False
    while records.data:
        kind, record_version, fragment = records.number(1), records.number(2), records.vector(2)
        assert kind in (20, 22), f"record: type {kind} before or in a ClientHello"
        assert 0 < len(fragment) <= 2**14, f"record: {len(fragment)} octets"
        if kind == 20:
            assert (fragment, pending) == (b"\x01", b""), "record: a change_cipher_spec that should not be here"
            assert not middlebox, "record: change_cipher_spec twice"
            middlebox = True
            continue
        allowed = (TLS12,) if hellos or middlebox else (SSL3, TLS10)
        assert record_version in allowed, f"record: version {record_version:#06x}"
        assert not pending or version == record_version, "record: the version changes within a message"
        pending, version, largest = pending + fragment, record_version, max(largest, len(fragment))
        if len(pending) >= 4 and len(pending) - 4 >= int.from_bytes(pending[1:4], "big"):
            message = _Reader(pending, "handshake")
            kind, body = message.number(1), message.vector(3)
            assert kind == 1, f"handshake: message {kind} is no ClientHello"
            message.end()
            hellos.append(_read_body(body, version, largest))
            pending, largest = b"", 0
    assert not pending, f"handshake: cut after {len(pending)} octets"
    assert 1 <= len(hellos) <= 2, f"{len(hellos)} hellos"
    return hellos


def _read_v2(data: bytes) -> Hello:
    """CLIENT-HELLO of SSLv2; with a version of 3 or more it asks for SSLv3 or TLS (RFC 5246, E.2)."""
    outer = _Reader(data, "SSLv2 record")
    length = outer.number(2) & 0x7FFF
    body = _Reader(outer.take(length), "SSLv2 CLIENT-HELLO")
    outer.end()
    kind = body.number(1)
    assert kind == 1, f"SSLv2: message {kind} is no CLIENT-HELLO"
    version, specs, session, challenge = (body.number(2) for _ in range(4))
    assert version in (SSL2, SSL3, TLS10, TLS11, TLS12), f"SSLv2: version {version:#06x}"
    assert specs, "SSLv2: no cipher kinds"
    assert specs % 3 == 0, f"SSLv2: {specs} octets of cipher kinds"
    assert session == 0 or (session == 16 and version == SSL2), f"SSLv2: session id of {session} octets"
    assert 16 <= challenge <= 32, f"SSLv2: challenge of {challenge} octets"
    kinds = tuple(body.number(3) for _ in range(specs // 3))
    assert len(set(kinds)) == len(kinds), "SSLv2: a cipher kind twice"
    session_id, random = body.take(session), body.take(challenge)
    body.end()
    return Hello(version, random.rjust(32, b"\0"), session_id, kinds)


def _read_body(body: bytes, record_version: int, largest_record: int) -> Hello:
    reader = _Reader(body, "ClientHello")
    version, random, session_id = reader.number(2), reader.take(32), reader.vector(1)
    assert SSL3 <= version <= TLS12, f"ClientHello: legacy_version {version:#06x}"
    assert record_version <= version, f"record: version {record_version:#06x} around a hello of {version:#06x}"
    assert len(session_id) <= 32, f"ClientHello: session id of {len(session_id)} octets"
    suites = reader.numbers(2, 2, what="cipher_suites")
    compressions = reader.numbers(1, 1, what="compression_methods")
    assert 0 in compressions, "compression_methods: no null"
    extensions: dict[int, bytes] = {}
    if reader.data:
        block = reader.inner(2, "extensions")
        reader.end()
        while block.data:
            code, content = block.number(2), block.vector(2)
            assert code not in extensions, f"extension {code} twice"
            extensions[code] = content
    return _check_together(
        Hello(
            version,
            random,
            session_id,
            suites,
            compressions,
            extensions,
            record_version,
            largest_record,
            **_read_extensions(extensions),
        )
    )


def _check_together(hello: Hello) -> Hello:
    """Check what one part of the hello demands of another."""
    present = hello.extensions
    assert PRE_SHARED_KEY not in present, "pre_shared_key: we resume nothing"
    assert EARLY_DATA not in present, "early_data: we have nothing to say early"
    if hello.shares is not None:
        assert hello.groups is not None, "key_share without supported_groups"
        places = [hello.groups.index(group) if group in hello.groups else -1 for group in hello.shares]
        assert -1 not in places, "key_share: a group that is not in supported_groups"
        assert places == sorted(places), "key_share: not in the order of supported_groups"
    if hello.highest < TLS12:
        assert SIGNATURES not in present, "signature_algorithms below TLS 1.2 (RFC 5246, 7.4.1.4.1)"
    if TLS13 in (hello.versions or ()):
        assert hello.legacy_version == TLS12, f"ClientHello: legacy_version {hello.legacy_version:#06x} with TLS 1.3"
        assert hello.compressions == (0,), "compression_methods: with TLS 1.3 only null (RFC 8446, 4.1.2)"
        for code, name in ((SIGNATURES, "signature_algorithms"), (GROUPS, "supported_groups"), (KEY_SHARE, "key_share")):
            assert code in present, f"TLS 1.3 without {name} (RFC 8446, 9.2)"
    return hello


def _read_extensions(extensions: Mapping[int, bytes]) -> dict[str, Any]:
    """Check the inside of every extension we know, and return what decides."""
    found: dict[str, Any] = {}
    for code, content in extensions.items():
        reader = _Reader(content, f"extension {code}")
        match code:
            case 0:
                found["sni"] = _read_sni(reader)
            case 1:
                assert reader.number(1) in (1, 2, 3, 4), "max_fragment_length: unknown"
            case 5:
                assert reader.number(1) == 1, "status_request: not ocsp"
                reader.vector(2)
                reader.vector(2)
            case 10:
                found["groups"] = reader.numbers(2, 2, what="supported_groups")
            case 11:
                assert 0 in reader.numbers(1, 1, what="ec_point_formats"), "ec_point_formats: no uncompressed"
            case 13 | 50:
                schemes = reader.numbers(2, 2, what="signature_algorithms")
                if code == SIGNATURES:
                    found["signature_schemes"] = schemes
            case 15:
                assert reader.number(1) in (1, 2), "heartbeat: unknown mode"
            case 16:
                names = reader.inner(2, "alpn")
                assert names.data, "alpn: empty list"
                while names.data:
                    assert names.vector(1), "alpn: empty name"
            case 21:
                assert not reader.data.strip(b"\0"), "padding: not zero"
                reader.data = b""
            case 27:
                reader.numbers(1, 2, what="compress_certificate")
            case 28:
                assert reader.number(2) >= 64, "record_size_limit: below 64"
            case 43:
                found["versions"] = reader.numbers(1, 2, what="supported_versions")
            case 44:
                assert reader.vector(2), "cookie: empty"
            case 45:
                reader.numbers(1, 1, what="psk_key_exchange_modes")
            case 51:
                found["shares"] = _read_shares(reader)
            case 4 | 18 | 22 | 23 | 49 | 13172:
                pass  # empty in a ClientHello
            case 65281:
                assert reader.vector(1) == b"", "renegotiation_info: not empty, and we never renegotiate"
            case _:
                reader.data = b""
        reader.end()
    return found


def _read_sni(reader: _Reader) -> str:
    names = reader.inner(2, "server_name")
    assert names.number(1) == 0, "server_name: not a host_name"
    raw = names.vector(2)
    names.end()
    assert raw, "server_name: empty"
    assert raw.isascii(), f"server_name: not ASCII: {raw!r}"
    name = raw.decode("ascii")
    assert name.isprintable(), f"server_name: {name!r}"
    assert " " not in name, f"server_name: {name!r}"
    assert not name.endswith("."), f"server_name: trailing dot: {name!r}"
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name
    raise AssertionError(f"server_name: an address: {name!r}")


def _read_shares(reader: _Reader) -> dict[int, bytes]:
    entries = reader.inner(2, "key_share")
    shares: dict[int, bytes] = {}
    while entries.data:
        group, share = entries.number(2), entries.vector(2)
        assert group not in shares, f"key_share: group {group:#06x} twice"
        _check_share(group, share)
        shares[group] = share
    return shares


# --- writing


def _vector(width: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return len(content).to_bytes(width, "big") + content


def _u16(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def _message(kind: int, *parts: bytes) -> bytes:
    return bytes([kind]) + _vector(3, *parts)


def _record(kind: int, version: int, content: bytes) -> bytes:
    return bytes([kind]) + _u16(min(version, TLS12)) + _vector(2, content)


def _alert(version: int, description: int, level: int = 2) -> bytes:
    return _record(21, version, bytes([level, description]))


def _extensions(extensions: Sequence[tuple[int, bytes]]) -> bytes:
    return _vector(2, *(_u16(code) + _vector(2, content) for code, content in extensions)) if extensions else b""


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag, 0x82]) + _vector(2, content) if len(content) > 127 else bytes([tag]) + _vector(1, content)


_BASIC = _der(0x06, bytes.fromhex("2b0601050507300101"))
STAPLE = _der(0x30, b"\x0a\x01\x00", _der(0xA0, _der(0x30, _BASIC, _der(0x04, _dummy("ocsp", 443)))))  # RFC 6960: successful


# --- the server


@dataclass(frozen=True)
class Leaf:
    """A certificate chain that the server has; the DER may be dummy bytes."""

    kind: str  # "RSA" | "ECDSA" | "Ed25519" | "Ed448"
    chain: tuple[bytes, ...]
    curve: int | None = None  # named group of an ECDSA key; None: P-256

    def __post_init__(self) -> None:
        if self.kind not in ("RSA", "ECDSA", "Ed25519", "Ed448"):
            raise ValueError(f"unknown kind of key: {self.kind}")

    @property
    def named_curve(self) -> int | None:
        return (self.curve or 23) if self.kind == "ECDSA" else None

    def signs(self, scheme: int, version: int) -> bool:
        """Can its key sign by this scheme, in this version?"""
        hashes, kind = divmod(scheme, 256)
        match self.kind:
            case "RSA":
                return scheme in (0x0804, 0x0805, 0x0806) or (version < TLS13 and kind == 1 and 1 <= hashes <= 6)
            case "ECDSA" if version < TLS13:
                return kind == 3 and 1 <= hashes <= 6
            case "ECDSA":
                bound = {0x0403: (23,), 0x0503: (24,), 0x0603: (25,), 0x081A: (26, 31), 0x081B: (27, 32), 0x081C: (28, 33)}
                return self.named_curve in bound.get(scheme, ())
            case "Ed25519":
                return scheme == 0x0807
        return scheme == 0x0808

    def signature(self) -> bytes:
        """Octets of the length of a signature."""
        return _dummy(("signature", self.kind), {"RSA": 256, "ECDSA": 71, "Ed25519": 64, "Ed448": 114}[self.kind])


@dataclass(frozen=True)
class Choice:
    """What a server settled on for one hello."""

    suite: Suite
    leaf: Leaf | None = None
    group: int | None = None  # None for DHE: a prime of its own
    scheme: int | None = None


class Server(Protocol):
    """Whatever answers a hello."""

    def answer(self, hello: bytes) -> Answer: ...


@dataclass(frozen=True)
class TLSServer:
    """A server, by what it can do and how it does it.

    Suites of PSK, Kerberos, SRP, GOST, ECCPWD, DSS, static DH, and static ECDH_RSA below TLS 1.2 may be enabled, but are never usable.
    """

    suites: Mapping[
        int, tuple[int, ...]
    ]  # version (0x0002, 0x0300 to 0x0304) -> suites in its order; the version is off without any
    leaves: tuple[Leaf, ...]
    groups: tuple[int, ...]  # in its order; with rfc7919 also its ffdhe groups
    groups13: tuple[int, ...] | None = None  # for TLS 1.3; None: those of `groups` that TLS 1.3 has
    server_order: bool = True
    server_group_order: bool = False
    prioritize_chacha: bool = False
    ecdhe_without_groups: bool = True  # takes ECDHE, with its first curve, if the client names no groups
    dh_prime: bytes = field(default_factory=modp_2048)
    dh_primes: Mapping[int, bytes] = field(default_factory=dict)  # by suite
    rfc7919: bool = False
    dhe_by_name_only: bool = False  # with rfc7919, as OpenSSL 4 without parameters of its own: no DHE where the client names no field
    signature_schemes: tuple[int, ...] = (
        *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806),
        *(0x0401, 0x0501, 0x0601, 0x0203, 0x0201),
    )
    signature_order: Literal["server", "client"] = "server"
    static_rsa_needs_scheme: bool = False  # as OpenSSL: in TLS 1.2 no RSA key exchange without a common scheme
    checks_leaf_curve: bool = True
    supported_versions: bool = True  # False: a server from before TLS 1.3, which looks at legacy_version only
    renegotiation_info: bool = True
    extended_master_secret: bool = True
    encrypt_then_mac: bool = True
    session_tickets: bool = True
    truncated_hmac: bool = False
    heartbeat: bool = False
    acknowledges_sni: bool = False
    staples: bool = False
    asks_client_certificate: bool = False
    compression: tuple[int, ...] = (0,)  # in its order
    downgrade_sentinel: bool = True
    fallback_scsv: bool = True
    cookie: bytes | None = None  # in a HelloRetryRequest
    refusal: Refusal = "alert"
    v2_refusal: Refusal = "alert"
    v2_lists_all: bool = False  # SERVER-HELLO lists all its cipher kinds, not the common ones
    v2_hello: bool = True  # takes an SSLv2-formed hello for SSLv3 and TLS
    warns_unrecognized_name: bool = False
    intolerant_refusal: Refusal | None = None  # None: as `refusal`
    max_hello: int | None = None  # octets in a record
    max_suites: int | None = None
    no_tls13_offer: bool = False
    no_grease_or_unknown: bool = False
    needs_sni: bool = False
    refuses_odd_sni: frozenset[str] | None = None  # the names it takes; None: all
    record_size: int = 16384
    messages_per_record: bool = True  # a record for each message; False: as many as fit

    def __post_init__(self) -> None:
        for version, suites in self.suites.items():
            if version not in (SSL2, SSL3, TLS10, TLS11, TLS12, TLS13):
                raise ValueError(f"unknown version {version:#06x}")
            for code in suites if version != SSL2 else ():
                if code not in SUITES:
                    raise ValueError(f"unknown suite {code:#06x}")
                if (SUITES[code].exchange == "1.3") != (version == TLS13):
                    raise ValueError(f"{SUITES[code].name} is no suite of version {version:#06x}")

    # what it would ever do

    @property
    def versions(self) -> tuple[int, ...]:
        """Versions of SSLv3 and TLS that are on, the highest first."""
        return tuple(sorted((version for version, suites in self.suites.items() if version != SSL2 and suites), reverse=True))

    @property
    def usable_groups13(self) -> tuple[int, ...]:
        return tuple(g for g in (self.groups if self.groups13 is None else self.groups13) if g in _SHARE_OCTETS)

    def negotiable(self, version: int) -> tuple[int, ...]:
        """Suites that a client with every group and scheme can get by offering them alone, in the server's order."""
        enabled = self.suites.get(version, ())
        if version == SSL2:
            return enabled if any(leaf.kind == "RSA" for leaf in self.leaves) else ()
        groups = tuple(dict.fromkeys((*self.groups, *self.usable_groups13, *_POINT_OCTETS)))
        hello = Hello(version, bytes(32), b"", enabled, groups=groups, signature_schemes=self.signature_schemes)
        if version == TLS13:
            return enabled if self.usable_groups13 and self._leaf13(hello) else ()
        return tuple(code for code in enabled if self._fit(SUITES[code], hello, version))

    # the answer

    def answer(self, hello: bytes) -> Answer:
        """Everything it says to all that the client wrote."""
        hellos = read_hellos(hello)
        first = hellos[0]
        if first.legacy_version == SSL2:
            return self._answer_v2(first)
        version = min(first.legacy_version, TLS12)
        how = self.refusal if first.record_version is not None else self.v2_refusal
        try:
            self._tolerate(first)
            if first.record_version is None:
                first = self._upgrade(first)
            version = self._version(first)
            how = self.refusal
            self._name(first)
            if version < TLS13:
                assert len(hellos) == 1, "a second ClientHello, but nobody asked for it"
                return self._flight(first, version)
            return self._flight13(hellos)
        except _RefusedError as refused:
            how = self.intolerant_refusal or how if refused.intolerant else how
            if how == "alert":
                sslv3 = first.legacy_version == SSL3 and refused.alert == PROTOCOL_VERSION
                return _alert(version, HANDSHAKE_FAILURE if sslv3 else refused.alert)
            return Closes() if how == "close" else Silent()

    def _upgrade(self, hello: Hello) -> Hello:
        """Make a hello of SSLv3 or TLS of one in the form of SSLv2."""
        if not self.v2_hello:
            raise _RefusedError(PROTOCOL_VERSION)
        return Hello(hello.legacy_version, hello.random, b"", tuple(kind for kind in hello.suites if kind <= 0xFFFF))

    def _tolerate(self, hello: Hello) -> None:
        """Stumble over what a correct server would not mind."""
        unknown = (
            any(code not in SUITES for code in hello.suites)
            or any(code not in KNOWN_EXTENSIONS for code in hello.extensions)
            or any(code in GREASE for codes in (hello.groups, hello.versions, hello.signature_schemes) for code in codes or ())
        )
        if (
            (self.max_hello is not None and hello.largest_record > self.max_hello)
            or (self.max_suites is not None and len(hello.suites) > self.max_suites)
            or (self.no_tls13_offer and TLS13 in (hello.versions or ()))
            or (self.no_grease_or_unknown and unknown)
        ):
            raise _RefusedError(HANDSHAKE_FAILURE, intolerant=True)

    def _version(self, hello: Hello) -> int:
        offered = hello.versions if self.supported_versions else None
        common = [v for v in self.versions if (v <= hello.legacy_version if offered is None else v in offered)]
        if not common:
            raise _RefusedError(PROTOCOL_VERSION)
        if self.fallback_scsv and FALLBACK_SCSV in hello.suites and common[0] < self.versions[0]:
            raise _RefusedError(INAPPROPRIATE_FALLBACK)
        return common[0]

    def _name(self, hello: Hello) -> None:
        if self.needs_sni and hello.sni is None:
            raise _RefusedError(HANDSHAKE_FAILURE)
        if self.refuses_odd_sni is not None and hello.sni is not None and hello.sni not in self.refuses_odd_sni:
            raise _RefusedError(UNRECOGNIZED_NAME)

    # what it chooses

    def _ordered(self, hello: Hello, version: int) -> list[Suite]:
        """Suites in common, in the order in which it tries them."""
        own = self.suites[version]
        if not self.server_order:
            return [SUITES[code] for code in hello.suites if code in own]
        common = [SUITES[code] for code in own if code in hello.suites]
        top = next((SUITES[code] for code in hello.suites if code in SUITES and SUITES[code].exchange), None)
        if self.prioritize_chacha and top is not None and top.chacha:
            common.sort(key=lambda suite: not suite.chacha)
        return common

    def _groups_in_common(self, own: Iterable[int], offered: Iterable[int]) -> list[int]:
        first, second = (own, set(offered)) if self.server_group_order else (offered, set(own))
        return [group for group in first if group in second]

    def _scheme(self, hello: Hello, leaf: Leaf, version: int) -> int | None:
        return next((scheme for scheme in self._schemes(hello) if leaf.signs(scheme, version)), None)

    def _schemes(self, hello: Hello) -> list[int]:
        offered = (0x0201, 0x0203) if hello.signature_schemes is None else hello.signature_schemes
        first, second = (self.signature_schemes, offered) if self.signature_order == "server" else (offered, self.signature_schemes)
        return [scheme for scheme in first if scheme in second]

    def _choose(self, hello: Hello, version: int) -> Choice:
        common = self._ordered(hello, version)
        for suite in common:
            choice = self._fit(suite, hello, version)
            if choice is not None:
                return choice
        without_dhe = any(suite.exchange == "DHE" for suite in common) and self._refuses_dhe(hello)
        raise _RefusedError(INSUFFICIENT_SECURITY if without_dhe else HANDSHAKE_FAILURE)

    def _ffdhe(self, hello: Hello) -> list[int] | None:
        """Groups of RFC 7919 in common; None where the client or the server knows nothing of it."""
        offered = [group for group in hello.groups or () if 256 <= group <= 511]
        if not (self.rfc7919 and offered):
            return None
        return self._groups_in_common([group for group in self.groups if group in _FFDHE], offered)

    def _refuses_dhe(self, hello: Hello) -> bool:
        return self._ffdhe(hello) == []

    def _fit(self, suite: Suite, hello: Hello, version: int) -> Choice | None:
        """Settle what the suite needs, or None: below TLS 1.3."""
        groups = hello.groups if version > SSL3 else None
        group: int | None = None
        match suite.exchange:
            case "ECDHE":
                own = [code for code in self.groups if code in _POINT_OCTETS]
                common = (own if self.ecdhe_without_groups else []) if groups is None else self._groups_in_common(own, groups)
                if not common:
                    return None
                group = common[0]
            case "DHE" if version > SSL3:
                shared = self._ffdhe(hello)
                if shared == [] or (shared is None and self.dhe_by_name_only):
                    return None
                group = shared[0] if shared else None
            case "" | "1.3":
                return None
        if suite.authentication == "anon":
            return Choice(suite, group=group)
        for leaf in self.leaves:
            if not self._authenticates(leaf, suite, version):
                continue
            curve = leaf.named_curve
            if curve is not None and self.checks_leaf_curve and groups is not None and curve not in groups:
                continue
            if version < TLS12 or not (suite.exchange in SIGNED or (suite.exchange == "RSA" and self.static_rsa_needs_scheme)):
                return Choice(suite, leaf, group)
            scheme = self._scheme(hello, leaf, version)
            if scheme is not None:
                return Choice(suite, leaf, group, scheme)
        return None

    @staticmethod
    def _authenticates(leaf: Leaf, suite: Suite, version: int) -> bool:
        if suite.exchange == "ECDH":  # RFC 5246, 7.4.2: from TLS 1.2 on, who signed the certificate does not matter
            return leaf.kind == "ECDSA" and (suite.authentication == "ECDSA" or version == TLS12)
        if suite.authentication == "ECDSA":
            return leaf.kind == "ECDSA" or (leaf.kind in ("Ed25519", "Ed448") and version == TLS12)
        return leaf.kind == suite.authentication

    def _leaf13(self, hello: Hello) -> tuple[Leaf, int] | None:
        return next(
            ((leaf, scheme) for scheme in self._schemes(hello) for leaf in self.leaves if leaf.signs(scheme, TLS13)),
            None,
        )

    # what it says

    def _records(self, version: int, messages: Sequence[bytes]) -> bytes:
        return b"".join(_record(22, version, fragment) for fragment in self._fragments(messages))

    def _fragments(self, messages: Sequence[bytes]) -> Iterator[bytes]:
        for content in messages if self.messages_per_record else [b"".join(messages)]:
            for start in range(0, len(content), self.record_size):
                yield content[start : start + self.record_size]

    def _flight13(self, hellos: Sequence[Hello]) -> bytes:
        first = hellos[0]
        common = self._ordered(first, TLS13)
        groups = self._groups_in_common(self.usable_groups13, first.groups or ())
        found = self._leaf13(first)
        if not (common and groups and found):
            raise _RefusedError(HANDSHAKE_FAILURE)
        suite, (leaf, _) = common[0], found
        group = next((code for code in groups if code in (first.shares or {})), None)
        if group is not None:
            assert len(hellos) == 1, "a second ClientHello, but nobody asked for it"
            return self._server_hello13(first, suite, leaf, group)
        retry = [(VERSIONS, _u16(TLS13)), (KEY_SHARE, _u16(groups[0]))]
        if self.cookie is not None:
            retry.append((COOKIE, _vector(2, self.cookie)))
        asks = self._records(TLS12, [self._hello13(first, suite, RETRY_RANDOM, retry)]) + self._middlebox(first)
        if len(hellos) == 1:
            return asks
        self._check_second(first, hellos[1], groups[0])
        return asks + self._server_hello13(hellos[1], suite, leaf, groups[0], again=True)

    def _check_second(self, first: Hello, second: Hello, group: int) -> None:
        """RFC 8446, 4.1.2: only what the HelloRetryRequest asked for may change."""
        for part in ("legacy_version", "random", "session_id", "suites", "compressions"):
            assert getattr(first, part) == getattr(second, part), f"second ClientHello: {part} changed"
        assert list(second.shares or ()) == [group], f"second ClientHello: key_share is not for group {group:#06x} alone"
        assert (COOKIE in second.extensions) == (self.cookie is not None), "second ClientHello: cookie"
        if self.cookie is not None:
            assert second.extensions[COOKIE] == _vector(2, self.cookie), "second ClientHello: another cookie"
        may = (KEY_SHARE, COOKIE, PADDING)
        before = {code: content for code, content in first.extensions.items() if code not in may}
        after = {code: content for code, content in second.extensions.items() if code not in may}
        assert before == after, "second ClientHello: other extensions"

    @staticmethod
    def _hello13(hello: Hello, suite: Suite, random: bytes, extensions: Sequence[tuple[int, bytes]]) -> bytes:
        return _message(2, _u16(TLS12), random, _vector(1, hello.session_id), _u16(suite.code), b"\0", _extensions(extensions))

    @staticmethod
    def _middlebox(hello: Hello) -> bytes:
        """RFC 8446, D.4."""
        return _record(20, TLS12, b"\x01") if hello.session_id else b""

    def _server_hello13(self, hello: Hello, suite: Suite, leaf: Leaf, group: int, *, again: bool = False) -> bytes:
        share = (KEY_SHARE, _u16(group) + _vector(2, _server_share(group)))
        server_hello = self._hello13(hello, suite, _dummy(("random", hello.random), 32), [(VERSIONS, _u16(TLS13)), share])
        certificate = 4 + 1 + 3 + sum(3 + len(der) + 2 for der in leaf.chain)
        finished = 4 + (48 if suite.name.endswith("SHA384") else 32)
        lengths = (6, certificate, 4 + 2 + 2 + len(leaf.signature()), finished)
        opaque = [_dummy(("sealed", n), length) for n, length in enumerate(lengths)]
        sealed = b"".join(_record(23, TLS12, part + _dummy("tag", 17)) for part in self._fragments(opaque))
        return self._records(TLS12, [server_hello]) + (b"" if again else self._middlebox(hello)) + sealed

    def _flight(self, hello: Hello, version: int) -> bytes:
        choice = self._choose(hello, version)
        messages = [self._server_hello(hello, version, choice)]
        leaf = choice.leaf
        if leaf is not None:
            messages.append(_message(11, _vector(3, *(_vector(3, der) for der in leaf.chain))))
            if self._stapled(hello, version):
                messages.append(_message(22, b"\x01", _vector(3, STAPLE)))
        parameters = self._parameters(choice)
        if parameters:
            signature = b"" if leaf is None else _vector(2, leaf.signature())
            scheme = b"" if leaf is None or choice.scheme is None else _u16(choice.scheme)
            messages.append(_message(12, parameters, scheme, signature))
        if self.asks_client_certificate and leaf is not None:
            schemes = _vector(2, _u16(*self.signature_schemes)) if version == TLS12 else b""
            messages.append(_message(13, _vector(1, b"\x01\x40"), schemes, _vector(2)))
        messages.append(_message(14))
        warning = _alert(version, UNRECOGNIZED_NAME, level=1) if self.warns_unrecognized_name and hello.sni is not None else b""
        return warning + self._records(version, messages)

    def _stapled(self, hello: Hello, version: int) -> bool:
        return self.staples and STATUS_REQUEST in hello.extensions and version > SSL3

    def _server_hello(self, hello: Hello, version: int, choice: Choice) -> bytes:
        random = _dummy(("random", hello.random), 32)
        if self.downgrade_sentinel and version < TLS12 <= self.versions[0]:
            random = random[:24] + b"DOWNGRD\x00"
        elif self.downgrade_sentinel and version == TLS12 and self.versions[0] == TLS13:
            random = random[:24] + b"DOWNGRD\x01"
        compression = next((method for method in self.compression if method in hello.compressions), None)
        if compression is None:
            raise _RefusedError(HANDSHAKE_FAILURE)
        extensions = self._server_extensions(hello, version, choice)
        session_id = b"" if SESSION_TICKET in dict(extensions) else _dummy("session", 32)
        return _message(
            2,
            _u16(version),
            random,
            _vector(1, session_id),
            _u16(choice.suite.code),
            bytes([compression]),
            _extensions(extensions),
        )

    def _server_extensions(self, hello: Hello, version: int, choice: Choice) -> list[tuple[int, bytes]]:
        """Its answers to the client's extensions; SSLv3 has none but the one that its SCSV stands for."""
        suite, said = choice.suite, hello.extensions
        renegotiation = RENEGOTIATION_INFO in said or RENEGOTIATION_SCSV in hello.suites
        answers = [(RENEGOTIATION_INFO, b"\0")] if self.renegotiation_info and renegotiation else []
        if version == SSL3:
            return answers
        elliptic = suite.exchange in ("ECDHE", "ECDH") or suite.authentication == "ECDSA"
        possible = (
            (SERVER_NAME, b"", self.acknowledges_sni),
            (POINT_FORMATS, b"\x03\x00\x01\x02", elliptic),
            (SESSION_TICKET, b"", self.session_tickets),
            (STATUS_REQUEST, b"", self._stapled(hello, version) and choice.leaf is not None),
            (TRUNCATED_HMAC, b"", self.truncated_hmac and not suite.aead),
            (HEARTBEAT, b"\x01", self.heartbeat),
            (ENCRYPT_THEN_MAC, b"", self.encrypt_then_mac and suite.block),
            (EXTENDED_MASTER_SECRET, b"", self.extended_master_secret),
        )
        return answers + [(code, content) for code, content, does in possible if does and code in said]

    def _parameters(self, choice: Choice) -> bytes:
        """Parameters of ServerKeyExchange; empty where the message is not sent."""
        suite = choice.suite
        match suite.exchange:
            case "ECDHE":
                assert choice.group is not None
                return b"\x03" + _u16(choice.group) + _vector(1, _point(choice.group))
            case "DHE" | "DHE_EXPORT":
                own = EXPORT_PRIME if suite.exchange == "DHE_EXPORT" else self.dh_prime
                prime = self.dh_primes.get(suite.code, own) if choice.group is None else ffdhe_prime(choice.group)
                public = _dummy("dh", len(prime.lstrip(b"\0")))
                return _vector(2, prime) + _vector(2, b"\x02") + _vector(2, public)
            case "RSA_EXPORT" | "RSA_EXPORT1024":
                octets = 64 if suite.exchange == "RSA_EXPORT" else 128
                return _vector(2, b"\xc5" + _dummy("rsa", octets - 2) + b"\x05") + _vector(2, b"\x01\x00\x01")
        return b""

    def _answer_v2(self, hello: Hello) -> Answer:
        own = self.suites.get(SSL2, ())
        common = tuple(kind for kind in own if kind in hello.suites)
        leaf = next((leaf for leaf in self.leaves if leaf.kind == "RSA"), None)
        if own and common and leaf is not None:
            kinds = b"".join(kind.to_bytes(3, "big") for kind in (own if self.v2_lists_all else common))
            certificate, connection = leaf.chain[0], _dummy("connection", 16)
            lengths = _u16(len(certificate), len(kinds), len(connection))
            return self._record_v2(b"\x04\x00\x01" + _u16(SSL2) + lengths + certificate + kinds + connection)
        if self.v2_refusal == "alert":  # ERROR: no cipher, no certificate; a server without SSLv2 says no in TLS
            return self._record_v2(b"\x00" + _u16(2 if common else 1)) if own else _alert(TLS10, PROTOCOL_VERSION)
        return Closes() if self.v2_refusal == "close" else Silent()

    @staticmethod
    def _record_v2(content: bytes) -> bytes:
        assert len(content) < 2**15, "SSLv2: the certificate does not fit"
        return _u16(0x8000 | len(content)) + content


# --- servers that have had enough


@dataclass
class Counting:
    """A server that counts the hellos it is sent, and at some of them does something else."""

    server: Server
    instead: Callable[[int], Answer | None]  # number of the call, from 1 -> what it does instead of answering
    calls: int = 0

    @classmethod
    def after(cls, n: int, server: Server) -> Self:
        """Answers n times, then says nothing: a limit of the rate."""
        return cls(server, lambda call: Silent() if call > n else None)

    @classmethod
    def closes_every(cls, k: int, server: Server) -> Self:
        """Closes at every k-th call."""
        return cls(server, lambda call: Closes() if call % k == 0 else None)

    def answer(self, hello: bytes) -> Answer:
        self.calls += 1
        instead = self.instead(self.calls)
        return self.server.answer(hello) if instead is None else instead
