"""Cases of DANE and PKIX, played by real servers: what each publishes and serves, and what follows from it.

A case has a domain ``NAME.dane.test`` whose MX host is ``NAME.mx.test``, both in signed zones, unless it says otherwise. The servers are
a few Postfixes, each with an RSA and an ECDSA certificate; a case says which of them its host is.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from servers import Authority, Certificate, Knot, Postfix, Unbound, Zone
from servers.certificates import DAY

HOSTS = "*.mx.test"


@dataclass(frozen=True, slots=True)
class Lab:
    """What runs: servers by name with their certificates (RSA, then ECDSA), and the certificates of authorities by name."""

    servers: Mapping[str, Postfix]
    certificates: Mapping[str, Sequence[Certificate]]
    authorities: Mapping[str, x509.Certificate]
    trusted: Path
    knot: Knot
    resolver: Unbound

    def tlsa(self, kind: str, *whose: str) -> list[str]:
        """Return the text of a record of this kind, such as ``3 1 1``, for each certificate: of both of a server, or of an authority."""
        return tlsa(self.certificates, self.authorities, kind, *whose)


def tlsa(certificates: Mapping[str, Sequence[Certificate]], authorities: Mapping[str, x509.Certificate], kind: str, *whose: str) -> list[str]:
    """See :meth:`Lab.tlsa`; ``SERVER/rsa`` and ``SERVER/ecdsa`` name one of the two."""
    found: list[x509.Certificate] = []
    for name in whose:
        server, _, one = name.partition("/")
        if server in authorities:
            found.append(authorities[server])
        else:
            both = certificates[server]
            found += [each.x509 for each in ({"rsa": both[:1], "ecdsa": both[1:]}[one] if one else both)]
    return [f"{kind} {association(certificate, kind).hex()}" for certificate in found]


def association(certificate: x509.Certificate, kind: str) -> bytes:
    """Return the certificate association data (RFC 6698 section 2.1.4) of a certificate."""
    _, selector, matching_type = kind.split()
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    selected = certificate.public_bytes(Encoding.DER) if selector == "0" else key
    return {"1": hashlib.sha256(selected).digest(), "2": hashlib.sha512(selected).digest()}.get(matching_type, selected)


Records = Callable[[Callable[..., list[str]]], list[str]]
"""The TLSA records of a case, from a function that makes them of a kind and of whose certificates they are to be."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Args:
        name: of the domain and of the host.
        server: whose address the host has.
        records: its TLSA records.
        finger: what posttls-finger says at the level ``dane``: one word for the RSA and one for the ECDSA certificate, or one for both.
        ours: what mailtls says: the value of ``dane``, or the cause of its being unknown.
        difference: why the two differ, where they do.
        names: text of the zones, where the usual does not do: by zone, with ADDRESS for the server's, and REFUSING for a name server that
            refuses to answer.
        zones: more zones, below the usual: origin, records with TLSA for the case's, and state.
        destination: of the mail; the case's domain where it is empty.
        base: the TLSA base domain that mailtls is to find, where it is not the host.

    """

    name: str
    server: str
    records: Records
    finger: str
    ours: str
    difference: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    zones: Sequence[tuple[str, str, str]] = ()
    destination: str = ""
    base: str = ""

    @property
    def domain(self) -> str:
        """Where the mail goes."""
        return self.destination or f"{self.name}.dane.test"


def of(kind: str, *whose: str) -> Records:
    """Return records of this kind for these certificates."""
    return lambda make: make(kind, *whose)


def together(*several: Records) -> Records:
    """Return the records of all of them."""
    return lambda make: [record for each in several for record in each(make)]


def as_it_is(*records: str) -> Records:
    """Return these records, whatever is served."""
    return lambda _make: list(records)


def spoilt(kind: str, *whose: str) -> Records:
    """Return records with one octet changed."""
    return lambda make: [record[:-2] + ("00" if record[-2:] != "00" else "01") for record in make(kind, *whose)]


NOTHING = as_it_is()
ADDRESS_ONLY = "{host} A ADDRESS\n"

CASES: tuple[Case, ...] = (
    # Usage 3: the leaf and nothing else.
    Case("ee-spki-sha256", "good", of("3 1 1", "good"), "matched", "valid"),
    Case("ee-cert-sha256", "good", of("3 0 1", "good"), "matched", "valid"),
    Case("ee-spki-sha512", "good", of("3 1 2", "good"), "matched", "valid"),
    Case("ee-cert-full", "good", of("3 0 0", "good"), "matched", "valid"),
    Case("ee-spki-full", "good", of("3 1 0", "good"), "matched", "valid"),
    Case("ee-self-signed", "self-signed", of("3 1 1", "self-signed"), "matched", "valid"),
    Case("ee-expired", "expired", of("3 1 1", "expired"), "matched", "valid"),
    Case("ee-wrong-name", "wrong-name", of("3 1 1", "wrong-name"), "matched", "valid"),
    Case("ee-leaf-only", "leaf-only", of("3 0 1", "leaf-only"), "matched", "valid"),
    Case("ee-wrong-digest", "good", spoilt("3 1 1", "good"), "refused", "invalid"),
    Case("ee-issuer", "good", of("3 1 1", "intermediate"), "refused", "invalid"),
    # Two certificates, and roll-over.
    Case("rsa-only", "good", of("3 1 1", "good/rsa"), "matched refused", "invalid"),
    Case("ecdsa-only", "good", of("3 1 1", "good/ecdsa"), "refused matched", "invalid"),
    Case("rolled", "good", of("3 1 1", "self-signed"), "refused", "invalid"),
    Case("rolling", "good", of("3 1 1", "good", "self-signed"), "matched", "valid"),
    Case("ee-rsa-ta-for-the-other", "good", together(of("3 1 1", "good/rsa"), of("2 1 1", "root")), "matched", "valid"),
    # Usage 2: an issuer, dates and names.
    Case("ta-root-sent", "good", of("2 0 1", "root"), "matched", "valid"),
    Case("ta-root-key-sha512", "good", of("2 1 2", "root"), "matched", "valid"),
    Case("ta-intermediate", "no-root", of("2 1 1", "intermediate"), "matched", "valid"),
    Case("ta-intermediate-of-two-sent", "good", of("2 0 1", "intermediate"), "matched", "valid"),
    Case("ta-root-not-sent", "no-root", of("2 0 1", "root"), "refused", "invalid"),
    Case("ta-root-key-not-sent", "no-root", of("2 1 1", "root"), "refused", "invalid"),
    Case("ta-root-in-dns", "no-root", of("2 0 0", "root"), "matched", "valid"),
    Case("ta-root-key-in-dns", "no-root", of("2 1 0", "root"), "matched", "valid"),
    Case("ta-intermediate-in-dns", "leaf-only", of("2 0 0", "intermediate"), "matched", "valid"),
    Case("ta-intermediate-key-in-dns", "leaf-only", of("2 1 0", "intermediate"), "matched", "valid"),
    Case("ta-another-key-in-dns", "no-root", of("2 1 0", "stranger"), "refused", "invalid"),
    Case("ta-stranger", "good", of("2 0 1", "stranger"), "refused", "invalid"),
    Case("ta-of-the-leaf", "good", of("2 0 1", "good"), "refused", "invalid"),
    Case("ta-self-signed-leaf", "self-signed", of("2 0 1", "self-signed"), "refused", "invalid"),
    Case("ta-self-signed-leaf-in-dns", "self-signed", of("2 0 0", "self-signed"), "refused", "invalid"),
    Case("ta-self-signed-leaf-key-in-dns", "self-signed", of("2 1 0", "self-signed"), "matched", "valid"),
    Case("ta-expired-leaf", "expired", of("2 0 1", "root"), "refused", "invalid"),
    Case("ta-expired-anchor", "old-root", of("2 0 1", "old"), "refused", "invalid"),
    Case("ta-expired-anchor-key", "old-root", of("2 1 1", "old"), "refused", "invalid"),
    Case("ta-expired-intermediate", "lapsed", of("2 1 1", "lapsed"), "matched", "valid"),
    Case("ta-above-an-expired-intermediate", "lapsed", of("2 1 1", "root"), "refused", "invalid"),
    Case("ta-above-its-renewal-sent-behind", "renewed", of("2 1 1", "root"), "matched", "valid"),
    Case("ta-no-authority", "no-authority", of("2 0 1", "root"), "refused", "invalid"),
    Case("ta-wrong-name", "wrong-name", of("2 0 1", "root"), "refused", "invalid"),
    Case("ta-next-hop-name", "next-hop", of("2 0 1", "root"), "matched", "valid"),
    Case(
        "ta-next-hop-name-unsigned", "next-hop", of("2 0 1", "root"), "refused", "invalid",
        names={"plain.test.": "{host} MX 10 {host}.mx.test.\n", "mx.test.": ADDRESS_ONLY + "TLSA"},
        destination="ta-next-hop-name-unsigned.plain.test",
    ),
    Case("ta-common-name-only", "common-name", of("2 0 1", "root"), "matched", "valid"),
    Case("deep.ta-wildcard", "good", of("2 0 1", "root"), "refused", "invalid"),
    # Records that are of no use, and the choice between digests.
    Case("usage-1", "good", of("1 1 1", "good"), "unusable", "unusable"),
    Case("usage-0", "good", of("0 0 1", "root"), "unusable", "unusable"),
    Case("usage-4", "good", of("4 1 1", "good"), "unusable", "unusable"),
    Case("usage-1-beside-3", "good", together(of("1 1 1", "good"), of("3 1 1", "good")), "matched", "valid"),
    Case("selector-2", "good", as_it_is("3 2 1 " + "ab" * 32), "unusable", "unusable"),
    Case("matching-type-3", "good", as_it_is("3 1 3 " + "ab" * 32), "unusable", "unusable"),
    Case("short-digest", "good", as_it_is("3 1 1 " + "ab" * 20), "unusable", "unusable"),
    Case("no-certificate", "good", as_it_is("3 0 0 " + "ab" * 20), "unusable", "unusable"),
    Case("no-key", "good", as_it_is("2 1 0 3000"), "unusable", "unusable"),
    Case("short-beside-good", "good", together(as_it_is("3 1 2 " + "ab" * 20), of("3 1 1", "good")), "matched", "valid"),
    Case("agility", "good", together(of("3 1 1", "good"), spoilt("3 1 2", "good")), "refused", "invalid"),
    Case("agility-full-stays", "good", together(of("3 1 0", "good"), spoilt("3 1 2", "good")), "matched", "valid"),
    Case("agility-other-selector", "good", together(of("3 0 1", "good"), spoilt("3 1 2", "good")), "matched", "valid"),
    # What DNS says.
    Case("none", "good", NOTHING, "none", "none"),
    Case(
        "bogus", "good", of("3 1 1", "good"), "error", "dnssec-bogus",
        names={"mx.test.": ADDRESS_ONLY}, zones=[("_tcp.bogus.mx.test.", "_25", "bogus")],
    ),
    Case(
        "insecure", "good", of("3 1 1", "good"), "none", "none",
        names={"mx.test.": ADDRESS_ONLY}, zones=[("_tcp.insecure.mx.test.", "_25", "insecure")],
    ),
    Case(
        "servfail", "good", NOTHING, "error", "dns-failure",
        names={"mx.test.": ADDRESS_ONLY + "_tcp.{host} NS REFUSING\n"},
    ),
    Case(
        "unsigned-host", "good", of("3 1 1", "good"), "none", "none",
        names={"dane.test.": "unsigned-host MX 10 unsigned-host.plain.test.\n", "plain.test.": ADDRESS_ONLY + "TLSA"},
    ),
    Case(
        "unsigned-host-servfail", "good", NOTHING, "none", "none",
        names={
            "dane.test.": "unsigned-host-servfail MX 10 unsigned-host-servfail.plain.test.\n",
            "plain.test.": ADDRESS_ONLY + "_tcp.{host} NS REFUSING\n",
        },
    ),
    Case(
        "unsigned-mx", "good", of("3 1 1", "good"), "matched", "valid",
        names={"plain.test.": "unsigned-mx MX 10 unsigned-mx.mx.test.\n", "mx.test.": ADDRESS_ONLY + "TLSA"},
        destination="unsigned-mx.plain.test",
    ),
    Case(
        "no-mx", "good", of("3 1 1", "good"), "matched", "valid",
        names={"mx.test.": ADDRESS_ONLY + "TLSA"}, destination="no-mx.mx.test",
    ),
    Case(
        "bogus-host", "good", NOTHING, "error", "dnssec-bogus",
        names={"dane.test.": "bogus-host MX 10 bogus-host.bogus.test.\n", "bogus.test.": ADDRESS_ONLY},
    ),
    Case("no-starttls", "plain", of("3 1 1", "good"), "refused", "invalid"),
    # Aliases.
    Case(
        "alias-target", "good", of("3 1 1", "good"), "matched", "valid",
        names={"mx.test.": "{host} CNAME alias-target-real\nalias-target-real A ADDRESS\nTARGET alias-target-real\nTLSA"},
        base="alias-target-real.mx.test",
    ),
    Case(
        "alias-initial", "good", of("3 1 1", "good"), "matched", "valid",
        names={"mx.test.": "{host} CNAME alias-initial-real\nalias-initial-real A ADDRESS\nTLSA"},
    ),
    Case(
        "alias-both", "good", of("3 1 1", "good"), "matched", "valid",
        names={
            "mx.test.": "{host} CNAME alias-both-real\nalias-both-real A ADDRESS\nTARGET alias-both-real\nTLSA\n"
            "_25._tcp.alias-both TLSA 3 1 1 " + "ab" * 32
        },
        base="alias-both-real.mx.test",
    ),
    Case(
        "alias-target-ta", "next-hop", of("2 0 1", "root"), "matched", "valid",
        names={"mx.test.": "{host} CNAME alias-target-ta-real\nalias-target-ta-real A ADDRESS\nTARGET alias-target-ta-real\nTLSA"},
        base="alias-target-ta-real.mx.test",
    ),
    Case(
        "alias-to-unsigned", "good", of("3 1 1", "good"), "matched", "valid",
        names={"mx.test.": "{host} CNAME alias-to-unsigned.plain.test.\nTLSA", "plain.test.": ADDRESS_ONLY},
    ),
    Case(
        "alias-from-unsigned", "good", of("3 1 1", "good"), "none", "none",
        names={
            "dane.test.": "alias-from-unsigned MX 10 alias-from-unsigned.plain.test.\n",
            "plain.test.": "{host} CNAME alias-from-unsigned.mx.test.\n",
            "mx.test.": ADDRESS_ONLY + "TLSA",
        },
    ),
    Case(
        "alias-of-the-record", "good", of("3 1 1", "good"), "matched", "valid",
        names={"mx.test.": ADDRESS_ONLY + "_25._tcp.{host} CNAME _dane.{host}\nTARGET-RECORD _dane.{host}\nTLSA"},
    ),
)


@dataclass(frozen=True, slots=True)
class PKIXCase:
    """What posttls-finger says at the level ``secure`` when the MX host's name is demanded, and mailtls of trust and name."""

    server: str
    finger: str
    trusted: bool
    named: bool
    difference: str = ""
    host: str = ""


PKIX_CASES: tuple[PKIXCase, ...] = (
    PKIXCase("good", "Verified", trusted=True, named=True),
    PKIXCase("no-root", "Verified", trusted=True, named=True),
    PKIXCase("leaf-only", "Untrusted", trusted=False, named=True),
    PKIXCase("self-signed", "Untrusted", trusted=False, named=True),
    PKIXCase("stranger", "Untrusted", trusted=False, named=True),
    PKIXCase("expired", "Untrusted", trusted=False, named=True),
    PKIXCase("not-yet", "Untrusted", trusted=False, named=True),
    PKIXCase("wrong-name", "Untrusted", trusted=True, named=False),
    PKIXCase("lapsed", "Untrusted", trusted=False, named=True),
    PKIXCase("renewed", "Verified", trusted=True, named=True),
    PKIXCase("next-hop", "Untrusted", trusted=True, named=False),
    PKIXCase("no-authority", "Untrusted", trusted=False, named=True),
    PKIXCase(
        "common-name", "Verified", trusted=True, named=False,
        difference="Postfix falls back to the common name; RFC 9525 section 2 and RFC 8461 section 4.1 know only dNSNames",
    ),
    PKIXCase("good", "Untrusted", trusted=True, named=False, host="deep.pkix-wildcard"),
)  # fmt: skip


def identities(authorities: Mapping[str, Authority]) -> dict[str, Sequence[Certificate]]:
    """Return the two certificates of each server."""
    root, intermediate = authorities["root"], authorities["intermediate"]
    below, both = intermediate.x509, (intermediate.x509, root.x509)

    def pair(signer: Authority, name: str = HOSTS, **options: object) -> Sequence[Certificate]:
        return [signer.issue([name], "rsa", **options), signer.issue([name], "ecdsa", **options)]  # type: ignore[arg-type]

    return {
        "good": pair(intermediate, send=both),
        "no-root": pair(intermediate, send=[below]),
        "leaf-only": pair(intermediate),
        "expired": pair(intermediate, send=both, starts=-9 * DAY, ends=-DAY),
        "not-yet": pair(intermediate, send=both, starts=DAY),
        "self-signed": pair(root, self_signed=True),
        "stranger": pair(authorities["stranger"], send=[authorities["stranger"].x509]),
        "wrong-name": pair(intermediate, "elsewhere.test", send=both),
        "next-hop": pair(intermediate, "*.dane.test", send=both),
        "common-name": pair(intermediate, send=both, common_name_only=True),
        "lapsed": pair(authorities["lapsed"], send=[authorities["lapsed"].x509, root.x509]),
        "renewed": pair(authorities["lapsed"], send=[authorities["lapsed"].x509, authorities["renewed"].x509, root.x509]),
        "old-root": pair(authorities["old"], send=[authorities["old"].x509]),
        "no-authority": pair(authorities["no-authority"], send=[authorities["no-authority"].x509, root.x509]),
        "plain": (),
    }


@asynccontextmanager
async def lab(directory: Path) -> AsyncIterator[Lab]:
    """Start everything: the servers, their zones, and a resolver that validates."""
    root = Authority(directory)
    authorities = {
        "root": root,
        "intermediate": Authority(directory, "mailtls test intermediate", root),
        "no-authority": Authority(directory, "mailtls test impostor", root, may_sign=False),
    }
    authorities["lapsed"] = Authority(directory, "mailtls test lapsed", root, ends=-DAY)
    authorities["renewed"] = Authority(directory, "mailtls test lapsed", root, again=authorities["lapsed"])
    for name, options in (("stranger", {}), ("old", {"ends": -DAY})):
        (directory / name).mkdir()
        authorities[name] = Authority(directory / name, f"mailtls test {name}", **options)  # type: ignore[arg-type]
    certificates = identities(authorities)
    known = {name: authority.x509 for name, authority in authorities.items()}
    servers = {name: Postfix(port=25, hostname=f"{name}.mx.test", certificates=both) for name, both in certificates.items()}
    refusing = Knot([Zone("elsewhere.", "", "insecure")], port=53)
    zones = zones_of(servers, refusing.address, lambda kind, *whose: tlsa(certificates, known, kind, *whose))
    async with AsyncExitStack() as stack:
        for server in servers.values():
            await stack.enter_async_context(server)
        await stack.enter_async_context(refusing)
        knot = await stack.enter_async_context(Knot(zones))
        resolver = await stack.enter_async_context(Unbound.of(knot, port=53))
        yield Lab(servers, certificates, known, root.file, knot, resolver)


def zones_of(servers: Mapping[str, Postfix], refusing: str, make: Callable[..., list[str]]) -> list[Zone]:
    """Return the zones of all cases."""
    text = {"test.": f"refusing A {refusing}\n", "dane.test.": "", "mx.test.": "", "plain.test.": "", "bogus.test.": ""}
    states = {"plain.test.": "insecure", "bogus.test.": "bogus"}
    for case in CASES:
        records = case.records(make)
        names = {"mx.test.": ADDRESS_ONLY + "TLSA", **case.names} if not case.names else dict(case.names)
        if not case.destination and "dane.test." not in names:
            names["dane.test."] = f"{case.name} MX 10 {case.name}.mx.test.\n"
        for zone, lines in names.items():
            text[zone] += _filled(lines, case.name, servers[case.server].address, records)
        for origin, owner, state in case.zones:
            text[origin] = "".join(f"{owner} TLSA {record}\n" for record in records)
            states[origin] = state
    for case in PKIX_CASES:
        name = case.host or f"pkix-{case.server}"
        text["mx.test."] += f"{name} A {servers[case.server].address}\n"
        text["dane.test."] += f"{name} MX 10 {name}.mx.test.\n"
    return [Zone(origin, lines, states.get(origin, "secure")) for origin, lines in text.items()]  # type: ignore[arg-type]


def _filled(lines: str, host: str, address: str, records: Sequence[str]) -> str:
    """Fill in a case's text: {host}, ADDRESS, and TLSA for its records, whose owner is the host's, or what a line TARGET says."""
    owner, filled = f"_25._tcp.{host}", ""
    for line in lines.replace("{host}", host).replace("ADDRESS", address).replace("REFUSING", "refusing.test.").splitlines():
        if line.startswith("TARGET-RECORD "):
            owner = line.split()[1]
        elif line.startswith("TARGET "):
            owner = f"_25._tcp.{line.split()[1]}"
        elif line == "TLSA":
            filled += "".join(f"{owner} TLSA {record}\n" for record in records)
        else:
            filled += f"{line}\n"
    return filled
