"""How a certificate is signed: the algorithm's name, and the hash beneath it (RFC 3279, 4055, 5758, 8410)."""

from __future__ import annotations

from mailtls.tls import oids
from mailtls.tls.der import OID, SEQUENCE, Element, NotDER, oid_name

_ALGORITHMS = {
    "1.2.840.113549.1.1.2": ("md2WithRSAEncryption", "MD2"),
    "1.2.840.113549.1.1.3": ("md4WithRSAEncryption", "MD4"),
    "1.2.840.113549.1.1.4": ("md5WithRSAEncryption", "MD5"),
    "1.2.840.113549.1.1.5": ("sha1WithRSAEncryption", "SHA-1"),
    "1.3.14.3.2.29": ("sha1WithRSASignature", "SHA-1"),
    "1.2.840.113549.1.1.11": ("sha256WithRSAEncryption", "SHA-256"),
    "1.2.840.113549.1.1.12": ("sha384WithRSAEncryption", "SHA-384"),
    "1.2.840.113549.1.1.13": ("sha512WithRSAEncryption", "SHA-512"),
    "1.2.840.113549.1.1.14": ("sha224WithRSAEncryption", "SHA-224"),
    "1.2.840.10040.4.3": ("dsa-with-sha1", "SHA-1"),
    "2.16.840.1.101.3.4.3.1": ("dsa-with-sha224", "SHA-224"),
    "2.16.840.1.101.3.4.3.2": ("dsa-with-sha256", "SHA-256"),
    "1.2.840.10045.4.1": ("ecdsa-with-SHA1", "SHA-1"),
    "1.2.840.10045.4.3.1": ("ecdsa-with-SHA224", "SHA-224"),
    "1.2.840.10045.4.3.2": ("ecdsa-with-SHA256", "SHA-256"),
    "1.2.840.10045.4.3.3": ("ecdsa-with-SHA384", "SHA-384"),
    "1.2.840.10045.4.3.4": ("ecdsa-with-SHA512", "SHA-512"),
    oids.ED25519: ("Ed25519", "SHA-512"),
    oids.ED448: ("Ed448", "SHAKE256"),
    oids.ML_DSA_44: ("id-ml-dsa-44", "SHAKE256"),
    oids.ML_DSA_65: ("id-ml-dsa-65", "SHAKE256"),
    oids.ML_DSA_87: ("id-ml-dsa-87", "SHAKE256"),
}


def signature_of(algorithm: Element) -> tuple[str, str | None]:
    """Return an algorithm's name, or its dotted number, and the hash that it signs; ``None`` for a hash that is not known.

    Raises:
        NotDER: it is no AlgorithmIdentifier.

    """
    parts = algorithm.inside()
    if algorithm.tag != SEQUENCE or not parts or parts[0].tag != OID:
        raise NotDER("no signature algorithm")
    number = oid_name(parts[0].content)
    if number == oids.RSA_PSS:
        return "rsassaPss", _hash_of_pss(parts[1:])
    return _ALGORITHMS.get(number, (number, None))


def _hash_of_pss(parameters: list[Element]) -> str | None:
    """Return the hash of RSASSA-PSS, which stands in its parameters, and is SHA-1 where they do not say (RFC 4055 section 3.1)."""
    fields = parameters[0].inside() if parameters and parameters[0].tag == SEQUENCE else []
    if not fields or fields[0].tag != 0xA0:
        return "SHA-1"
    named = fields[0].inside()
    inner = named[0].inside() if named else []
    return oids.HASHES.get(oid_name(inner[0].content)) if inner and inner[0].tag == OID else None
