"""An answer is read the same however its bytes arrive, ends where it ends, and nothing else is ever taken for one.

Flights come from a model of a server that shares no code with the reader, and from OpenSSL's own servers.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, SupportsIndex

import pytest
import server_model as model
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL
from server_model import Leaf, TLSServer, _alert, _der, _extensions, _message, _record, _u16, _vector

from mailtls.hellos import Accepted, Answer, HelloOffer, Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.tls import answer as answer_module
from mailtls.tls import wire as wire_module
from mailtls.tls.answer import MAX_FLIGHT, AnswerReader, begins_with_record, read_alert, read_suite
from mailtls.tls.certificate import MAX_CHAIN
from mailtls.tls.flight import HELLO_REQUEST, read_chain
from mailtls.tls.hello import client_hello
from mailtls.tls.names import ALERTS, VERSIONS
from mailtls.tls.suites import SCHEMES, SCHEMES_13, groups_before_13, groups_of_13, offerable

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = bytes(range(32))
HOST = "mx.example"
LEAVES = (Leaf("RSA", (b"an RSA certificate", b"its issuer")), Leaf("ECDSA", (b"an ECDSA certificate",)))
RSA_SUITES = (0xC014, 0x0039, 0x0035)
ECDSA_SUITES = (0xC00A,)
ANON_SUITES = (0x003A, 0xC019)
EXPORT_SUITES = (0x0003, 0x0014, 0x0062)
SERVER = TLSServer(
    {
        0x0002: (0x010080, 0x0700C0),
        **dict.fromkeys((0x0300, 0x0301, 0x0302), (*RSA_SUITES, *ECDSA_SUITES, *ANON_SUITES, *EXPORT_SUITES)),
        0x0303: (0xC030, 0xC02C, 0x009F, 0x009D, *RSA_SUITES, *ECDSA_SUITES, *ANON_SUITES, *EXPORT_SUITES),
        0x0304: (0x1302, 0x1301),
    },
    LEAVES,
    (29, 23, 24),
    groups13=(29, 4588, 23),
)
PRIME = hashlib.sha256(model.modp_2048()).hexdigest()
JUNK = {
    "garbage": bytes(range(200)),
    "an alert": _alert(0x0303, 40),
    "a record cut short": b"\x16\x03\x03\x40\x00\x0b",
    "another flight": _record(22, 0x0303, _message(2, bytes(60))),
    "a close_notify": _alert(0x0303, 0, level=1),
    "what no record is": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


def offer_of(version: str, suites: tuple[int, ...] = (), groups: tuple[int, ...] | None = None) -> HelloOffer:
    """Offer all that a version can name, or only these suites and groups."""
    suites = suites or offerable(version)
    if version in ("SSLv2", "SSLv3"):
        return HelloOffer(version, suites)
    if version == "TLSv1.3":
        return HelloOffer(version, suites, groups or groups_of_13(), SCHEMES_13)
    return HelloOffer(version, suites, groups or groups_before_13(), SCHEMES if version == "TLSv1.2" else ())


def flight(server: TLSServer, offer: HelloOffer) -> bytes:
    said = server.answer(client_hello(offer, HOST, RANDOM))
    assert isinstance(said, bytes)
    return said


def read(offer: HelloOffer, wire: bytes) -> Answer | None:
    return AnswerReader(offer).feed(wire)


def in_records(*messages: bytes, size: int = 16_384) -> bytes:
    content = b"".join(messages)
    return b"".join(_record(22, 0x0303, content[start : start + size]) for start in range(0, len(content), size))


def hello(
    suite: int, version: int = 0x0303, extensions: tuple[tuple[int, bytes], ...] = (), server_random: bytes = bytes(32), compression: int = 0
) -> bytes:
    return _message(2, _u16(version), server_random, _vector(1), _u16(suite), bytes([compression]), _extensions(extensions))


def certificate(*chain: bytes) -> bytes:
    return _message(11, _vector(3, *(_vector(3, der) for der in chain)))


def key_exchange(*parts: bytes) -> bytes:
    return _message(12, *parts)


CERTIFICATE = certificate(b"a certificate")
DONE = _message(14)
POINT = b"\x03" + _u16(29) + _vector(1, bytes(32))
SIGNATURE = _u16(0x0804) + _vector(2, bytes(256))
NEEDS_EXCHANGE = offer_of("TLSv1.2", (0xC030,), (29, 23))
STATIC = offer_of("TLSv1.2", (0x009D,))


def same(one: Answer | None, other: Answer | None) -> bool:
    """Whether two answers are the same, but for the words in which a silence is explained."""
    if isinstance(one, Silent) and isinstance(other, Silent):
        return (one.cause, one.stage) == (other.cause, other.stage)
    return one == other


def assert_read_the_same_however_it_is_cut(offer: HelloOffer, wire: bytes) -> Answer:
    """Feed it whole, octet by octet, in chunks, and with something behind it. Returns the answer."""
    whole = read(offer, wire)
    assert whole is not None
    reader, taken = AnswerReader(offer), 0
    assert reader.end() == Refused(None, "closed")
    assert reader.end(reset=True) == Refused(None, "reset")
    assert not reader.has_begun
    for octet in wire:
        answer = reader.feed(bytes([octet]))
        taken += 1
        if answer is not None:
            break
        cut = reader.end()
        assert isinstance(cut, Silent)
        assert (cut.cause, cut.stage) == (Cause.CONNECTION_CLOSED, Stage.HELLO)
        assert reader.has_begun
    assert same(answer, whole)
    for prefix in range(1, taken, 1 + taken // 400):
        assert read(offer, wire[:prefix]) is None, prefix
    if taken > 1:
        assert read(offer, wire[: taken - 1]) is None
    for seed in range(4):
        assert same(_in_chunks(offer, wire, seed), whole)
    for name, junk in JUNK.items():
        assert same(read(offer, wire + junk), whole), name
        assert same(read(offer, wire[:taken] + junk), whole), name
        assert same(_in_chunks(offer, wire[:taken] + junk, 1), whole), name
    return whole


def _in_chunks(offer: HelloOffer, wire: bytes, seed: int) -> Answer | None:
    dice, reader = random.Random(seed), AnswerReader(offer)
    while wire:
        size = dice.choice([1, 2, 5, 50, 1000])
        answer = reader.feed(wire[:size])
        if answer is not None:
            return answer
        wire = wire[size:]
    return None


# What a model server says is what is read.

EACH = [
    ("SSLv2", 0x010080, {"cipher_suite": 0x010080, "kinds": (0x010080, 0x0700C0), "chain": LEAVES[0].chain[:1]}),
    ("SSLv3", 0xC014, {"group": 29, "chain": LEAVES[0].chain}),
    ("SSLv3", 0x0035, {"chain": LEAVES[0].chain}),
    ("TLSv1.0", 0xC014, {"group": 29, "chain": LEAVES[0].chain, "sentinel": "TLSv1.1"}),
    ("TLSv1.0", 0x0039, {"prime": PRIME, "key_bits": 2048, "chain": LEAVES[0].chain}),
    ("TLSv1.1", 0xC00A, {"group": 29, "chain": LEAVES[1].chain, "sentinel": "TLSv1.1"}),
    ("TLSv1.1", 0x0035, {"chain": LEAVES[0].chain}),
    ("TLSv1.1", 0x0003, {"key_bits": 512, "chain": LEAVES[0].chain}),
    ("TLSv1.0", 0x0062, {"key_bits": 1024, "chain": LEAVES[0].chain}),
    ("TLSv1.0", 0x0014, {"key_bits": 512, "prime": hashlib.sha256(model.EXPORT_PRIME).hexdigest(), "chain": LEAVES[0].chain}),
    ("TLSv1.2", 0xC030, {"group": 29, "signature_scheme": 0x0804, "chain": LEAVES[0].chain, "sentinel": "TLSv1.2"}),
    ("TLSv1.2", 0xC02C, {"group": 29, "signature_scheme": 0x0403, "chain": LEAVES[1].chain}),
    ("TLSv1.2", 0x009F, {"prime": PRIME, "key_bits": 2048, "signature_scheme": 0x0804, "chain": LEAVES[0].chain}),
    ("TLSv1.2", 0x009D, {"chain": LEAVES[0].chain}),
    ("TLSv1.2", 0x003A, {"prime": PRIME, "key_bits": 2048, "chain": (), "signature_scheme": None}),
    ("TLSv1.2", 0xC019, {"group": 29, "chain": (), "signature_scheme": None}),
    ("TLSv1.3", 0x1302, {"group": 4588, "chain": (), "sentinel": "", "extensions": (43, 51)}),
]


@pytest.mark.parametrize(("version", "suite", "wanted"), EACH)
def test_what_a_server_chose_is_read_from_its_flight(version: str, suite: int, wanted: dict[str, object]) -> None:
    offer = offer_of(version, (suite, 0x0700C0) if version == "SSLv2" else (suite,))
    answer = assert_read_the_same_however_it_is_cut(offer, flight(SERVER, offer))
    assert isinstance(answer, Accepted)
    assert (answer.version, answer.cipher_suite) == (version, suite)
    assert {name: getattr(answer, name) for name in wanted} == wanted


KNOBS: dict[str, dict[str, object]] = {
    "as it is": {},
    "an octet a record": {"record_size": 1},
    "seven octets a record": {"record_size": 7, "messages_per_record": False},
    "all in one record": {"messages_per_record": False},
    "a warning first": {"warns_unrecognized_name": True},
    "a warning before records of an octet": {"warns_unrecognized_name": True, "record_size": 1},
    "a client's certificate wanted": {"asks_client_certificate": True},
    "compressing": {"compression": (1, 0)},
    "no extensions": {
        "renegotiation_info": False, "extended_master_secret": False, "encrypt_then_mac": False, "session_tickets": False,
    },
    "all extensions": {"truncated_hmac": True, "heartbeat": True, "acknowledges_sni": True},
    "no mark of a downgrade": {"downgrade_sentinel": False},
    "a cookie": {"cookie": b"a cookie"},
    "named fields": {"rfc7919": True, "groups": (256, 24)},
    "our order": {"server_order": False, "server_group_order": True},
    "refusing": {"suites": {0x0303: (0xC030,)}, "leaves": ()},
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("knobs", KNOBS.values(), ids=KNOBS.keys())
def test_any_flight_is_read_the_same_however_it_is_cut(knobs: dict[str, object], version: str) -> None:
    server = replace(SERVER, **knobs)  # type: ignore[arg-type]
    offer = offer_of(version)
    answer = assert_read_the_same_however_it_is_cut(offer, flight(server, offer))
    if "suites" in knobs:
        assert isinstance(answer, Refused)
        assert answer.alert in (40, 70)
        return
    assert isinstance(answer, Accepted)
    assert answer.version == version
    if version not in ("SSLv2", "TLSv1.3"):
        assert answer.compression == (1 if "compression" in knobs else 0)
        assert (set(answer.extensions) <= {model.POINT_FORMATS}) is (knobs is KNOBS["no extensions"])
    if knobs is KNOBS["all extensions"] and version == "TLSv1.2":
        assert {0, 15} <= set(answer.extensions)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.1", "TLSv1.0"])
def test_a_lower_version_than_the_one_offered_is_an_answer(version: str) -> None:
    only = {code: suites for code, suites in SERVER.suites.items() if code == 0x0300}
    answer = read(offer_of(version), flight(replace(SERVER, suites=only), offer_of(version)))
    assert isinstance(answer, Accepted)
    assert answer.version == "SSLv3"


@pytest.mark.parametrize("group", [29, 23, 4588])
def test_a_server_that_needs_no_retry_shows_its_group_all_the_same(group: int) -> None:
    """We send no key share, so that this cannot be; but what it says is as clear."""
    share = (51, _u16(group) + _vector(2, bytes(32)))
    wire = in_records(hello(0x1301, 0x0303, ((43, _u16(0x0304)), share), RANDOM)) + _record(20, 0x0303, b"\x01") + _record(23, 0x0303, bytes(99))
    answer = assert_read_the_same_however_it_is_cut(offer_of("TLSv1.3"), wire)
    assert isinstance(answer, Accepted)
    assert (answer.version, answer.group) == ("TLSv1.3", group)


def test_without_groups_in_the_offer_any_curve_is_an_answer() -> None:
    offer = replace(NEEDS_EXCHANGE, groups=())
    answer = read(offer, in_records(hello(0xC030), CERTIFICATE, key_exchange(POINT, SIGNATURE)))
    assert isinstance(answer, Accepted)
    assert answer.group == 29


def test_a_staple_between_certificate_and_key_exchange_changes_nothing() -> None:
    staple = _message(22, b"\x01", _vector(3, bytes(400)))
    for behind in (key_exchange(POINT, SIGNATURE), key_exchange(POINT, SIGNATURE) + DONE):
        answer = assert_read_the_same_however_it_is_cut(NEEDS_EXCHANGE, in_records(hello(0xC030), CERTIFICATE, staple, behind))
        assert isinstance(answer, Accepted)
        assert answer.chain == (b"a certificate",)


def test_a_suite_without_parameters_is_proved_by_the_end_of_the_flight_or_a_certificate_request() -> None:
    for end in (DONE, _message(13, _vector(1, b"\x01"), _vector(2), _vector(2))):
        assert isinstance(assert_read_the_same_however_it_is_cut(STATIC, in_records(hello(0x009D), CERTIFICATE, end)), Accepted)


def test_a_psk_suite_may_name_its_hint_or_say_nothing() -> None:
    offer = offer_of("TLSv1.2", (0x008C,))  # TLS_PSK_WITH_AES_128_CBC_SHA
    for messages in ((DONE,), (key_exchange(_vector(2, b"a hint")), DONE)):
        assert isinstance(read(offer, in_records(hello(0x008C), *messages)), Accepted)
    dhe = offer_of("TLSv1.2", (0x0090,))  # TLS_DHE_PSK_WITH_AES_128_CBC_SHA
    prime = _vector(2, model.modp_2048()) + _vector(2, b"\x02") + _vector(2, bytes(256))
    answer = read(dhe, in_records(hello(0x0090), key_exchange(_vector(2, b"a hint"), prime)))
    assert isinstance(answer, Accepted)
    assert answer.prime == PRIME


def test_leading_zeros_of_a_prime_are_not_part_of_it() -> None:
    plain = flight(SERVER, offer_of("TLSv1.2", (0x009F,)))
    padded = flight(replace(SERVER, dh_prime=b"\0\0" + model.modp_2048()), offer_of("TLSv1.2", (0x009F,)))
    assert read(offer_of("TLSv1.2", (0x009F,)), plain) == read(offer_of("TLSv1.2", (0x009F,)), padded)


def test_a_chain_is_kept_up_to_its_cap() -> None:
    chain = tuple(bytes([number]) for number in range(50))
    answer = read(STATIC, in_records(hello(0x009D), certificate(*chain), DONE))
    assert isinstance(answer, Accepted)
    assert answer.chain == chain[:MAX_CHAIN]


def test_equal_chains_are_one_object() -> None:
    body = certificate(b"a", b"b")[4:]
    assert read_chain(body) is read_chain(bytes(bytearray(body)))


# OpenSSL's own servers.


@cache
def _key(kind: str) -> tuple[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    return key, builder.sign(key, hashes.SHA256())


def _openssl_flight(path: Path, offer: HelloOffer, kinds: tuple[str, ...] = ("RSA", "ECDSA"), *, asks: bool = False) -> bytes:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(b"ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    parameters = path / "dh.pem"
    der = _der(0x30, _der(0x02, b"\0" + model.modp_2048()), _der(0x02, b"\x02"))
    parameters.write_text(f"-----BEGIN DH PARAMETERS-----\n{base64.encodebytes(der).decode()}-----END DH PARAMETERS-----\n", "ascii")
    context.load_tmp_dh(str(parameters).encode())
    for kind in kinds:
        key, own = _key(kind)
        context.use_certificate(own)
        context.use_privatekey(key)
    if asks:
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    connection = SSL.Connection(context, None)
    connection.set_accept_state()
    connection.bio_write(client_hello(offer, HOST, RANDOM))
    with contextlib.suppress(SSL.Error):
        connection.do_handshake()
    try:
        return connection.bio_read(65_536)
    except SSL.WantReadError:
        return b""


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize(
    ("version", "suite", "wanted"),
    [
        ("TLSv1.0", 0xC014, {"group": 29, "signature_scheme": None}),
        ("TLSv1.0", 0x002F, {"group": None}),
        ("TLSv1.1", 0x0039, {"prime": PRIME, "key_bits": 2048}),
        ("TLSv1.1", 0xC00A, {"group": 29}),
        ("TLSv1.2", 0xC030, {"group": 29, "signature_scheme": 0x0804}),
        ("TLSv1.2", 0xC02C, {"group": 29, "signature_scheme": 0x0403}),
        ("TLSv1.2", 0x009E, {"prime": PRIME, "key_bits": 2048}),
        ("TLSv1.2", 0x009C, {"key_bits": 0, "prime": ""}),
        ("TLSv1.2", 0x003A, {"prime": PRIME, "chain": ()}),
        ("TLSv1.2", 0xC018, {"group": 29, "chain": ()}),
        ("TLSv1.3", 0x1301, {"chain": (), "extensions": (43, 51)}),
        ("TLSv1.3", 0x1303, {"chain": ()}),
    ],
)
def test_openssls_answer_is_read_the_same_however_it_is_cut(
    tmp_path: Path, version: str, suite: int, wanted: dict[str, object], *, asks: bool
) -> None:
    offer = offer_of(version, (suite,))
    answer = assert_read_the_same_however_it_is_cut(offer, _openssl_flight(tmp_path, offer, asks=asks))
    assert isinstance(answer, Accepted)
    assert (answer.version, answer.cipher_suite) == (version, suite)
    assert {name: getattr(answer, name) for name in wanted} == wanted
    if "chain" not in wanted:
        kind = "ECDSA" if suite in (0xC00A, 0xC02C) else "RSA"
        assert answer.chain == (_key(kind)[1].public_bytes(serialization.Encoding.DER),)


@pytest.mark.parametrize("group", [23, 24, 25, 29, 30])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_openssl_names_the_only_group_on_offer(tmp_path: Path, version: str, group: int) -> None:
    offer = offer_of(version, (0xC030,) if version == "TLSv1.2" else (0x1302,), (group,))
    answer = read(offer, _openssl_flight(tmp_path, offer, ("RSA",)))
    assert isinstance(answer, Accepted)
    assert answer.group == group


@pytest.mark.parametrize(
    ("offer", "alert"),
    [
        (offer_of("TLSv1.2", (0x0082,)), 40),
        (offer_of("TLSv1.3", (0x1307,)), 40),
        (offer_of("TLSv1.3", (0x1301,), (26,)), 40),
        (HelloOffer("SSLv3", (0x002F,)), 70),
    ],
)
def test_openssls_refusal_is_read_the_same_however_it_is_cut(tmp_path: Path, offer: HelloOffer, alert: int) -> None:
    answer = assert_read_the_same_however_it_is_cut(offer, _openssl_flight(tmp_path, offer))
    assert answer == Refused(alert, ALERTS[alert])


def test_openssl_minds_no_hello_of_ours(tmp_path: Path) -> None:
    for version in ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"):
        for change in ({"grease": True}, {"size": 20_000}, {"server_name": "none"}, {"server_name": "odd"}):
            offer = replace(offer_of(version), **change)  # type: ignore[arg-type]
            answer = read(offer, _openssl_flight(tmp_path, offer))
            assert isinstance(answer, Accepted), (version, change)
            assert answer.version == version


# Refusals.


@pytest.mark.parametrize("level", [2, 1, 0, 255])
def test_close_notify_is_an_end_however_it_is_marked(level: int) -> None:
    assert read(STATIC, _alert(0x0303, 0, level)) == Refused(0, "close_notify")


@pytest.mark.parametrize("number", [10, 40, 47, 70, 71, 80, 86, 112, 200])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_fatal_alert_is_a_refusal_by_its_number(version: str, number: int) -> None:
    answer = assert_read_the_same_however_it_is_cut(offer_of(version), _alert(0x0301, number))
    assert answer == Refused(number, ALERTS.get(number, f"of the unassigned number {number}"))


def test_eight_warnings_are_borne_and_a_ninth_is_not() -> None:
    warning = _alert(0x0303, 112, level=1)
    assert read(STATIC, 8 * warning) is None
    assert read(STATIC, 8 * warning + _alert(0x0303, 40)) == Refused(40, "handshake_failure")
    assert isinstance(assert_read_the_same_however_it_is_cut(STATIC, 9 * warning), Silent)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 100])
def test_an_alert_has_two_octets(size: int) -> None:
    assert isinstance(read(STATIC, _record(21, 0x0303, b"\x02\x28".ljust(size, b"\0")[:size])), Silent)


def test_an_alert_after_the_hello_is_no_refusal() -> None:
    answer = read(STATIC, in_records(hello(0x009D)) + _alert(0x0303, 80))
    assert isinstance(answer, Silent)
    assert "internal_error" in answer.detail


def test_an_alert_within_the_hello_is_no_refusal() -> None:
    assert isinstance(read(STATIC, _record(22, 0x0303, hello(0x009D)[:20]) + _alert(0x0303, 40)), Silent)


@pytest.mark.parametrize("error", [1, 2, 6])
def test_an_sslv2_error_is_a_refusal(error: int) -> None:
    answer = assert_read_the_same_however_it_is_cut(offer_of("SSLv2"), TLSServer._record_v2(b"\0" + _u16(error)))
    assert answer == Refused(40, f"SSLv2 error {error}")


def test_an_sslv2_hello_without_kinds_is_a_refusal() -> None:
    wire = TLSServer._record_v2(b"\x04\0\x01" + _u16(2, 4, 0, 16) + b"cert" + bytes(16))
    assert isinstance(assert_read_the_same_however_it_is_cut(offer_of("SSLv2"), wire), Refused)


# What is no answer.

V12 = offer_of("TLSv1.2")
V13 = offer_of("TLSv1.3")
RETRY = model.RETRY_RANDOM
FINITE = offer_of("TLSv1.2", (0x009F,))
NONSENSE: dict[str, tuple[HelloOffer, bytes]] = {
    "TLS 1.3 by the old field, to an offer of 1.2": (V12, in_records(hello(0xC030, 0x0304))),
    "TLS 1.3 by the extension, to an offer of 1.2": (V12, in_records(hello(0xC030, 0x0303, ((43, _u16(0x0304)),)))),
    "TLS 1.2 to an offer of 1.1": (offer_of("TLSv1.1"), in_records(hello(0x0035, 0x0303))),
    "a version that is none": (V12, in_records(hello(0xC030, 0x0299))),
    "SSLv2 in a ServerHello": (V12, in_records(hello(0xC030, 0x0002))),
    "TLS 1.2 where 1.3 alone was offered": (V13, in_records(hello(0x1301, 0x0303))),
    "a draft of TLS 1.3": (V13, in_records(hello(0x1301, 0x0303, ((43, _u16(0x7F1C)),)))),
    "a TLS hello to an SSLv2 one": (offer_of("SSLv2"), in_records(hello(0x0035, 0x0301))),
    "a suite that was not offered": (offer_of("TLSv1.2", (0xC030,)), in_records(hello(0xC02F))),
    "a suite of another version": (V13, in_records(hello(0xC030, 0x0303, ((43, _u16(0x0304)),)))),
    "a signal as a suite": (V12, in_records(hello(0x00FF))),
    "the grease that we sent": (replace(V12, grease=True), in_records(hello(0x5A5A))),
    "a retry for a group that was not offered": (
        offer_of("TLSv1.3", (0x1301,), (29,)), in_records(hello(0x1301, 0x0303, ((43, _u16(0x0304)), (51, _u16(23))), RETRY)),
    ),
    "a retry without a group": (V13, in_records(hello(0x1301, 0x0303, ((43, _u16(0x0304)),), RETRY))),
    "a key share of one octet": (V13, in_records(hello(0x1301, 0x0303, ((43, _u16(0x0304)), (51, b"\0"))))),
    "a version of one octet": (V13, in_records(hello(0x1301, 0x0303, ((43, b"\x03"),)))),
    "a curve that was not offered": (
        NEEDS_EXCHANGE, in_records(hello(0xC030), CERTIFICATE, key_exchange(b"\x03", _u16(24), _vector(1, bytes(97)), SIGNATURE)),
    ),
    "a curve by its numbers": (NEEDS_EXCHANGE, in_records(hello(0xC030), CERTIFICATE, key_exchange(b"\x01", bytes(100)))),
    "no certificate": (NEEDS_EXCHANGE, in_records(hello(0xC030), key_exchange(POINT, SIGNATURE))),
    "no certificate, static": (STATIC, in_records(hello(0x009D), DONE)),
    "a list of no certificates": (STATIC, in_records(hello(0x009D), certificate(), DONE)),
    "no key exchange": (NEEDS_EXCHANGE, in_records(hello(0xC030), CERTIFICATE, DONE)),
    "no key exchange, and a request": (NEEDS_EXCHANGE, in_records(hello(0xC030), CERTIFICATE, _message(13, bytes(4)))),
    "a key exchange without content": (NEEDS_EXCHANGE, in_records(hello(0xC030), CERTIFICATE, key_exchange())),
    "a prime longer than its message": (FINITE, in_records(hello(0x009F), CERTIFICATE, key_exchange(b"\xff\xff", bytes(300)))),
    "a list longer than the certificates": (STATIC, in_records(hello(0x009D), _message(11, b"\xff\xff\xff", bytes(90)), DONE)),
    "a certificate longer than its list": (STATIC, in_records(hello(0x009D), _message(11, _vector(3, b"\xff\xff\xff\0")), DONE)),
    "a list with half a length": (STATIC, in_records(hello(0x009D), _message(11, _vector(3, b"\0\0")), DONE)),
    "a certificate message without content": (STATIC, in_records(hello(0x009D), _message(11), DONE)),
    "two hellos": (STATIC, in_records(hello(0x009D), hello(0x009D))),
    "two hellos after a certificate": (STATIC, in_records(hello(0x009D), CERTIFICATE, hello(0x009D), DONE)),
    "a certificate first": (STATIC, in_records(CERTIFICATE, hello(0x009D), DONE)),
    "the end first": (STATIC, in_records(DONE)),
    "our own hello": (STATIC, client_hello(STATIC, HOST, RANDOM)),
    "a Finished in the clear": (STATIC, in_records(hello(0x009D), CERTIFICATE, _message(20, bytes(12)))),
    "an empty hello": (STATIC, in_records(_message(2))),
    "a hello cut in its random": (STATIC, in_records(_message(2, _u16(0x0303), bytes(31)))),
    "a session id beyond the hello": (STATIC, in_records(_message(2, _u16(0x0303), bytes(32), b"\x20", bytes(20)))),
    "a hello without compression": (STATIC, in_records(_message(2, _u16(0x0303), bytes(33), _u16(0x009D)))),
    "extensions beyond the hello": (STATIC, in_records(_message(2, _u16(0x0303), bytes(33), _u16(0x009D), b"\0", b"\xff\xff", bytes(20)))),
    "an extension beyond its list": (STATIC, in_records(_message(2, _u16(0x0303), bytes(33), _u16(0x009D), b"\0", _vector(2, b"\0\x17\0\x01")))),
    "a record of 20 KiB": (STATIC, b"\x16\x03\x03\x50\x00"),
    "a record of 64 KiB": (STATIC, b"\x15\x03\x03\xff\xff"),
    "a message of 16 MiB": (STATIC, in_records(b"\x02\xff\xff\xff")),
    "a change_cipher_spec": (STATIC, _record(20, 0x0303, b"\x01")),
    "data": (STATIC, _record(23, 0x0303, bytes(60))),
    "a heartbeat": (STATIC, _record(24, 0x0303, bytes(60))),
    "records of version 2": (STATIC, b"\x16\x02\x00\x00\x04" + DONE),
    "HTTP": (STATIC, b"HTTP/1.1 400 Bad Request\r\n"),
    "SMTP": (STATIC, b"500 5.5.2 Syntax error\r\n"),
    "zeros": (STATIC, bytes(5)),
    "HTTP, to an SSLv2 hello": (offer_of("SSLv2"), b"HTTP/1.1 400 Bad Request\r\n"),
    "SMTP, to an SSLv2 hello": (offer_of("SSLv2"), b"500 5.5.2 Syntax error\r\n".ljust(14_000)),
    "an SSLv2 record of no content": (offer_of("SSLv2"), b"\x80\x00"),
    "an SSLv2 record of 32 KiB": (offer_of("SSLv2"), b"\xff\xff"),
    "another SSLv2 message": (offer_of("SSLv2"), TLSServer._record_v2(b"\x05" + bytes(16))),
    "an SSLv2 hello of version 3": (offer_of("SSLv2"), TLSServer._record_v2(b"\x04\0\x01" + _u16(0x0300, 0, 3, 0) + bytes(3))),
    "an SSLv2 certificate beyond its record": (offer_of("SSLv2"), TLSServer._record_v2(b"\x04\0\x01" + _u16(2, 900, 3, 0) + bytes(9))),
    "SSLv2 kinds beyond their record": (offer_of("SSLv2"), TLSServer._record_v2(b"\x04\0\x01" + _u16(2, 0, 900, 0) + bytes(9))),
}  # fmt: skip


@pytest.mark.parametrize(("offer", "wire"), NONSENSE.values(), ids=NONSENSE.keys())
def test_what_is_no_answer_to_the_offer_says_nothing_about_it(offer: HelloOffer, wire: bytes) -> None:
    answer = assert_read_the_same_however_it_is_cut(offer, wire)
    assert isinstance(answer, Silent)
    assert (answer.cause, answer.stage) == (Cause.PROTOCOL_ERROR, Stage.HELLO)
    assert "the answer begins '" in answer.detail
    assert answer.detail.isprintable()


@pytest.mark.parametrize("suite", [0xC030, 0x009F, 0x0003])
def test_parameters_that_end_too_early_are_none_at_whatever_octet_they_end(suite: int) -> None:
    version = "TLSv1.1" if suite == 0x0003 else "TLSv1.2"
    offer = offer_of(version, (suite,))
    parameters = {
        0xC030: POINT + b"\x08\x04",
        0x009F: _vector(2, bytes([255, 255])) + _vector(2, b"\x02") + _vector(2, b"\x04\x02") + b"\x08\x04",
        0x0003: _vector(2, bytes([255, 255])),
    }[suite]
    before = (hello(suite, 0x0302 if suite == 0x0003 else 0x0303), CERTIFICATE)
    assert isinstance(read(offer, in_records(*before, key_exchange(parameters))), Accepted)
    for length in range(len(parameters)):
        assert isinstance(read(offer, in_records(*before, key_exchange(parameters[:length]))), Silent), length


def test_a_hello_of_any_length_but_its_own_is_none() -> None:
    whole = hello(0x009D, extensions=((0xFF01, b"\0"), (23, b"")))
    body = whole[4:]
    bare = len(body) - 2 - 5 - 4
    for length in range(len(body)):
        answer = read(STATIC, in_records(_message(2, body[:length])))
        assert answer is None if length == bare else isinstance(answer, Silent), length


def test_an_export_suite_over_a_field_needs_its_parameters() -> None:
    offer = offer_of("TLSv1.0", (0x0014,))
    assert isinstance(read(offer, in_records(hello(0x0014, 0x0301), CERTIFICATE, DONE)), Silent)


def test_an_export_suite_of_a_server_with_a_short_key_needs_no_temporary_one() -> None:
    offer = offer_of("TLSv1.0", (0x0003,))
    answer = read(offer, in_records(hello(0x0003, 0x0301), CERTIFICATE, DONE))
    assert isinstance(answer, Accepted)
    assert answer.key_bits == 0


def test_an_sslv2_record_with_an_escape_is_read_the_same_however_it_is_cut() -> None:
    wire = b"\x40\x0e\x00\x04\x00\x01" + _u16(2, 0, 3, 0) + b"\x01\x00\x80"
    assert_read_the_same_however_it_is_cut(offer_of("SSLv2"), wire)


def test_feeding_nothing_is_no_answer() -> None:
    for version in reversed(VERSIONS):
        assert read(offer_of(version), b"") is None


# Caps, and work that grows as the bytes do.


class Counting(bytearray):
    """Counts the octets that are copied out of it."""

    copied = 0

    def __getitem__(self, place):  # type: ignore[no-untyped-def,override]
        found = super().__getitem__(place)
        Counting.copied += len(found) if isinstance(place, slice) else 1
        return found

    def __bytes__(self) -> bytes:
        Counting.copied += len(self)
        return bytes(memoryview(self))

    def __delitem__(self, place: SupportsIndex | slice) -> None:
        before = len(self)
        super().__delitem__(place)
        Counting.copied += before - len(self)


@dataclass
class Fed:
    """What became of bytes that came one by one."""

    answer: Answer | None
    octets: int
    copied: int


def feed_octet_by_octet(offer: HelloOffer, wire: bytes, limit: int = 1_000_000) -> Fed:
    """Feed so many octets of a wire that goes round and round, one by one, and count what the reader copies."""
    reader = AnswerReader(offer)
    reader._wire, reader._messages = Counting(), Counting()
    Counting.copied, answer, count = 0, None, 0
    octets = [bytes([octet]) for octet in wire]
    while answer is None and count < limit:
        answer = reader.feed(octets[count % len(octets)])
        count += 1
    return Fed(answer, count, Counting.copied)


NASTY: dict[str, bytes] = {
    "empty records": _record(22, 0x0303, b""),
    "records of an octet": in_records(hello(0x009D), *[certificate(bytes(16_000))] * 3, size=1),
    "records of 16 KiB": in_records(hello(0x009D), *[certificate(bytes(16_000))] * 3),
    "empty messages": in_records(hello(0x009D)) + in_records(*[_message(22)] * 8_000, size=4),
    "empty messages in large records": in_records(hello(0x009D), *[_message(22)] * 16_000),
    "tiny certificate messages": in_records(hello(0x009D), *[certificate(_u16(number)) for number in range(8_000)]),
}


@pytest.mark.parametrize("cap", [16_384, 32_768])
@pytest.mark.parametrize("wire", NASTY.values(), ids=NASTY.keys())
def test_a_flight_without_end_is_left_at_the_cap_and_each_octet_is_copied_a_few_times_at_most(
    monkeypatch: pytest.MonkeyPatch, wire: bytes, cap: int
) -> None:
    """With lower caps than the real one, which take as many steps an octet, but fewer octets."""
    monkeypatch.setattr(answer_module, "MAX_FLIGHT", cap)
    fed = feed_octet_by_octet(STATIC, wire)
    assert isinstance(fed.answer, Silent)
    assert fed.answer.cause is Cause.LIMIT_EXCEEDED
    assert fed.octets == cap + 1
    assert fed.copied < 12 * fed.octets


@pytest.mark.parametrize("message", [in_records(b"\x02\x04\x00\x00", bytes(1_000_000)), _record(22, 0x0303, b"") * 200_000])
def test_a_megabyte_of_it_is_left_at_the_real_cap(message: bytes) -> None:
    fed = feed_octet_by_octet(STATIC, message)
    assert isinstance(fed.answer, Silent)
    assert fed.answer.cause is Cause.LIMIT_EXCEEDED
    assert fed.octets == MAX_FLIGHT + 1
    assert fed.copied < 12 * fed.octets


@pytest.mark.parametrize("name", ["warnings", "a record of 64 KiB", "a message of 16 MiB", "a suite that was not offered"])
def test_what_can_be_seen_to_be_nonsense_is_left_at_once(name: str) -> None:
    wires = {"warnings": _alert(0x0303, 112, level=1)} | {name: wire for name, (_, wire) in NONSENSE.items()}
    offer = NONSENSE[name][0] if name in NONSENSE else STATIC
    fed = feed_octet_by_octet(offer, wires[name])
    assert isinstance(fed.answer, Silent)
    assert fed.octets < 100


def test_an_sslv2_record_has_no_more_than_a_tls_one() -> None:
    assert isinstance(read(offer_of("SSLv2"), b"\xc8\x01"), Silent)
    fed = feed_octet_by_octet(offer_of("SSLv2"), b"\xc8\x00" + b"\x05" * 40_000)
    assert isinstance(fed.answer, Silent)
    assert fed.octets < 18_500


def test_an_sslv2_error_has_three_octets() -> None:
    assert isinstance(read(offer_of("SSLv2"), b"\x80\x10" + bytes(16)), Silent)


def test_an_sslv2_answer_is_not_copied_for_each_octet() -> None:
    fed = feed_octet_by_octet(offer_of("SSLv2"), b"\xc8\x00" + bytes(40_000))
    assert fed.copied < 12 * fed.octets


def test_the_cap_does_not_depend_on_how_the_bytes_are_cut() -> None:
    wire = _record(22, 0x0303, b"") * (MAX_FLIGHT // 5 + 1) + _alert(0x0303, 40)
    assert same(read(STATIC, wire), feed_octet_by_octet(STATIC, wire).answer)


def test_a_flight_just_within_the_cap_is_an_answer() -> None:
    chain = certificate(bytes(240_000))
    answer = read(STATIC, in_records(hello(0x009D), chain, DONE))
    assert isinstance(answer, Accepted)
    assert len(answer.chain[0]) == 240_000


class _Short(int):
    """An int that is never made of more than four octets: no field of the wire that is not a length or a code is longer."""

    @staticmethod
    def from_bytes(octets: bytes, order: str) -> int:  # type: ignore[override]
        assert len(octets) <= 4
        return int.from_bytes(octets, order)  # type: ignore[arg-type]


@pytest.mark.parametrize("octets", [0, 1, 65_535])
def test_the_longest_prime_costs_no_arithmetic(monkeypatch: pytest.MonkeyPatch, octets: int) -> None:
    monkeypatch.setattr(wire_module, "int", _Short, raising=False)
    monkeypatch.setattr(answer_module, "int", _Short, raising=False)
    prime = b"\xff" * octets
    parameters = _vector(2, prime) + _vector(2, prime) + _vector(2, prime) + SIGNATURE
    answer = read(FINITE, in_records(hello(0x009F), CERTIFICATE, key_exchange(parameters)))
    assert isinstance(answer, Accepted)
    assert (answer.key_bits, answer.prime) == (8 * octets, hashlib.sha256(prime).hexdigest())


def test_the_longest_temporary_key_costs_no_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "int", _Short, raising=False)
    monkeypatch.setattr(answer_module, "int", _Short, raising=False)
    offer = offer_of("TLSv1.0", (0x0003,))
    answer = read(offer, in_records(hello(0x0003, 0x0301), CERTIFICATE, key_exchange(_vector(2, b"\x7f" * 65_535))))
    assert isinstance(answer, Accepted)
    assert answer.key_bits == 8 * 65_535 - 1


# A first look at records that OpenSSL reads for us.


def test_the_alert_at_the_head_of_records_is_found_when_it_is_whole() -> None:
    wire = _alert(0x0303, 70)
    assert read_alert(wire + b"more") == 70
    assert [read_alert(wire[:length]) for length in range(len(wire))] == [None] * len(wire)
    assert read_alert(in_records(hello(0x009D))) is None
    assert read_alert(_record(21, 0x0303, b"\x02\x28\x00")) is None


@pytest.mark.parametrize("size", [1, 16_384])
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_the_suite_of_the_first_hello_is_found_when_the_hello_is_whole(version: str, size: int) -> None:
    offer = offer_of(version)
    wire = flight(replace(SERVER, record_size=size, warns_unrecognized_name=True), offer)
    answer = read(offer, wire)
    assert isinstance(answer, Accepted)
    found = [read_suite(wire[:length]) for length in range(min(len(wire), 1_200) + 1)]
    first = found.index(answer.cipher_suite)
    assert set(found[:first]) == {None}
    assert set(found[first:]) == {answer.cipher_suite}


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_a_request_for_a_hello_is_passed_over_wherever_it_stands(version: str) -> None:
    offer = offer_of(version)
    wire, asks = flight(SERVER, offer), in_records(HELLO_REQUEST)
    answer = read(offer, wire)
    assert isinstance(answer, Accepted)
    for more in (asks + wire, in_records(HELLO_REQUEST, size=1) + wire, asks * 3 + wire):
        assert same(read(offer, more), answer)
        assert read_suite(more) == answer.cipher_suite
    within = wire[:3] + (int.from_bytes(wire[3:5], "big") + 4).to_bytes(2, "big") + HELLO_REQUEST + wire[5:]
    assert same(assert_read_the_same_however_it_is_cut(offer, within), answer)
    assert read_suite(within) == answer.cipher_suite


@pytest.mark.parametrize("name", NONSENSE)
def test_a_first_look_at_nonsense_raises_nothing(name: str) -> None:
    _, wire = NONSENSE[name]
    for length in range(min(len(wire), 300) + 1):
        read_alert(wire[:length])
        read_suite(wire[:length])


def test_records_begin_with_a_content_type_and_the_major_version() -> None:
    assert begins_with_record(_alert(0x0303, 40))
    assert begins_with_record(in_records(hello(0x009D)))
    for wire in (b"", b"\x16", b"\x19\x03", b"\x13\x03", b"\x16\x02", b"220 mx", b"HTTP"):
        assert not begins_with_record(wire)
