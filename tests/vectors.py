"""The certificates, chains and OCSP responses of cryptography's own test vectors: real ones, and ones that are wrong in every way."""

from __future__ import annotations

import base64
import binascii
import re
from functools import cache
from pathlib import Path

import cryptography_vectors

ROOT = Path(cryptography_vectors.__file__).parent
_PEM = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----(.*?)-----END", re.DOTALL)


@cache
def files() -> dict[str, tuple[bytes, ...]]:
    """Return, by the name of its file, each certificate, or the certificates of a file that has several, in DER as far as it is any."""
    found: dict[str, tuple[bytes, ...]] = {}
    for path in sorted(p for p in ROOT.rglob("*") if p.is_file()):
        content = path.read_bytes()
        name = str(path.relative_to(ROOT))
        blocks = [_der(match[1]) for match in _PEM.finditer(content)]
        if blocks:
            found[name] = tuple(blocks)
        elif path.suffix in (".crt", ".der") and "x509" in path.parts:
            found[name] = (content,)
    return found


def _der(body: bytes) -> bytes:
    text = body.partition(b"\n\n")[2] if b":" in body else body
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return text


@cache
def certificates() -> tuple[bytes, ...]:
    """Return each of them once."""
    return tuple(dict.fromkeys(der for ders in files().values() for der in ders))


@cache
def staples() -> dict[str, bytes]:
    """Return the OCSP responses, and the requests, which are none."""
    return {path.name: path.read_bytes() for path in sorted((ROOT / "x509" / "ocsp").glob("*.der"))}


def pkits(*names: str) -> tuple[bytes, ...]:
    """Return certificates of NIST's test suite for path validation."""
    return tuple(files()[f"x509/PKITS_data/certs/{name}.crt"][0] for name in names)
