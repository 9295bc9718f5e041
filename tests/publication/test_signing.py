"""A key file, and what may be wrong with it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from mailtls.publication.canonical import Malformed
from mailtls.publication.keys import fingerprint, is_signed_by, named, pem
from mailtls.publication.signing import BadKey, load


def private(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, *, password: bytes = b"") -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password) if password else NoEncryption())


def written(path: Path, octets: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(octets)
    path.chmod(mode)
    return path


def test_a_key_that_openssl_made_signs_what_openssl_verifies(tmp_path: Path) -> None:
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key"], check=True)
    signer = load(tmp_path / "key")
    assert signer.warning == ""
    signature = signer.sign(signer.key, b"manifest")
    assert is_signed_by(signer.key, signature, b"manifest")
    for name, octets in (("manifest", b"manifest"), ("sig", signature), ("pem", pem(signer.key))):
        (tmp_path / name).write_bytes(octets)
    command = "openssl pkeyutl -verify -pubin -inkey pem -rawin -in manifest -sigfile sig && openssl pkey -pubin -in pem -outform DER | sha256sum"
    told = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert "Signature Verified Successfully" in told
    assert fingerprint(signer.key) in told


def test_the_first_key_signs_and_the_one_behind_it_can_hand_over(tmp_path: Path) -> None:
    new, old = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signer = load(written(tmp_path / "key", private(new) + private(old)))
    former = named(old.public_key().public_bytes_raw())
    assert signer.key == named(new.public_key().public_bytes_raw())
    assert is_signed_by(former, signer.sign(former, b"x"), b"x")


def test_a_key_that_the_chain_asks_for_and_the_file_lacks_is_said(tmp_path: Path) -> None:
    signer = load(written(tmp_path / "key", private(Ed25519PrivateKey.generate())))
    other = named(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    with pytest.raises(BadKey, match=f"key: .*{fingerprint(other)}.*put the former key behind the new one"):
        signer.sign(other, b"x")


def test_a_file_that_others_can_read_is_warned_about(tmp_path: Path) -> None:
    signer = load(written(tmp_path / "key", private(Ed25519PrivateKey.generate()), 0o644))
    assert "its group and everybody can use it (mode 0644): chmod 600" in signer.warning


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "holds no private key"),
        (b"x" * 70_000, "holds no private key"),
        (private(Ed25519PrivateKey.generate(), password=b"x"), "is encrypted"),
        (private(ec.generate_private_key(ec.SECP256R1())), "none for Ed25519"),
        (pem(named(b"x" * 32)), "a public key where a private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"),
    ],
)
def test_a_file_that_holds_no_such_key_is_refused_by_name(tmp_path: Path, octets: bytes, why: str) -> None:
    with pytest.raises(BadKey, match=rf"signing\.pem: .*{why}"):
        load(written(tmp_path / "signing.pem", octets))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadKey, match=r"signing\.pem: No such file"):
        load(tmp_path / "signing.pem")


@pytest.mark.parametrize("key", [None, 7, "", "AAAA", named(b"x" * 32) + "\n", named(b"x" * 31), "!" * 60, "é"])
def test_what_names_no_key_is_malformed(key: object) -> None:
    with pytest.raises(Malformed):
        fingerprint(key)


@pytest.mark.parametrize("signature", [b"", b"x" * 64, b"x" * 10_000])
def test_a_signature_of_nobody_is_none(signature: bytes) -> None:
    key = named(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert not is_signed_by(key, signature, b"x")
    assert not is_signed_by(named(b"\xff" * 32), signature, b"x")
