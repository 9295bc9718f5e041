"""Where the fuzzers begin: flights of the model of a server, replies, and certificates; all made here, nothing stored."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mailtls.hellos import HelloOffer
from mailtls.tls.hello import client_hello
from mailtls.tls.suites import SCHEMES, SCHEMES_13, groups_before_13, groups_of_13, offerable

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tls")]
import certmaking
import server_model as model

OFFERS = (
    HelloOffer("SSLv2", offerable("SSLv2")),
    HelloOffer("SSLv3", offerable("SSLv3")),
    HelloOffer("TLSv1.0", offerable("TLSv1.0"), groups_before_13()),
    HelloOffer("TLSv1.1", offerable("TLSv1.1"), groups_before_13()),
    HelloOffer("TLSv1.2", offerable("TLSv1.2"), groups_before_13(), SCHEMES),
    HelloOffer("TLSv1.3", offerable("TLSv1.3"), groups_of_13(), SCHEMES_13),
    HelloOffer("TLSv1.2", (0xC02F, 0x009E, 0x002F), (29,), SCHEMES, grease=True),
    HelloOffer("TLSv1.3", (0x1301,), (29,), SCHEMES_13),
)
"""An offer of each version, and two narrow ones."""

_OLD = (0xC013, 0xC00A, 0x0039, 0x002F, 0x0034, 0xC018, 0x0003, 0x0014, 0x0062)
_SERVER = model.TLSServer(
    {
        0x0002: (0x010080, 0x0700C0), 0x0300: _OLD, 0x0301: _OLD, 0x0302: _OLD,
        0x0303: (0xC02F, 0xC02C, 0x009E, 0x009C, *_OLD), 0x0304: (0x1301, 0x1302),
    },
    (model.Leaf("RSA", (b"RSA", b"CA")), model.Leaf("ECDSA", (b"EC",))),
    (29, 23, 256),
    groups13=(29, 4588),
)  # fmt: skip


@cache
def flights() -> tuple[tuple[int, bytes], ...]:
    """Return flights, each with the number of the offer that it answers."""
    servers = [_SERVER]
    servers += [replace(_SERVER, **change) for change in _CHANGES]
    servers += [replace(_SERVER, suites={version: (suite,)}) for version in (0x0300, 0x0302) for suite in _OLD]
    found = []
    for server in servers:
        for number, offer in enumerate(OFFERS):
            said = server.answer(client_hello(offer, "mx.example", bytes(32)))
            if isinstance(said, bytes):
                found.append((number, said))
    return tuple(dict.fromkeys(found))


_CHANGES: tuple[dict[str, object], ...] = (
    {"record_size": 1},
    {"record_size": 9, "messages_per_record": False},
    {"messages_per_record": False},
    {"warns_unrecognized_name": True},
    {"asks_client_certificate": True, "compression": (1,)},
    {"session_tickets": False, "downgrade_sentinel": False, "truncated_hmac": True, "heartbeat": True},
    {"cookie": b"cookie"},
    {"suites": {}},
)


@cache
def authority() -> certmaking.Issuer:
    """Return the root of the chain with which the certificates begin."""
    return certmaking.root()


@cache
def certificates() -> tuple[bytes, ...]:
    """Return an end entity with its intermediate, a certificate of each kind of key, as DER, and their beginnings."""
    intermediate = authority().sign("an intermediate", authority=True)
    leaf = intermediate.sign("mx.example", must_staple=True, timestamps=(bytes(32), bytes(range(32))))
    now, found = datetime(2026, 1, 1, tzinfo=UTC), []
    names = [x509.DNSName("mx.example"), x509.DNSName("*.Example"), x509.IPAddress(ip_address("192.0.2.1")), x509.RFC822Name("a@b.example")]
    subject = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.example"), x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "\u00e4 \\ ,")]
    )
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()):
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), 77, now, now + timedelta(90))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        signed = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
        found.append(signed.public_bytes(serialization.Encoding.DER))
    found.append(certmaking.with_key(leaf.der, certmaking.rsa_spki((1 << 9_000) + 1, (1 << 100) + 1)))
    return (leaf.der, intermediate.der, *found, *(der[: len(der) // 2] for der in found), b"", b"\x30\x00")


@cache
def keys() -> tuple[bytes, ...]:
    """Return public keys as they stand in certificates."""
    made = (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate())
    return (*map(certmaking.spki_of, made), certmaking.rsa_spki(15, 1), certmaking.rsa_spki(1 << 3_000, 3))


@cache
def staples() -> tuple[bytes, ...]:
    """Return OCSP responses, the first one about the first of the certificates."""
    leaf = certificates()[0]
    return (
        certmaking.staple_for(leaf, timestamps=(bytes(32),)),
        certmaking.staple_for(leaf, status=b"\xa1\x11\x18\x0f20260101000000Z", ends=None),
        certmaking.staple_for(leaf, outcome=6),
    )


def timestamps() -> tuple[bytes, ...]:
    """Return lists of certificate timestamps."""
    return certmaking.sct_list(bytes(32), bytes(range(32))), certmaking.sct_list(), b"\x04\x02\x00\x00"


REPLIES = (
    b"220 mx.example ESMTP\r\n",
    b"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 STARTTLS\r\n",
    b"421 4.7.0 Too many connections\r\n",
    b"250\n",
    b"554-5.7.1 \xff\xfe\r\n554 5.7.1 no\r\n220 behind",
    b"250-" + b"x" * 3_000 + b"\r\n250 y\r\n",
    b"500 \x1b[2J\xe2\x80\xae\\x1b\r\n",
    b"25",
)
