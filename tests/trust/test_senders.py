"""What a mail sender's library accepts is trusted, although a verifier for browsers would not have it; and no more than that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from making import DAY, NOW, Made, usage

from mailtls.trust.pkix import Anchors, judge_chain

POLICIES = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)])
AUTHORITY_AT = x509.AuthorityInformationAccess(
    [x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://ca.example/"))]
)
RSA_1024 = rsa.generate_private_key(65537, 1024)


def purposes(*which: x509.ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage(which)


@dataclass(frozen=True)
class Odd:
    """A root, an intermediate and a leaf that are as they should be, but for what is said here."""

    root: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    middle: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    leaf: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    keys: dict[str, Any] = field(default_factory=dict)
    issuer: str = "The Middle"
    name: str = "mx.example"
    constraints_are_critical: bool = True
    signs: bool = True
    digest: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)

    def made(self) -> tuple[Made, Made, Made]:
        keys = {who: self.keys.get(who) or ec.generate_private_key(ec.SECP256R1()) for who in ("root", "middle", "leaf")}
        signs = ((usage(key_cert_sign=True), True),) if self.signs else ()
        ca = (x509.BasicConstraints(ca=True, path_length=None), self.constraints_are_critical)
        root = self._sign("The Root", "The Root", keys["root"], keys["root"], (ca, *signs, *self.root))
        middle = self._sign("The Middle", "The Root", keys["middle"], keys["root"], (ca, *signs, *self.middle))
        named = (x509.SubjectAlternativeName([x509.DNSName(self.name)]), False)
        return root, middle, self._sign(self.name, self.issuer, keys["leaf"], keys["middle"], (named, *self.leaf))

    def _sign(self, subject: str, issuer: str, key: Any, signer: Any, extensions: tuple[tuple[x509.ExtensionType, bool], ...]) -> Made:
        names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (issuer, subject)]
        serial, dates = x509.random_serial_number(), (NOW - DAY, NOW + 90 * DAY)
        builder = x509.CertificateBuilder(names[0], names[1], key.public_key(), serial, *dates)
        for value, critical in extensions:
            builder = builder.add_extension(value, critical=critical)
        return Made(key, builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else self.digest))

    def is_trusted(self) -> bool:
        root, middle, leaf = self.made()
        return judge_chain((leaf.der, middle.der), Anchors(root.x509.public_bytes(Encoding.PEM), "the root"), NOW).trusted


DOTTED = x509.NameConstraints([x509.DNSName(".example")], None)
HEAD = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.example")])

# Each was held against what `openssl verify -purpose sslserver` of OpenSSL 3.0 says.
ACCEPTED = {
    "as it should be": Odd(),
    "an authority for servers alone": Odd(middle=((purposes(Purpose.SERVER_AUTH), False),)),
    "an authority for servers alone, critically": Odd(middle=((purposes(Purpose.SERVER_AUTH), True),)),
    "an authority for servers and clients": Odd(middle=((purposes(Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH), False),)),
    "an authority without a key usage": Odd(signs=False),
    "constraints that are not critical": Odd(constraints_are_critical=False),
    "a critical policy of the leaf": Odd(leaf=((POLICIES, True),)),
    "a critical policy of the authority": Odd(middle=((POLICIES, True),)),
    "critical policy constraints": Odd(middle=((x509.PolicyConstraints(0, None), True),)),
    "a critical inhibition of any policy": Odd(middle=((x509.InhibitAnyPolicy(0), True),)),
    "a constraint to a subject": Odd(middle=((x509.NameConstraints([x509.DirectoryName(HEAD)], None), True),)),
    "a constraint with a leading dot": Odd(middle=((DOTTED, True),)),
    "a wildcard below a constraint with a leading dot": Odd(middle=((DOTTED, True),), name="*.example"),
    "a leaf for servers of export grade": Odd(leaf=((purposes(x509.ObjectIdentifier("2.16.840.1.113730.4.1")), False),)),
    "a critical mark that its status need not be asked for": Odd(leaf=((x509.OCSPNoCheck(), True),)),
    "an underscore below a constraint": Odd(middle=((x509.NameConstraints([x509.DNSName("example")], None), True),), name="mx_1.example"),
    "the issuer in capitals": Odd(issuer="THE MIDDLE"),
    "the issuer with more spaces": Odd(issuer="The  Middle"),
    "an authority of Ed25519": Odd(keys={"middle": ed25519.Ed25519PrivateKey.generate()}),
    "a root of Ed25519": Odd(keys={"root": ed25519.Ed25519PrivateKey.generate()}),
    "a curve of another house": Odd(keys={"middle": ec.generate_private_key(ec.BrainpoolP256R1())}),
    "SHA-224": Odd(digest=hashes.SHA224()),
}
REFUSED = {
    "an authority for clients alone": Odd(middle=((purposes(Purpose.CLIENT_AUTH), False),)),
    "a leaf for clients alone": Odd(leaf=((purposes(Purpose.CLIENT_AUTH), False),)),
    "a leaf for anything": Odd(leaf=((purposes(Purpose.ANY_EXTENDED_KEY_USAGE), False),)),
    "an authority for anything": Odd(middle=((purposes(Purpose.ANY_EXTENDED_KEY_USAGE), False),)),
    "a critical demand for a staple": Odd(leaf=((x509.TLSFeature([x509.TLSFeatureType.status_request]), True),)),
    "a certificate that was never issued": Odd(leaf=((x509.PrecertPoison(), True),)),
    "a critical place of its authority": Odd(leaf=((AUTHORITY_AT, True),)),
    "a critical place of an authority's authority": Odd(middle=((AUTHORITY_AT, True),)),
    "a leaf whose key signs revocations alone": Odd(leaf=((usage(crl_sign=True), True),)),
    "a critical extension that nobody knows": Odd(middle=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),)),
    "a constraint to other names": Odd(middle=((x509.NameConstraints([x509.DNSName(".other")], None), True),)),
    "an excluded name": Odd(middle=((x509.NameConstraints(None, [x509.DNSName(".example")]), True),)),
    "another issuer": Odd(issuer="Somebody Else"),
    "an authority of RSA-1024": Odd(keys={"middle": RSA_1024}),
    "a root of RSA-1024": Odd(keys={"root": RSA_1024}),
    "an authority of RSA-1024, and the issuer in capitals": Odd(issuer="THE MIDDLE", keys={"middle": RSA_1024}),
}


@pytest.mark.parametrize("odd", ACCEPTED.values(), ids=ACCEPTED)
def test_what_senders_accept_is_trusted(odd: Odd) -> None:
    assert odd.is_trusted()


@pytest.mark.parametrize("odd", REFUSED.values(), ids=REFUSED)
def test_what_senders_refuse_is_not(odd: Odd) -> None:
    assert not odd.is_trusted()


def test_an_authority_whose_key_identifier_is_critical_is_not_heeded_by_senders() -> None:
    identifier = x509.SubjectKeyIdentifier(b"12345678"), True
    assert not Odd(middle=(identifier,), issuer="THE MIDDLE").is_trusted()
