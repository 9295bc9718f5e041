"""Certificate authorities for the tests: roots, intermediates, and RSA and ECDSA leaves under them, as PEM files."""

import base64
import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Algorithm = Literal["rsa", "ecdsa"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was written out: ``chain`` is leaf first and without the root, ``bundle`` is key plus chain."""

    x509: x509.Certificate
    key: Path
    chain: Path
    bundle: Path


def _new_key(algorithm: Algorithm) -> PrivateKey:
    if algorithm == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """A certificate authority, its certificate in ``directory``, and what it signs: a root in root.pem, or an intermediate below one."""

    def __init__(
        self,
        directory: Path,
        name: str = "mailtls test root",
        above: "Authority | None" = None,
        *,
        ends: dt.timedelta = 365 * DAY,
        may_sign: bool = True,
        again: "Authority | None" = None,
    ) -> None:
        """Make its key and its certificate, and write the certificate. Without another authority ``above`` it is a root.

        One that may not sign does so all the same; by its certificate it is no authority. ``again`` is one whose key it has.
        """
        self.directory = directory
        self._key = _new_key("ecdsa") if again is None else again._key
        now = dt.datetime.now(dt.UTC)
        signer = above._key if above is not None else self._key
        self.x509 = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(name) if above is None else above.x509.subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 30 * DAY)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=may_sign, path_length=None), critical=True)
            .add_extension(_usage(authority=may_sign), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        self.file = directory / ("root.pem" if above is None else f"{self.x509.serial_number:x}.pem")
        self.file.write_bytes(self.x509.public_bytes(Encoding.PEM))

    def issue(
        self,
        names: Sequence[str],
        algorithm: Algorithm = "ecdsa",
        *,
        starts: dt.timedelta = -DAY,
        ends: dt.timedelta = 90 * DAY,
        key_encipherment: bool = False,
        send: Sequence[x509.Certificate] = (),
        self_signed: bool = False,
        common_name_only: bool = False,
    ) -> Certificate:
        """Sign a server certificate for these host names or addresses and write its files.

        ``starts`` and ``ends`` count from now, so that ``ends=-DAY`` with ``starts=-2*DAY`` makes an expired one.
        ``key_encipherment`` is what GnuTLS wants of an RSA certificate before it takes a suite of static RSA.
        ``send`` are the certificates of authorities that the server is to send after its own. ``self_signed`` leaves this authority out of
        it, and ``common_name_only`` the subject alternative names, as certificates were twenty years ago.
        """
        now = dt.datetime.now(dt.UTC)
        key = _new_key(algorithm)
        signer = key if self_signed else self._key
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0]))
            .issuer_name(_name(names[0]) if self_signed else self.x509.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + starts)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False, key_encipherment=key_encipherment), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if not common_name_only:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        leaf = builder.sign(signer, hashes.SHA256())
        stem = f"{names[0].replace('*', 'any')}-{algorithm}-{leaf.serial_number:x}"
        written = Certificate(leaf, *(self.directory / f"{stem}.{end}.pem" for end in ("key", "chain", "bundle")))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = b"".join(each.public_bytes(Encoding.PEM) for each in (leaf, *send))
        for file, content in ((written.key, private), (written.chain, chain), (written.bundle, private + chain)):
            file.touch(mode=0o600)
            file.write_bytes(content)
        return written


def _usage(*, authority: bool, key_encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


OAKLEY_GROUP_2 = (  # 1024 bits, RFC 2409 section 6.2; it is what old servers have
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)


def write_dh_parameters(directory: Path) -> Path:
    """Write Diffie-Hellman parameters of 1024 bits as a PEM file, for servers that take such a file."""
    prime = b"\x02\x81\x81\x00" + bytes.fromhex(OAKLEY_GROUP_2)
    sequence = b"\x30\x81\x87" + prime + b"\x02\x01\x02"  # by hand, for cryptography gives up finite fields
    file = directory / "dh1024.pem"
    file.write_bytes(b"-----BEGIN DH PARAMETERS-----\n" + base64.encodebytes(sequence) + b"-----END DH PARAMETERS-----\n")
    return file
