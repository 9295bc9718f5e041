"""Postfix's posttls-finger: what Postfix itself thinks of a destination at a level of security, with a resolver of the tests."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .certificates import Algorithm
from .server import find_program
from .unbound import Unbound

# The library resolver reads /etc/resolv.conf and no other. A mount in a namespace of its own shows one process another file there, and is
# gone when the process is; the machine's own file is never touched.
WITH_RESOLVER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
CIPHERS: dict[Algorithm, str] = {"rsa": "aRSA", "ecdsa": "aECDSA"}


@dataclass(frozen=True, slots=True)
class Finger:
    """What it said. ``outcome`` is a word of its own: Verified, Trusted, Untrusted, Anonymous; or ``failed``, where no TLS came about.

    ``matched`` is the TLSA record by which it verified, ``records`` how many it took from DNS, ``unusable`` how many of them, or of those
    that it did not take, it could not use. ``lookup_failed`` is the DNS answer that keeps mail waiting.
    """

    outcome: str
    matched: str
    records: int
    unusable: int
    lookup_failed: bool
    text: str

    @property
    def dane(self) -> str:
        """Say it in one word: matched, refused, unusable, none, or error."""
        if self.lookup_failed:
            return "error"
        if self.matched and self.outcome in ("Verified", "Trusted"):  # the latter where the MX records are not secure
            return "matched"
        if self.records > self.unusable:
            return "refused"
        return "unusable" if self.unusable else "none"


async def posttls_finger(
    resolver: Unbound, destination: str, level: str, *, key: Algorithm | None = None, ca_file: Path | None = None, match: Sequence[str] = ()
) -> Finger:
    """Run it. The resolver listens at port 53, as the library resolver knows no other.

    ``key`` is the kind of certificate to ask for, ``ca_file`` whom to trust at the level ``secure``, ``match`` which names to demand there.
    """
    file = resolver.directory / "resolv.conf"
    file.write_text(f"nameserver {resolver.address}\noptions edns0 trust-ad timeout:3 attempts:2\n")
    command = [find_program("unshare"), "--mount", "/bin/sh", "-c", WITH_RESOLVER, str(file)]
    command += [find_program("posttls-finger"), "-o", "dnssec_probe=", "-c", "-a", "ipv4", "-t", "5", "-T", "10"]
    command += ["-l", level, "-L", "summary,certmatch,dane"]
    if key is not None:  # before TLS 1.3 the cipher suite decides about the certificate
        command += ["-p", "TLSv1.2", "-o", f"tls_medium_cipherlist={CIPHERS[key]}"]
    if ca_file is not None:
        command += ["-F", str(ca_file)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = await asyncio.to_thread(subprocess.run, [*command, destination, *match], capture_output=True, text=True, check=False, timeout=60)
        return read(done.stdout + done.stderr)
    return read("timed out")


def read(text: str) -> Finger:
    """Read what it printed."""
    established = re.search(r"(Verified|Trusted|Untrusted|Anonymous) TLS connection established", text)
    matched = re.search(r"Matched DANE .*: (\d \d \d \w+)", text)
    return Finger(
        established[1] if established else "failed",
        matched[1] if matched else "",
        len(re.findall(r"DNSSEC-signed TLSA record", text)),
        len(re.findall(r"unsupported TLSA certificate usage|unusable TLSA RR|reserved private-use matching type", text)),
        established is None and ("TLSA lookup error" in text or "Host or domain name not found" in text),
        text,
    )
