"""Signing manifests with Ed25519 (RFC 8032): the key file, and what may be wrong with it.

The file is PEM (PKCS #8), as ``openssl genpkey -algorithm ed25519`` writes it. The first key in it signs. When a key is changed, the new one
is put before the old one: the old one signs the manifest that names the new one, which signs all that follow; then the old one may go.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailtls.publication.keys import fingerprint, named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----\r?\n.*?-----END \1-----", re.DOTALL)
_LARGEST = 65_536
_HOW = "openssl genpkey -algorithm ed25519 -out FILE makes one"


class BadKey(ValueError):  # noqa: N818 - it is what it is
    """A key file cannot be used; the text names the file, and says why."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Private keys, and the file that they are from.

    Args:
        path: of the file.
        keys: private keys by their public ones, as manifests name them; the first signs from now on.
        warning: what should be different, though it works; empty where nothing should.

    """

    path: Path
    keys: Mapping[str, Ed25519PrivateKey]
    warning: str = ""

    @property
    def key(self) -> str:
        """The public key that signs from now on, as manifests name it."""
        return next(iter(self.keys))

    def sign(self, signer: str, manifest: bytes) -> bytes:
        """Return the signature of a manifest, 64 octets.

        Args:
            signer: who has to sign it, as :class:`mailtls.publication.chain.Sealed` says.
            manifest: its octets.

        Raises:
            BadKey: the file does not hold that key.

        """
        if signer not in self.keys:
            raise BadKey(
                f"{self.path}: the last snapshot has to be followed by one that the key with SHA-256 {fingerprint(signer)} signs, and that is not "
                "in this file: put the former key behind the new one in it, until the change has been published"
            )
        return self.keys[signer].sign(manifest)


def load(path: Path) -> Signer:
    """Read the private keys in a file. Raises :class:`BadKey`."""
    try:
        with path.open("rb") as file:
            octets = file.read(_LARGEST + 1)
            mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise BadKey(f"{path}: {error.strerror}") from error
    blocks = list(_BLOCK.finditer(octets)) if len(octets) <= _LARGEST else []
    if not blocks:
        raise BadKey(f"{path}: it holds no private key in PEM; {_HOW}")
    keys = [_key(path, block.group(), block.group(1).decode("ascii")) for block in blocks]
    open_to = " and ".join(who for who, bits in (("its group", 0o070), ("everybody", 0o007)) if mode & bits)
    warning = f"{path}: {open_to} can use it (mode {mode:04o}): chmod 600" if open_to else ""
    return Signer(path, {named(key.public_key().public_bytes_raw()): key for key in keys}, warning)


def _key(path: Path, block: bytes, kind: str) -> Ed25519PrivateKey:
    if kind == "ENCRYPTED PRIVATE KEY":
        raise BadKey(f"{path}: the private key in it is encrypted, and nobody is there to type its password; openssl pkey -in FILE decrypts it")
    if kind != "PRIVATE KEY":
        raise BadKey(f"{path}: it holds a {kind.lower()} where a private key (PKCS #8) is wanted; {_HOW}")
    try:
        key = load_pem_private_key(block + b"\n", None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path}: the private key in it cannot be read; {_HOW}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path}: the private key in it is none for Ed25519; {_HOW}")
    return key
