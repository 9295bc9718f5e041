"""The model of a server is itself right: OpenSSL's client understands it, up to the point where cryptography is missing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from OpenSSL import SSL
from server_model import SUITES, Closes, Counting, Leaf, Silent, TLSServer, _check_share, _point, ffdhe_prime, modp_2048, read_hello

RSA_SUITES = (0xC02F, 0x009E, 0x009C, 0xC013, 0x0033, 0x002F)
ECDSA_SUITES = (0xC02B, 0xC009)
ANON_SUITES = (0x0034, 0xC018)
LEGACY = tuple(code for code in (*RSA_SUITES, *ECDSA_SUITES, *ANON_SUITES) if not SUITES[code].aead)
X25519, P256, P384 = 29, 23, 24


def _leaf(kind: str) -> Leaf:
    keys = {
        "RSA": lambda: rsa.generate_private_key(65537, 2048),
        "ECDSA": lambda: ec.generate_private_key(ec.SECP256R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate,
    }
    key, now = keys[kind](), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    certificate = builder.sign(key, None if kind == "Ed25519" else hashes.SHA256())
    return Leaf(kind, (certificate.public_bytes(serialization.Encoding.DER),), P256 if kind == "ECDSA" else None)


LEAVES = {kind: _leaf(kind) for kind in ("RSA", "ECDSA", "Ed25519")}
SERVER = TLSServer(
    suites={
        **dict.fromkeys((0x0301, 0x0302), LEGACY),
        0x0303: (*RSA_SUITES, *ECDSA_SUITES, *ANON_SUITES),
        0x0304: (0x1302, 0x1301, 0x1303),
    },
    leaves=(LEAVES["RSA"], LEAVES["ECDSA"]),
    groups=(X25519, P256, P384),
)


class Client:
    """OpenSSL's client over memory."""

    def __init__(self, ciphers: str = "ALL", low: int = SSL.TLS1_VERSION, high: int = SSL.TLS1_3_VERSION, sni: str = "mx.example"):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(low)
        context.set_max_proto_version(high)
        context.set_cipher_list(f"{ciphers}:@SECLEVEL=0".encode())
        context.set_ocsp_client_callback(lambda *_: True)
        self.connection = SSL.Connection(context, None)
        self.connection.set_connect_state()
        self.connection.request_ocsp()
        if sni:
            self.connection.set_tlsext_host_name(sni.encode())

    def hear(self, data: bytes = b"") -> tuple[bytes, str]:
        """Take what the server says; return what the client writes then, and its complaint."""
        if data:
            self.connection.bio_write(data)
        complaint = ""
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            complaint = ", ".join(reason for _, _, reason in error.args[0])
        try:
            return self.connection.bio_read(2**16), complaint
        except SSL.WantReadError:
            return b"", complaint


def handshake(flight: bytes) -> list[tuple[int, bytes]]:
    """Handshake messages in plaintext records: (type, body)."""
    joined, found = b"", []
    while flight:
        length = int.from_bytes(flight[3:5], "big")
        assert len(flight) >= 5 + length
        joined, flight = joined + (flight[5 : 5 + length] if flight[0] == 22 else b""), flight[5 + length :]
    while joined:
        length = int.from_bytes(joined[1:4], "big")
        found.append((joined[0], joined[4 : 4 + length]))
        joined = joined[4 + length :]
    return found


def chosen(flight: bytes) -> tuple[int, int]:
    """Version field and suite of a ServerHello."""
    body = dict(handshake(flight))[2]
    after = 35 + body[34]
    return int.from_bytes(body[:2], "big"), int.from_bytes(body[after : after + 2], "big")


def hello(
    suites: Sequence[int],
    *extensions: tuple[int, bytes],
    version: int = 0x0303,
    record: int = 0x0301,
    compressions: bytes = b"\0",
) -> bytes:
    """A hello by hand."""
    codes = b"".join(code.to_bytes(2, "big") for code in suites)
    block = b"".join(code.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content for code, content in extensions)
    body = version.to_bytes(2, "big") + bytes(33) + len(codes).to_bytes(2, "big") + codes
    body += bytes([len(compressions)]) + compressions + (len(block).to_bytes(2, "big") + block if extensions else b"")
    return b"\x16" + record.to_bytes(2, "big") + (len(body) + 4).to_bytes(2, "big") + b"\x01" + len(body).to_bytes(3, "big") + body


def listed(*codes: int) -> bytes:
    return (2 * len(codes)).to_bytes(2, "big") + b"".join(code.to_bytes(2, "big") for code in codes)


def test_its_numbers_are_those_of_the_rfcs() -> None:
    for curve, code in ((ec.SECP256R1(), 23), (ec.SECP384R1(), 24), (ec.SECP521R1(), 25)):
        point = ec.derive_private_key(1, curve).public_key()
        assert _point(code) == point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        _check_share(code, _point(code))
        with pytest.raises(AssertionError, match="not on curve"):
            _check_share(code, _point(code)[:-1] + b"\0")
    for prime in (modp_2048(), ffdhe_prime(256), ffdhe_prime(257)):
        p = int.from_bytes(prime, "big")
        assert pow(3, p - 1, p) == 1, "a prime"
        assert pow(3, (p - 1) // 2 - 1, (p - 1) // 2) == 1, "and a safe one"


@pytest.mark.parametrize("size", [16384, 100])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION])
@pytest.mark.parametrize(
    ("cipher", "code", "complaint"),
    [
        ("AES128-SHA", 0x002F, ""),
        ("DHE-RSA-AES128-SHA", 0x0033, "bad signature"),
        ("ECDHE-RSA-AES128-SHA", 0xC013, "bad signature"),
        ("ECDHE-ECDSA-AES128-SHA", 0xC009, "bad signature"),
        ("ADH-AES128-SHA", 0x0034, ""),
        ("AECDH-AES128-SHA", 0xC018, ""),
    ],
)
def test_openssl_reads_the_flight_until_the_signature(cipher, code, complaint, version, apart, size) -> None:
    client = Client(cipher, version, version)
    server = replace(SERVER, messages_per_record=apart, record_size=size, staples=True, asks_client_certificate=True)
    flight = server.answer(client.hear()[0])
    assert isinstance(flight, bytes)
    assert chosen(flight) == (version, code)
    wrote, said = client.hear(flight)
    assert complaint in said if complaint else not said
    assert bool(complaint) or wrote[0] == 22, "it goes on with its key exchange"


@pytest.mark.parametrize(
    ("cipher", "kind"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", "RSA"),
        ("DHE-RSA-AES128-GCM-SHA256", "RSA"),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA"),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "Ed25519"),
    ],
)
def test_openssl_reads_aead_suites_and_an_edwards_key(cipher, kind) -> None:
    client = Client(cipher, high=SSL.TLS1_2_VERSION)
    flight = replace(SERVER, leaves=(LEAVES[kind],)).answer(client.hear()[0])
    assert [kind for kind, _ in handshake(flight)] == [2, 11, 12, 14]
    assert "bad signature" in client.hear(flight)[1]


@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-SHA", "ADH-AES128-SHA"])
def test_openssl_takes_a_warning_and_all_extensions(cipher) -> None:
    client = Client(cipher, high=SSL.TLS1_2_VERSION)
    server = replace(SERVER, warns_unrecognized_name=True, acknowledges_sni=True, session_tickets=False)
    server = replace(server, rfc7919=True, groups=(X25519, 256))
    flight = server.answer(client.hear()[0])
    assert flight[:7] == bytes.fromhex("15 0303 0002 01 70")
    complaint = client.hear(flight)[1]
    assert "bad signature" in complaint if "DHE-RSA" in cipher else not complaint


def test_a_usable_key_share_gets_a_server_hello() -> None:
    client = Client()
    flight = SERVER.answer(client.hear()[0])
    assert chosen(flight) == (0x0303, 0x1302)
    assert len(handshake(flight)) == 1
    assert client.hear(flight)[1].startswith("decryption failed or bad record mac")


@pytest.mark.parametrize("group", [P256, P384, 25, 30, 256, 257])
@pytest.mark.parametrize("cookie", [None, b"crumbs"])
def test_without_a_usable_share_the_client_is_asked_again(group, cookie) -> None:
    client = Client()
    server = replace(SERVER, groups13=(group,), cookie=cookie)
    first = client.hear()[0]
    assert group not in (read_hello(first).shares or {})
    retry = server.answer(first)
    second, complaint = client.hear(retry)
    assert not complaint
    both = server.answer(first + second)
    assert both.startswith(retry)
    assert list(read_hello(second).shares or {}) == [group]
    assert client.hear(both[len(retry) :])[1].startswith("decryption failed or bad record mac")


@pytest.mark.parametrize(("group"), [0x11EB, 0x11EC, 0x11ED])
def test_openssl_reads_a_hybrid_share(group) -> None:
    client = Client()
    server = replace(SERVER, groups13=(group,))
    wrote = client.hear()[0]
    flight = server.answer(wrote)
    if group not in (read_hello(wrote).groups or ()):
        assert flight[5:] == bytes([2, 40])
        return
    seen = b""
    if group not in (read_hello(wrote).shares or {}):
        seen = flight
        flight = server.answer(wrote + client.hear(flight)[0])
    assert client.hear(flight[len(seen) :])[1].startswith("decryption failed or bad record mac")


def test_the_downgrade_sentinel_is_seen_by_openssl() -> None:
    client = Client("ECDHE-RSA-AES128-SHA")
    wrote = client.hear()[0]
    only = {version: SERVER.suites[version] for version in (0x0301, 0x0302, 0x0303)}
    assert "bad signature" in client.hear(replace(SERVER, suites=only).answer(wrote))[1]
    client = Client("ECDHE-RSA-AES128-SHA")
    assert "inappropriate fallback" in client.hear(replace(SERVER, supported_versions=False).answer(client.hear()[0]))[1]
    client = Client("ECDHE-RSA-AES128-SHA", high=SSL.TLS1_2_VERSION)
    body = dict(handshake(SERVER.answer(client.hear()[0])))[2]
    assert body[26:34] == b"DOWNGRD\x01"
    body = dict(handshake(SERVER.answer(hello([0x002F], version=0x0302))))[2]
    assert body[26:34] == b"DOWNGRD\x00"


def test_order_of_server_client_and_chacha() -> None:
    suites = {0x0303: (0xC02F, 0xC030, 0xCCA8, 0x009C)}
    groups = (10, listed(X25519))
    for server, offered, expected in (
        ({}, [0x009C, 0xC030, 0xC02F], 0xC02F),
        ({"server_order": False}, [0x009C, 0xC030], 0x009C),
        ({"prioritize_chacha": True}, [0x0A0A, 0xCCA8, 0xC02F], 0xCCA8),
        ({"prioritize_chacha": True}, [0xC02F, 0xCCA8], 0xC02F),
    ):
        flight = replace(SERVER, suites=suites, **server).answer(hello(offered, groups, (13, listed(0x0804, 0x0401))))
        assert chosen(flight)[1] == expected


@pytest.mark.parametrize(
    ("changes", "said", "expected"),
    [
        ({}, hello([0x0001]), "0303 0002 02 28"),
        ({}, hello([0x002F], version=0x0300, record=0x0300), "0300 0002 02 28"),
        ({"suites": {0x0303: (0x002F,)}}, hello([0x002F], version=0x0302), "0302 0002 02 46"),
        ({}, hello([0x002F, 0x5600], version=0x0302), "0302 0002 02 56"),
        ({}, hello([0xC009], (10, listed(P384)), version=0x0302), "0302 0002 02 28"),
        ({}, hello([0xC02F], (10, listed(P256)), (13, listed(0x0403))), "0303 0002 02 28"),
        ({"rfc7919": True}, hello([0x0033], (10, listed(0x01FF)), version=0x0302), "0302 0002 02 47"),
        ({"needs_sni": True}, hello([0x002F]), "0303 0002 02 28"),
        ({"refuses_odd_sni": frozenset({"a.example"})}, hello([0x002F], (0, b"\0\x06\0\0\x03b.b")), "0303 0002 02 70"),
        ({"max_suites": 1}, hello([0x002F, 0x0033]), "0303 0002 02 28"),
        ({"max_hello": 40}, hello([0x002F]), "0303 0002 02 28"),
        ({"no_grease_or_unknown": True}, hello([0x002F, 0x0A0A]), "0303 0002 02 28"),
    ],
)
def test_refusals(changes, said, expected) -> None:
    server = replace(SERVER, **changes)
    assert server.answer(said) == b"\x15" + bytes.fromhex(expected)
    assert replace(server, refusal="close").answer(said) == Closes()
    assert replace(server, refusal="silent").answer(said) == Silent()
    assert replace(server, intolerant_refusal="alert").answer(said) == b"\x15" + bytes.fromhex(expected)


def test_dhe_by_rfc_7919() -> None:
    server = replace(SERVER, rfc7919=True, groups=(257, 256))
    body = dict(handshake(server.answer(hello([0x0033], (10, listed(256, 257)), version=0x0302))))[12]
    assert body[2:258] == ffdhe_prime(256)
    body = dict(handshake(server.answer(hello([0x0033], (10, listed(X25519)), version=0x0302))))[12]
    assert body[2:258] == modp_2048()
    assert SERVER.answer(hello([0x0033], (10, listed(0x01FF)), version=0x0302))[0] == 22


def test_sslv3_and_export_and_compression() -> None:
    suites = {0x0300: (0x0003, 0x0014, 0x0019, 0xC014)}
    server = replace(SERVER, suites=suites, compression=(1, 0))
    for code, kinds in ((0x0003, [2, 11, 12, 14]), (0x0014, [2, 11, 12, 14]), (0x0019, [2, 12, 14])):
        flight = server.answer(hello([code, 0x00FF], version=0x0300, record=0x0300, compressions=b"\x01\0"))
        assert flight[:3] == b"\x16\x03\x00"
        assert [kind for kind, _ in handshake(flight)] == kinds
        assert handshake(flight)[0][1].endswith(code.to_bytes(2, "big") + bytes.fromhex("01 0005 ff01 0001 00"))
    assert dict(handshake(server.answer(hello([0x0003], version=0x0300, record=0x0300))))[12][:2] == b"\0\x40"
    assert server.negotiable(0x0300) == suites[0x0300]
    assert replace(server, leaves=()).negotiable(0x0300) == (0x0019,)


def test_sslv2() -> None:
    kinds = (0x0700C0, 0x010080)
    said = bytes.fromhex("0100020006000000100700c0020080") + bytes(16)
    said = (0x8000 | len(said)).to_bytes(2, "big") + said
    server = replace(SERVER, suites={0x0002: kinds})
    flight = server.answer(said)
    length = len(LEAVES["RSA"].chain[0])
    assert flight[2:13] == bytes.fromhex("040001 0002") + length.to_bytes(2, "big") + bytes.fromhex("0003 0010")
    assert flight[13 + length : 16 + length] == b"\x07\0\xc0"
    assert len(flight) == 2 + int.from_bytes(flight[:2], "big") - 0x8000
    assert len(replace(server, v2_lists_all=True).answer(said)) == len(flight) + 3
    assert replace(server, suites={0x0002: (0x060040,)}).answer(said) == bytes.fromhex("8003 00 0001")
    assert SERVER.answer(said) == bytes.fromhex("15 0301 0002 02 46")
    assert replace(SERVER, v2_refusal="close").answer(said) == Closes()
    upgraded = bytes.fromhex("801c 01 0301 0003 0000 0010 00002f") + bytes(16)
    assert chosen(SERVER.answer(upgraded)) == (0x0301, 0x002F)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (b"", "wrote nothing"),
        (hello([0x002F])[:-1], "octets wanted"),
        (hello([0x002F]) + b"\0", "record"),
        (hello([]), "empty list"),
        (hello([0x002F, 0x002F]), "listed twice"),
        (hello([0x002F], compressions=b"\x01"), "no null"),
        (hello([0x002F], record=0x0303), "record: version"),
        (hello([0x002F], (23, b""), (23, b"")), "extension 23 twice"),
        (hello([0x002F], (23, b"\0")), "too many"),
        (hello([0x002F], (21, b"\1")), "padding"),
        (hello([0x002F], (0, b"\0\x05\0\0\x02a.")), "trailing dot"),
        (hello([0x002F], (0, b"\0\x0a\0\0\x07" + b"1.2.3.4")), "an address"),
        (hello([0x1301], (43, b"\x02\x03\x04")), "TLS 1.3 without"),
        (hello([0x1301], (10, listed(29)), (51, b"\0\x24\0\x17\0\x20" + bytes(32))), "octets for group"),
        (hello([0x1301], (10, listed(29)), (51, b"\0\x05\x0a\x0a\0\x01\0")), "not in supported_groups"),
        (hello([0x002F], (13, listed(0x0401)), version=0x0302), "below TLS 1.2"),
        (hello([0x002F], (41, b"")), "pre_shared_key"),
    ],
)
def test_a_malformed_hello_is_noticed(said, complaint) -> None:
    with pytest.raises(AssertionError, match=complaint):
        SERVER.answer(said)


def test_empty_key_shares_ask_for_a_retry() -> None:
    extensions = ((43, b"\x02\x03\x04"), (10, listed(P384, X25519)), (13, listed(0x0804)), (51, b"\0\0"))
    flight = SERVER.answer(hello([0x1301], *extensions))
    assert handshake(flight)[0][1].endswith(bytes.fromhex("0033 0002 0018"))
    assert flight.count(b"\x16\x03\x03") == 1


def test_wrappers() -> None:
    said = hello([0x002F])
    normal = SERVER.answer(said)
    limited = Counting.after(2, SERVER)
    assert [limited.answer(said) for _ in range(4)] == [normal, normal, Silent(), Silent()]
    flaky = Counting.closes_every(2, SERVER)
    assert [flaky.answer(said) for _ in range(4)] == [normal, Closes(), normal, Closes()]
    assert (limited.calls, flaky.calls) == (4, 4)
