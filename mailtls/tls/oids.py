"""Object identifiers by which certificates and staples are read, in dotted form; each stands here once, with what it is called."""

from __future__ import annotations

RSA, RSA_PSS, DSA, EC = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10040.4.1", "1.2.840.10045.2.1"
"""Algorithms of keys (RFC 3279 section 2.3, RFC 4055 section 1.2). RSASSA-PSS is one of signatures as well."""
ED25519, ED448 = "1.3.101.112", "1.3.101.113"
"""Of keys and of signatures (RFC 8410 section 3)."""
ML_DSA_44, ML_DSA_65, ML_DSA_87 = "2.16.840.1.101.3.4.3.17", "2.16.840.1.101.3.4.3.18", "2.16.840.1.101.3.4.3.19"
"""Likewise (RFC 9881 section 2)."""
PRIME_FIELD = "1.2.840.10045.1.1"
"""The field of a curve that is spelt out (RFC 3279 section 2.3.5)."""

CURVES = {
    "1.2.840.10045.3.1.1": ("secp192r1", 192), "1.3.132.0.33": ("secp224r1", 224), "1.2.840.10045.3.1.7": ("secp256r1", 256),
    "1.3.132.0.34": ("secp384r1", 384), "1.3.132.0.35": ("secp521r1", 521), "1.3.132.0.10": ("secp256k1", 256),
    "1.3.132.0.1": ("sect163k1", 163), "1.3.132.0.15": ("sect163r2", 163), "1.3.132.0.26": ("sect233k1", 233),
    "1.3.132.0.27": ("sect233r1", 233), "1.3.132.0.16": ("sect283k1", 283), "1.3.132.0.17": ("sect283r1", 283),
    "1.3.132.0.36": ("sect409k1", 409), "1.3.132.0.37": ("sect409r1", 409), "1.3.132.0.38": ("sect571k1", 571),
    "1.3.132.0.39": ("sect571r1", 571),
    "1.3.36.3.3.2.8.1.1.3": ("brainpoolP192r1", 192), "1.3.36.3.3.2.8.1.1.5": ("brainpoolP224r1", 224),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 256), "1.3.36.3.3.2.8.1.1.9": ("brainpoolP320r1", 320),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 384), "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 512),
    "1.2.156.10197.1.301": ("curveSM2", 256),
}  # fmt: skip
"""The named curves, and the bits of their fields (RFC 5480, SEC 2, RFC 5639, RFC 8998)."""

HASHES = {
    "1.2.840.113549.2.5": "MD5", "1.3.14.3.2.26": "SHA-1", "2.16.840.1.101.3.4.2.4": "SHA-224", "2.16.840.1.101.3.4.2.1": "SHA-256",
    "2.16.840.1.101.3.4.2.2": "SHA-384", "2.16.840.1.101.3.4.2.3": "SHA-512",
}  # fmt: skip
"""Hashes (RFC 3279 section 2.1, RFC 4055 section 2.1)."""

SUBJECT_KEY, KEY_USAGE, ALTERNATIVE_NAMES, BASIC_CONSTRAINTS = "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19"
AUTHORITY_KEY, EXTENDED_KEY_USAGE, TLS_FEATURE = "2.5.29.35", "2.5.29.37", "1.3.6.1.5.5.7.1.24"
"""Extensions of certificates (RFC 5280 section 4.2.1, RFC 7633 section 4)."""
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
"""Purposes (RFC 5280 section 4.2.1.12)."""
TIMESTAMPS_OF_CERTIFICATE, TIMESTAMPS_OF_STAPLE = "1.3.6.1.4.1.11129.2.4.2", "1.3.6.1.4.1.11129.2.4.5"
"""Lists of certificate timestamps (RFC 6962 section 3.3)."""
BASIC_STAPLE = "1.3.6.1.5.5.7.48.1.1"
"""The form that an OCSP response has (RFC 6960 section 4.2.1)."""
