"""Certificates for tests, as authorities make them and as none would: DER by hand where the library is too well-behaved."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SERVER_AUTH = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1")
_numbers = itertools.count(1_000)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def tlv(tag: int, *parts: bytes) -> bytes:
    """Write an element of DER."""
    body = b"".join(parts)
    size = len(body)
    octets = bytes([size]) if size < 0x80 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + octets + body


def integer(number: int) -> bytes:
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))



def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    octets = b""
    for arc in (40 * first + second, *rest):
        chunk = bytes([arc & 0x7F])
        while arc := arc >> 7:
            chunk = bytes([0x80 | arc & 0x7F]) + chunk
        octets += chunk
    return tlv(6, octets)


def rsa_spki(modulus: int, exponent: int) -> bytes:
    """Write the SubjectPublicKeyInfo of any RSA numbers."""
    key = tlv(0x30, integer(modulus), integer(exponent))
    return tlv(0x30, tlv(0x30, _oid("1.2.840.113549.1.1.1"), b"\x05\x00"), tlv(3, b"\0", key))


def spki_of(key: Key) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def name_of(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def sct_list(*logs: bytes) -> bytes:
    """Write a list of certificate timestamps, one for each log (32 octets), as the value of an extension."""
    items = b""
    for log in logs:
        item = b"\0" + log + bytes(8) + b"\0\0" + b"\x04\x03" + b"\0\x02ab"
        items += len(item).to_bytes(2, "big") + item
    return tlv(4, len(items).to_bytes(2, "big") + items)


@dataclass
class Issuer:
    """An authority, or whoever signs: a name, a key, and the certificate for them."""

    name: str
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    der: bytes = b""

    def sign(
        self,
        name: str,
        key: Key | None = None,
        *,
        authority: bool = False,
        starts: timedelta = -10 * DAY,
        ends: timedelta = 80 * DAY,
        names: tuple[str, ...] = ("mx.example",),
        must_staple: bool = False,
        timestamps: tuple[bytes, ...] = (),
        purposes: tuple[x509.ObjectIdentifier, ...] = (SERVER_AUTH,),
        signs: bool = True,
        more: tuple[x509.ExtensionType, ...] = (),
    ) -> Issuer:
        """Certify a name and a key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateBuilder(
            name_of(self.name), name_of(name), key.public_key(), next(_numbers), NOW + starts, NOW + ends
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
        )
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=signs and not authority, key_cert_sign=authority, crl_sign=not signs or authority, **usage),
            critical=True,
        )
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        if not authority:
            if names:
                builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
            if purposes:
                builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if must_staple:
            builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        if timestamps:
            value = sct_list(*timestamps)
            builder = builder.add_extension(
                x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), value), critical=False
            )
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        return Issuer(name, key, signed.public_bytes(serialization.Encoding.DER))

    @property
    def pem(self) -> bytes:
        """Its certificate in PEM."""
        return x509.load_der_x509_certificate(self.der).public_bytes(serialization.Encoding.PEM)


def root(name: str = "a root", key: Key | None = None) -> Issuer:
    """Return an authority that certified itself."""
    unsigned = Issuer(name, key) if key is not None else Issuer(name)
    return unsigned.sign(name, unsigned.key, authority=True, starts=-1000 * DAY, ends=1000 * DAY)


def self_signed(name: str, **options) -> Issuer:
    """Return a server that certified itself."""
    unsigned = Issuer(name)
    return unsigned.sign(name, unsigned.key, **options)


def elements(der: bytes) -> list[bytes]:
    """Return the elements within the one that some DER is, each whole."""
    found, rest = [], _content(der)
    while rest:
        size = _size(rest)
        found.append(rest[:size])
        rest = rest[size:]
    return found


def _content(der: bytes) -> bytes:
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) : _size(der)]


def _size(der: bytes) -> int:
    if not der[1] & 0x80:
        return 2 + der[1]
    count = der[1] & 0x7F
    return 2 + count + int.from_bytes(der[2 : 2 + count], "big")


def with_key(der: bytes, spki: bytes) -> bytes:
    """Return a certificate with another public key; its signature no longer fits."""
    tbs, algorithm, signature = elements(der)
    fields = elements(tbs)
    place = 6 if fields[0][0] == 0xA0 else 5
    fields[place] = spki
    return tlv(0x30, tlv(0x30, *fields), algorithm, signature)


def signed_with(der: bytes, key: rsa.RSAPrivateKey, digest: hashes.HashAlgorithm, number: str) -> bytes:
    """Return a certificate signed anew by an RSA key, with a hash that the library would not sign with."""
    tbs = elements(der)[0]
    fields = elements(tbs)
    algorithm = tlv(0x30, _oid(number), b"\x05\x00")
    fields[2 if fields[0][0] == 0xA0 else 1] = algorithm
    content = tlv(0x30, *fields)
    return tlv(0x30, content, algorithm, tlv(3, b"\0", key.sign(content, padding.PKCS1v15(), digest)))


def staple_for(
    leaf: bytes,
    *,
    status: bytes = b"\x80\x00",
    starts: timedelta = -DAY,
    ends: timedelta | None = DAY,
    serial: bytes | None = None,
    outcome: int = 0,
    timestamps: tuple[bytes, ...] = (),
) -> bytes:
    """Write an OCSP response about a certificate; its signature is nonsense, as nobody here verifies it."""
    if outcome:
        return tlv(0x30, tlv(10, bytes([outcome])))
    fields = elements(elements(leaf)[0])[1:]
    digest = tlv(4, hashlib.sha1(fields[2]).digest())
    identity = tlv(0x30, tlv(0x30, _oid("1.3.14.3.2.26"), b"\x05\x00"), digest, tlv(4, bytes(20)), serial or fields[0])
    answer = [identity, status, _time(NOW + starts)]
    if ends is not None:
        answer.append(tlv(0xA0, _time(NOW + ends)))
    if timestamps:
        extension = tlv(0x30, _oid("1.3.6.1.4.1.11129.2.4.5"), tlv(4, sct_list(*timestamps)))
        answer.append(tlv(0xA1, tlv(0x30, extension)))
    content = tlv(0x30, tlv(0xA2, tlv(4, bytes(20))), _time(NOW), tlv(0x30, tlv(0x30, *answer)))
    algorithm = tlv(0x30, _oid("1.2.840.10045.4.3.2"))
    basic = tlv(0x30, content, algorithm, tlv(3, b"\0sig"))
    return tlv(0x30, tlv(10, b"\0"), tlv(0xA0, tlv(0x30, _oid("1.3.6.1.5.5.7.48.1.1"), tlv(4, basic))))


def _time(moment: datetime) -> bytes:
    return tlv(0x18, f"{moment:%Y%m%d%H%M%SZ}".encode())


def dated(der: bytes, not_before: bytes, not_after: bytes) -> bytes:
    """Return a certificate with other dates, as GeneralizedTime; its signature no longer fits."""
    tbs, algorithm, signature = elements(der)
    fields = elements(tbs)
    place = 4 if fields[0][0] == 0xA0 else 3
    fields[place] = tlv(0x30, tlv(0x18, not_before), tlv(0x18, not_after))
    return tlv(0x30, tlv(0x30, *fields), algorithm, signature)
