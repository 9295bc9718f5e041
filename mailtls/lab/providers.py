"""The fake providers, as data: what each runs, and what should be concluded about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtls.lab.nameserver import Fault
from mailtls.lab.script import TLS, Behaviour, Delay, Drip
from mailtls.lab.sts_server import Serving, policy, response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mailtls.lab.authority import Authority, Identity, KeyKind
    from mailtls.lab.script import Script

DOWNGRADED = "downgraded"


@dataclass(frozen=True, slots=True)
class Host:
    """An MX host: its DNS name, what it does, its preference, whether it is on IPv6 loopback too, and its TLSA records."""

    name: str
    behaviour: Behaviour
    preference: int = 10
    ipv6: bool = False
    tlsa: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FakePolicy:
    """What a domain says of MTA-STS: its TXT records, and what its policy host does."""

    records: tuple[str, ...]
    serving: Serving


@dataclass(frozen=True, slots=True)
class FakeProvider:
    """A provider: what `mailtls` is to be told (name, domains), what it is to conclude, and what there is to find."""

    name: str
    domains: tuple[str, ...]
    conclusion: str
    hosts: tuple[Host, ...] = ()
    null_mx: bool = False
    fault: Fault | None = None
    """What is wrong with the domain in DNS."""

    secure: bool = False
    """Whether its names are signed: DNS answers carry AD."""

    policy: FakePolicy | None = None
    """The MTA-STS policy of its first domain."""

    reports: str = ""
    """The TLS-RPT record of its first domain."""


def fake_providers(authority: Authority, now: datetime) -> tuple[FakeProvider, ...]:
    """Return every provider of the lab, with certificates issued by an authority; `now` is aware."""

    def good(name: str, key: KeyKind = "p256") -> Identity:
        return authority.issue([name], key=key)

    def sts(domain: str, mode: str, *mx: str) -> FakePolicy:
        served = TLS((authority.issue([f"mta-sts.{domain}"]),))
        return FakePolicy(("v=STSv1; id=20261124;",), Serving(served, response(policy(mode, *mx))))

    def past(name: str) -> Identity:
        return authority.issue([name], not_before=now - timedelta(days=100), not_after=now - timedelta(days=10))

    def one(
        name: str,
        conclusion: str,
        identity: Callable[[str], Identity] | None = good,
        *,
        greeting: Script | None = None,
        ehlo: Script | None = None,
        starttls: Script | None = None,
        after_starttls: bytes = b"",
    ) -> FakeProvider:
        """Return a provider with one domain and one host; without an identity it has no TLS."""
        domain = f"{name}.example"
        host = f"mx.{domain}"
        tls = TLS((identity(host),)) if identity else None
        behaviour = Behaviour(
            hostname=host, greeting=greeting, ehlo=ehlo, starttls=starttls, after_starttls=after_starttls, tls=tls
        )
        return FakeProvider(name, (domain,), conclusion, (Host(host, behaviour),))

    def excellent(host: str, preference: int, *, ipv6: bool) -> Host:
        both = good(host, "p256"), good(host, "rsa3072")
        behaviour = Behaviour(hostname=host, tls=TLS(both, groups="X25519MLKEM768:X25519:secp256r1", ciphers="ECDHE+AESGCM"))
        return Host(host, behaviour, preference, ipv6, tuple(identity.tlsa() for identity in both))

    def signed(name: str, conclusion: str, served: Callable[[str], tuple[Identity, ...]], tlsa: Callable[..., tuple[str, ...]]) -> FakeProvider:
        """Return a provider under signed DNS; `tlsa` makes its TLSA records from what is served."""
        host = f"mx.{name}.example"
        identities = served(host)
        behaviour = Behaviour(hostname=host, tls=TLS(identities))
        return FakeProvider(name, (f"{name}.example",), conclusion, (Host(host, behaviour, tlsa=tlsa(*identities)),), secure=True)

    return (
        FakeProvider(
            "excellent",
            ("excellent.example",),
            "TLS 1.3 with a post-quantum key exchange, valid certificates and DANE on two hosts, under signed DNS; MTA-STS enforced",
            (excellent("mx1.excellent.example", 10, ipv6=True), excellent("mx2.excellent.example", 20, ipv6=False)),
            secure=True,
            policy=sts("excellent.example", "enforce", "*.excellent.example"),
            reports="v=TLSRPTv1; rua=mailto:tls@excellent.example,https://reports.excellent.example/tls",
        ),
        FakeProvider(
            "solid",
            ("solid.example", "solid-mail.example"),
            "TLS 1.2 and 1.3 with a valid wildcard certificate, for two domains on the same host",
            (
                Host(
                    "mx.solid.example",
                    Behaviour(
                        hostname="mx.solid.example",
                        tls=TLS((authority.issue(["*.solid.example"], key="rsa2048"),), groups="X25519:secp256r1"),
                    ),
                ),
            ),
            policy=sts("solid.example", "testing", "mx.solid.example"),
        ),
        FakeProvider(
            "legacy-only",
            ("legacy-only.example",),
            "TLS, but no newer than 1.0, and with an RSA key of 1024 bits",
            (
                Host(
                    "mx.legacy-only.example",
                    Behaviour(
                        hostname="mx.legacy-only.example",
                        tls=TLS(
                            (good("mx.legacy-only.example", "rsa1024"),),
                            min_version="TLSv1.0",
                            max_version="TLSv1.0",
                            ciphers="AES128-SHA:AES256-SHA:@SECLEVEL=0",
                        ),
                    ),
                ),
            ),
        ),
        one("no-starttls", "no STARTTLS: mail goes in the clear", None),
        one(
            "stripped",
            "STARTTLS overwritten on the way: somebody in the middle is interfering",
            None,
            ehlo=b"250-mx.stripped.example\r\n250-PIPELINING\r\n250-XXXXXXXA\r\n250 8BITMIME\r\n",
        ),
        one("expired", "TLS, with a certificate that expired ten days ago", past),
        one(
            "self-signed",
            "TLS, with a certificate nobody vouches for",
            lambda n: authority.issue([n], self_signed=True),
        ),
        one("wrong-name", "TLS, with a valid certificate for another name", lambda _: good("mail.elsewhere.example")),
        signed(
            "dane",
            "TLS, with certificates that nobody vouches for but its TLSA records do (DANE)",
            lambda n: (authority.issue([n], self_signed=True), authority.issue([n], key="rsa2048", self_signed=True)),
            lambda *served: tuple(identity.tlsa() for identity in served),
        ),
        signed(
            "dane-stale",
            "TLS, with a valid certificate whose key is not the one in its TLSA record: senders that heed DANE keep the mail",
            lambda n: (good(n),),
            lambda *_served: (good("mx.dane-stale.example").tlsa(),),
        ),
        signed(
            "dane-unusable",
            "TLS, with a valid certificate, and a TLSA record of a kind that no mail server uses",
            lambda n: (good(n),),
            lambda served: (served.tlsa(usage=1),),
        ),
        one(
            "ratelimited",
            "unknown: refused for the number of our connections",
            greeting=b"421 4.7.0 Too many connections from your address, try again later\r\n",
        ),
        one(
            "blocklisting",
            "unknown: our address is on a blocklist",
            greeting=b"554 5.7.1 Service unavailable; client host [127.0.0.1] blocked using dnsbl.lab.example\r\n",
        ),
        one(
            "tarpit",
            "unknown: the greeting takes longer than we wait",
            greeting=(Drip(b"220 mx.tarpit.example ESMTP takes its time\r\n", 1.0),),
        ),
        one(
            "tls-unavailable",
            "STARTTLS offered, and failing when it is asked for (454)",
            starttls=b"454 4.7.0 TLS not available due to temporary reason\r\n",
        ),
        one("greylisting", "unknown: put off at EHLO", ehlo=b"450 4.7.1 Greylisted, come back later\r\n"),
        FakeProvider("null-mx", ("null-mx.example",), "takes no mail (RFC 7505): nothing to measure", null_mx=True),
        FakeProvider("nxdomain", ("nxdomain.example",), "no such domain"),
        FakeProvider("dns-servfail", ("dns-servfail.example",), "unknown: DNS fails", fault=Fault.SERVFAIL),
        FakeProvider("dnssec-bogus", ("dnssec-bogus.example",), "unknown: DNS answers fail validation", fault=Fault.BOGUS),
        one(
            "plaintext-injection",
            "TLS, but plaintext follows the STARTTLS reply: somebody may be injecting responses",
            after_starttls=b"250-mx.plaintext-injection.example\r\n250 AUTH PLAIN\r\n",
        ),
        one("helo-only", "no STARTTLS: the server does not know EHLO", None, ehlo=b"500 5.5.1 Command unrecognized\r\n"),
        one(
            "postscreen",
            "TLS: the greeting pauses half-way, as Postfix's postscreen does, and then all is well",
            greeting=(
                b"220-mx.postscreen.example ESMTP\r\n",
                Delay(1.0),
                b"220 mx.postscreen.example ESMTP\r\n",
            ),
        ),
        replace(
            one("sts-mismatch", "TLS, but its MTA-STS policy enforces another MX host: who heeds that does not deliver here"),
            policy=sts("sts-mismatch.example", "enforce", "mail.sts-mismatch.example"),
        ),
        one(DOWNGRADED, "TLS at first; after `Lab.downgrade()` STARTTLS is gone, which is an alarm"),
    )
