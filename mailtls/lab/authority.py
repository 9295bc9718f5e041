"""A private certification authority, so that the lab's servers can be trusted, or not, at will."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
KeyKind = Literal["p256", "p384", "rsa1024", "rsa2048", "rsa3072", "ed25519"]

_AUTHORITY_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=90)
# Room on the left of `now`, so that a certificate issued for the past still has issuers valid at that time.
_BACKDATED = timedelta(days=1)


@functools.cache
def _rsa_key(bits: int, _owner: str) -> rsa.RSAPrivateKey:
    """Return an owner's one RSA key of this size: making one is slow, and nothing here is secret."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _make_key(kind: KeyKind, owner: str = "") -> PrivateKey:
    match kind:
        case "p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "p384":
            return ec.generate_private_key(ec.SECP384R1())
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "rsa1024" | "rsa2048" | "rsa3072":
            return _rsa_key(int(kind.removeprefix("rsa")), owner)
    raise ValueError(f"no such kind of key: {kind!r}")


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    # Ed25519 brings its own hash and refuses to be given one.
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: PublicKey, issuer_key: PublicKey, life: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    """Return what every certificate here has: names, key, validity and the two key identifiers."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(life[0])
        .not_valid_after(life[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, leaf: bool, encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=leaf,
        content_commitment=False,
        key_encipherment=encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not leaf,
        crl_sign=not leaf,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certify_authority(
    name: str, key: PrivateKey, issuer: tuple[x509.Name, PrivateKey], now: datetime, path_length: int
) -> x509.Certificate:
    life = (now - _AUTHORITY_LIFE, now + _AUTHORITY_LIFE)
    builder = _builder(_name(name), issuer[0], key.public_key(), issuer[1].public_key(), life)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return _sign(builder.add_extension(_usage(leaf=False), critical=True), issuer[1])


@dataclass(frozen=True, slots=True)
class Identity:
    """A server's private key and the certificates it presents, leaf first, root left out."""

    private_key: PrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """The leaf."""
        return self.chain[0]

    @property
    def key_pem(self) -> bytes:
        """The private key, unencrypted PKCS #8 in PEM."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def chain_pem(self) -> bytes:
        """The certificates in PEM, leaf first."""
        return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in self.chain)

    def tlsa(self, usage: int = 3) -> str:
        """Return a TLSA record of the leaf's key: its SHA-256, whatever certificate it stands in (selector 1, matching type 1)."""
        key = self.private_key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"{usage} 1 1 {hashlib.sha256(key).hexdigest()}"

    @property
    def pem(self) -> bytes:
        """The private key and then the certificates, in PEM."""
        return self.key_pem + self.chain_pem


class Authority:
    """A root and one intermediate, both P-256; the intermediate signs the leaves.

    Everything it issues satisfies the web-PKI profile of cryptography.x509.verification, save where asked otherwise
    (RSA-1024 and Ed25519 keys, self-signed leaves, other dates).
    """

    def __init__(self, now: datetime, root: Identity, intermediate: Identity) -> None:
        self._now = now
        self.root = root
        self.intermediate = intermediate

    @classmethod
    def create(cls, now: datetime) -> Authority:
        """Make new keys and certificates, valid for ten years either side of `now` (aware; ValueError if naive)."""
        if now.tzinfo is None:
            raise ValueError("an authority needs an aware datetime: a naive one is wrong by the host's UTC offset")
        now = now.replace(microsecond=0)  # X.509 times have whole seconds
        root_key, intermediate_key = _make_key("p256"), _make_key("p256")
        root = _certify_authority("mailtls lab root", root_key, (_name("mailtls lab root"), root_key), now, 1)
        intermediate = _certify_authority(
            "mailtls lab intermediate", intermediate_key, (root.subject, root_key), now, path_length=0
        )
        return cls(now, Identity(root_key, (root,)), Identity(intermediate_key, (intermediate,)))

    @property
    def root_pem(self) -> bytes:
        """The root certificate in PEM: the whole content of a trust store for this world."""
        return self.root.chain_pem

    def issue(
        self,
        names: Sequence[str],
        *,
        key: KeyKind = "p256",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        self_signed: bool = False,
        send_intermediate: bool = True,
    ) -> Identity:
        """Issue a server certificate for DNS names, which may be wildcards such as `*.good.example`.

        By default it is valid from a day before the authority's `now` for 90 days. The RSA keys of one size and one domain
        are the same key. `send_intermediate=False` leaves the intermediate out of the chain, as careless servers do.
        Raises ValueError if there are no names or the dates are out of order.
        """
        if not names:
            raise ValueError("a server certificate needs at least one name")
        life = (not_before or self._now - _BACKDATED, not_after or self._now - _BACKDATED + _LEAF_LIFE)
        private_key = _make_key(key, ".".join(names[0].split(".")[-2:]))
        # A common name holds 64 characters at most; clients go by the SAN alone.
        subject = _name(names[0][:64])
        issuer_name, issuer_key = self.intermediate.certificate.subject, self.intermediate.private_key
        if self_signed:
            issuer_name, issuer_key = subject, private_key
        certificate = _sign(
            _builder(subject, issuer_name, private_key.public_key(), issuer_key.public_key(), life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(leaf=True, encipherment=key.startswith("rsa")), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False),
            issuer_key,
        )
        if self_signed or not send_intermediate:
            return Identity(private_key, (certificate,))
        return Identity(private_key, (certificate, self.intermediate.certificate))
