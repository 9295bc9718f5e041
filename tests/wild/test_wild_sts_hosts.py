"""Every outcome of RFC 8461 sections 3.1 to 3.3, 5 and 8, played over real sockets from DNS to HTTPS, with its only honest conclusion."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
import structlog.testing

from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.lab import TLS, Authority, Fault, Nameserver, Serving, StsServer
from mailtls.lab.script import Close, Delay, Drip, Flood, Reset, Stall, steps
from mailtls.lab.sts_server import policy, response
from mailtls.measure import Measurer
from mailtls.model import Absent, Cause, DomainObservation, Known, Unknown
from mailtls.probe import Prober
from mailtls.resolve import Nameservers, Resolver
from mailtls.sts_host import Fetching, StsFetcher
from mailtls.sts_keeper import StsKeeper
from mailtls.tracking.sts import Cadence
from mailtls.trust.pkix import Anchors
from mailtls.visit import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.lab.script import Script

NOW = datetime.now(UTC)
AUTHORITY = Authority.create(NOW)
DOMAIN, POLICY_HOST = "wild.example", "mta-sts.wild.example"
GOOD_TLS = TLS((AUTHORITY.issue([POLICY_HOST]),))
RECORD = ("v=STSv1; id=20261124;",)
GOOD = policy("enforce", "*.wild.example")
FETCH, INVALID, WEBPKI = "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"
METADATA = "http://169.254.169.254/latest/meta-data/"
DEADLINE, PATIENCE = 1.0, 20.0


@dataclass(frozen=True)
class Row:
    """What a domain declares and its policy host does; and what may be said: a mode, absent, or cause and stage of an Unknown.

    ``error`` is a TLS-RPT code; none means that nothing is wrong, or that it could not be measured where ``mode`` says so.
    """

    mode: str
    error: str | None = None
    answer: Script | None = None
    texts: tuple[str, ...] = RECORD
    tls: TLS = GOOD_TLS
    more: Mapping[str, Any] = field(default_factory=dict)
    dns: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)


def texts(*records: str, error: str | None = INVALID) -> Row:
    return Row("absent", error, texts=records)


def body(octets: bytes, mode: str = "absent", error: str | None = INVALID) -> Row:
    return Row(mode, error, response(octets))


def answers(answer: Script, mode: str, error: str | None = None) -> Row:
    return Row(mode, error, answer)


def status(line: str, mode: str = "absent", error: str | None = FETCH, **headers: str) -> Row:
    return Row(mode, error, response(GOOD, line, headers))


def chain(tls: TLS) -> Row:
    return Row("absent", WEBPKI, tls=tls)


def head(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", "Content-Type: text/plain", *lines, "")).encode()


def chunked(octets: bytes, size: int) -> bytes:
    parts = [octets[start : start + size] for start in range(0, len(octets), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


EXPIRED = AUTHORITY.issue([POLICY_HOST], not_before=NOW - timedelta(days=100), not_after=NOW - timedelta(days=1))
NOT_YET = AUTHORITY.issue([POLICY_HOST], not_before=NOW + timedelta(days=1))
ALIAS = {(POLICY_HOST, "CNAME"): ["policy.host.example."], (POLICY_HOST, "A"): [], ("policy.host.example", "A"): ["127.0.0.1"]}

ROWS: dict[str, Row] = {
    # Section 3.1: the record.
    "no record": texts(error=None),
    "an empty record": texts("", error=None),
    "a record of something else, as a wildcard gives it": texts("v=spf1 -all", error=None),
    "a record of another version": texts("v=STSv2; id=1;", error=None),
    "the version alone": texts("v=STSv1"),
    "the record stands beside one of something else": Row("enforce", texts=("v=spf1 -all", *RECORD)),
    "the record stands beside one of a later version": Row("enforce", texts=("v=STSv10; id=2", *RECORD)),
    "two records": texts("v=STSv1; id=1;", "v=STSv1; id=2;"),
    "two records, one of them malformed": texts("v=STSv1; id=1;", "v=STSv1; oh"),
    "a record in several strings": Row("enforce", texts=('v=STSv1; i" "d=2026" "1124',)),
    "a record without the last semicolon": Row("enforce", texts=("v=STSv1;id=1",)),
    "a record with more fields": Row("enforce", texts=("v=STSv1; later.on=more:of-it; id=1",)),
    "the id stands twice": Row("enforce", texts=("v=STSv1; id=1; id=2",)),
    "no id": texts("v=STSv1; x=1;"),
    "no field at all": texts("v=STSv1;"),
    "an id of 33": texts("v=STSv1; id=" + "1" * 33),
    "an id with a hyphen": texts("v=STSv1; id=2026-11-24"),
    "an empty field": texts("v=STSv1;; id=1"),
    "a field without a value": texts("v=STSv1; id="),
    "spaces around the equals sign": texts("v=STSv1; id = 1"),
    "a comma for a semicolon": texts("v=STSv1, id=1"),
    "a version in lower case": texts("v=stsv1; id=1"),
    "a space before the version": texts(" v=STSv1; id=1"),
    "quotes within the text": texts('\\"v=STSv1; id=1\\"'),
    "an octet that is not ASCII": texts("v=STSv1; id=1; x=\\200"),
    "the record is another's, by an alias": Row(
        "enforce", dns={("_mta-sts.wild.example", "CNAME"): ["sts.host.example."], ("sts.host.example", "TXT"): ['"v=STSv1; id=7"']}, texts=()
    ),
    "the look-up of the record fails": Row("dns-failure@dns", faults={"_mta-sts.wild.example": Fault.SERVFAIL}),
    "the look-up of the record is refused": Row("dns-failure@dns", faults={"_mta-sts.wild.example": Fault.REFUSED}),
    "the look-up of the record times out": Row("dns-timeout@dns", faults={"_mta-sts.wild.example": Fault.TIMEOUT}),
    "the record is bogus": Row("dnssec-bogus@dns", faults={"_mta-sts.wild.example": Fault.BOGUS}),
    "more records than anybody needs": Row("limit-exceeded@dns", texts=tuple(f"{number} " + "x" * 40 for number in range(40))),
    # Section 3.2: the policy.
    "lines that end with LF": body(policy("enforce", "*.wild.example", end="\n"), "enforce", None),
    "no end of the last line": body(GOOD.rstrip(), "enforce", None),
    "spaces behind a value, and none before it": body(GOOD.replace(b"mode: enforce", b"mode:enforce \t "), "enforce", None),
    "keys in another order": body(b"".join(reversed(GOOD.splitlines(keepends=True))), "enforce", None),
    "a key that nobody knows": body(GOOD + "x-note: grüße aus der Küche\r\n".encode(), "enforce", None),
    "a mode that stands twice": body(GOOD + b"mode: none\r\n", "enforce", None),
    "a max_age that stands twice, once wrong": body(GOOD + b"max_age: soon\r\n", "enforce", None),
    "testing": body(policy("testing", "mx.wild.example"), "testing", None),
    "none, with hosts": body(policy("none", "mx.wild.example"), "none", None),
    "none, without any (section 8.3)": body(policy("none", max_age=86400), "none", None),
    "the longest life": body(policy("enforce", "*.wild.example", max_age=31557600), "enforce", None),
    "no life at all": body(policy("enforce", "*.wild.example", max_age=0), "enforce", None),
    "a life beyond a year": body(policy("enforce", "*.wild.example", max_age=31557601)),
    "a life of eleven digits": body(GOOD.replace(b"604800", b"00000604800")),
    "a life in words": body(GOOD.replace(b"604800", b"one week")),
    "a negative life": body(GOOD.replace(b"604800", b"-1")),
    "no version": body(GOOD.replace(b"version: STSv1\r\n", b"")),
    "another version": body(GOOD.replace(b"STSv1", b"STSv2")),
    "no mode": body(GOOD.replace(b"mode: enforce\r\n", b"")),
    "a mode of its own": body(policy("report", "mx.wild.example")),
    "a mode in capitals": body(policy("ENFORCE", "mx.wild.example")),
    "no max_age": body(GOOD.replace(b"max_age: 604800\r\n", b"")),
    "keys in capitals": body(GOOD.replace(b"max_age", b"Max_Age")),
    "enforcing nobody": body(policy("enforce")),
    "testing nobody": body(policy("testing")),
    "hosts under another key": body(GOOD.replace(b"mx: ", b"nmx: ")),
    "a host with a final dot": body(policy("enforce", "mx.wild.example.")),
    "a host that is no host": body(policy("enforce", "mx.wild.example", "mail_1.wild.example")),
    "a host in Unicode": body(policy("enforce", "mx.wild.example", "büro.example")),
    "a wildcard within": body(policy("enforce", "mx.*.example")),
    "a wildcard for a part": body(policy("enforce", "mx*.wild.example")),
    "a wildcard alone": body(policy("enforce", "*")),
    "a suffix as in old drafts": body(policy("enforce", ".wild.example")),
    "several hosts in a line": body(policy("enforce", "mx.wild.example, mx2.wild.example")),
    "a host that is empty": body(policy("enforce", "")),
    "an empty policy": body(b""),
    "an empty line at the end": body(GOOD + b"\r\n"),
    "an empty line within": body(GOOD.replace(b"\r\nmx", b"\r\n\r\nmx")),
    "a comment": body(b"# ours\r\n" + GOOD),
    "a space before a key": body(GOOD.replace(b"mode", b" mode")),
    "a space before a colon": body(GOOD.replace(b"mode:", b"mode :")),
    "lines that end with CR": body(policy("enforce", "mx.wild.example", end="\r")),
    "a byte order mark": body("\ufeff".encode() + GOOD),
    "octets that are not UTF-8": body(GOOD + b"x: \xff\xfe\r\n"),
    "a NUL": body(GOOD + b"x: \x00\r\n"),
    "HTML": body(b"<!doctype html><title>Welcome to nginx!</title>"),
    "JSON, as in old drafts": body(b'{"version": "STSv1", "mode": "enforce", "mx": ["*.wild.example"], "max_age": 1}'),
    # Section 3.3: the response.
    "a redirect to the policy's own place": status("301 Moved Permanently", Location="https://mta-sts.wild.example/.well-known/mta-sts.txt"),
    "a redirect to a metadata service": status("302 Found", Location=METADATA),
    "a redirect that keeps the method": status("307 Temporary Redirect", Location=METADATA),
    "a redirect for good": status("308 Permanent Redirect", Location=METADATA),
    "a redirect to nowhere": status("303 See Other"),
    "a policy that was not modified": answers(b"HTTP/1.1 304 Not Modified\r\n\r\n", "absent", FETCH),
    "no content": answers(b"HTTP/1.1 204 No Content\r\n\r\n", "absent", FETCH),
    "another success": status("203 Non-Authoritative Information"),
    "a part of it": status("206 Partial Content"),
    "not found": status("404 Not Found"),
    "gone": status("410 Gone"),
    "a bad request": status("400 Bad Request"),
    "a status of its own": status("299 Perhaps"),
    "a firewall that does not like us": status("403 Forbidden", "blocked@https", None),
    "who are you": status("401 Unauthorized", "blocked@https", None),
    "for legal reasons": status("451 Unavailable For Legal Reasons", "blocked@https", None),
    "too many requests": status("429 Too Many Requests", "rate-limited@https", None),
    "an error of the server": status("500 Internal Server Error", "deferred@https", None),
    "a server that is out": status("503 Service Unavailable", "deferred@https", None),
    "a gateway that waits in vain": status("504 Gateway Timeout", "deferred@https", None),
    "another type": answers(response(GOOD, headers={"Content-Type": "text/html"}), "absent", FETCH),
    "octets": answers(response(GOOD, headers={"Content-Type": "application/octet-stream"}), "absent", FETCH),
    "no type": answers(response(GOOD, headers={"Content-Type": ""}), "absent", FETCH),
    "a type that begins alike": answers(response(GOOD, headers={"Content-Type": "text/plainer"}), "absent", FETCH),
    "the type with parameters": answers(response(GOOD, headers={"Content-Type": "Text/Plain ; charset=utf-8"}), "enforce"),
    "gzip, unasked": answers(response(b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"}), "absent", FETCH),
    "brotli, unasked": answers(response(GOOD, headers={"Content-Encoding": "br"}), "absent", FETCH),
    "the encoding of none": answers(response(GOOD, headers={"Content-Encoding": "identity"}), "enforce"),
    "100 KiB": answers(response(b"x: y\r\n" * 17_000), "absent", FETCH),
    "100 KiB in chunks": answers(head("Transfer-Encoding: chunked") + chunked(b"x: y\r\n" * 17_000, 1000), "absent", FETCH),
    "endless chunks": answers((head("Transfer-Encoding: chunked"), Flood(b"1770\r\n" + b"x: y\r\n" * 1000 + b"\r\n")), "absent", FETCH),
    "64 KiB exactly": answers(response(GOOD + b"x: " + b"y" * (65_536 - len(GOOD) - 5) + b"\r\n"), "enforce"),
    "64 KiB and one": answers(response(GOOD + b"x: " + b"y" * (65_537 - len(GOOD) - 5) + b"\r\n"), "absent", FETCH),
    "chunks": answers(head("Transfer-Encoding: chunked") + chunked(GOOD, 7), "enforce"),
    "a body that ends with the connection": answers(head("Connection: close") + GOOD, "enforce"),
    "such a body from HTTP/1.0": answers(head().replace(b"1.1", b"1.0") + GOOD, "enforce"),
    "such a body, cut off": Row("connection-closed@https", answer=head() + GOOD[:40], more={"notify": False}),
    "a body that is shorter than its length": answers(response(GOOD, headers={"Content-Length": "9999"}), "connection-closed@https"),
    "a body that is longer than its length": answers(response(GOOD) + b"mx: more\r\n", "enforce"),
    "a length that is none": answers(response(GOOD, headers={"Content-Length": "many"}), "protocol-error@https"),
    "a length of a thousand digits": answers(response(GOOD, headers={"Content-Length": "1" * 1000}), "protocol-error@https"),
    "two lengths": answers(head("Content-Length: 5", "Content-Length: 50") + GOOD, "protocol-error@https"),
    "a body that drips": answers((head("Content-Length: 999"), Drip(GOOD * 9, 0.05)), "tarpit@https"),
    "a head that drips": answers((Drip(head("Content-Length: 999"), 0.05),), "tarpit@https"),
    "another type, and a body that drips": answers(
        (head("Content-Length: 999").replace(b"plain", b"html"), Drip(GOOD * 9, 0.05)), "absent", FETCH
    ),
    "silence behind the request": answers((Stall(),), "read-timeout@https"),
    "silence behind the head": answers((head("Content-Length: 999"), Stall()), "tarpit@https"),
    "slow, but in time": answers((Delay(0.3), response(GOOD)), "enforce"),
    "a close behind the request": answers((Close(),), "connection-closed@https"),
    "a reset behind the request": answers((Reset(),), "connection-closed@https"),
    "a reset within the body": answers((response(GOOD)[:-9], Delay(0.1), Reset()), "connection-closed@https"),
    "lines ahead of the response": answers(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + response(GOOD), "enforce"),
    "lines ahead of it without end": answers((Flood(b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 8000 + b"\r\n\r\n"),), "limit-exceeded@https"),
    "a head without end": answers((b"HTTP/1.1 200 OK\r\n", Flood(b"X-More: and more\r\n")), "limit-exceeded@https"),
    "a line without end": answers((Flood(b"HTTP/1.1 200 " + b"x" * 1000),), "limit-exceeded@https"),
    "noise": answers((Flood(b"x" * 1000),), "protocol-error@https"),
    "another protocol, and silence": answers((b"220 mx.wild.example ESMTP\r\n", Stall()), "protocol-error@https"),
    "another protocol": answers(b"220 mx.wild.example ESMTP\r\n", "protocol-error@https"),
    "HTTP without a status": answers(b"HTTP/1.1 OK\r\n\r\n", "protocol-error@https"),
    "an old HTTP without a head": answers(GOOD, "protocol-error@https"),
    "an upgrade, unasked": answers(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "protocol-error@https"),
    # Section 3.3: the certificate.
    "a wildcard certificate": Row("enforce", tls=TLS((AUTHORITY.issue(["*.wild.example"]),))),
    "a certificate for the domain alone": chain(TLS((AUTHORITY.issue(["wild.example"]),))),
    "a certificate for somebody else": chain(TLS((AUTHORITY.issue(["policy.host.example"]),))),
    "an expired certificate": chain(TLS((EXPIRED,))),
    "a certificate of the future": chain(TLS((NOT_YET,))),
    "a self-signed certificate": chain(TLS((AUTHORITY.issue([POLICY_HOST], self_signed=True),))),
    "a missing intermediate": chain(TLS((AUTHORITY.issue([POLICY_HOST], send_intermediate=False),))),
    "an expired certificate and no policy": Row("absent", WEBPKI, response(b"", "404 Not Found"), tls=TLS((EXPIRED,))),
    "an expired certificate, and out for the moment": Row("absent", WEBPKI, response(b"", "503 Service Unavailable"), tls=TLS((EXPIRED,))),
    "a name that the server does not know": Row("absent", FETCH, tls=TLS(by_sni={"a.example": (EXPIRED,)}, require_sni=True)),
    # On the way.
    "another alert": Row("protocol-error@https", more={"on_hello": (b"\x15\x03\x03\x00\x02\x02\x28",)}),
    "a close behind the hello": Row("connection-closed@https", more={"on_hello": (Close(),)}),
    "a reset behind the hello": Row("connection-closed@https", more={"on_hello": (Reset(),)}),
    "silence behind the hello": Row("read-timeout@https", more={"on_hello": (Stall(),)}),
    "half a hello": Row("read-timeout@https", more={"on_hello": (b"\x16\x03\x03\x40\x00\x02", Stall())}),
    "endless records": Row("*", more={"on_hello": (Flood(b"\x16\x03\x03\x00\x04\x02\x00\xff\xff" * 100),)}),
    "HTTP without TLS": Row("protocol-error@https", answer=response(GOOD), more={"tls": None}),
    "no policy host": Row("absent", FETCH, dns={(POLICY_HOST, "A"): []}),
    "a policy host without addresses": Row("absent", FETCH, dns={(POLICY_HOST, "A"): [], (POLICY_HOST, "TXT"): ['"x"']}),
    "the look-up of the policy host fails": Row("dns-failure@dns", faults={POLICY_HOST: Fault.SERVFAIL}),
    "the look-up of the policy host times out": Row("dns-timeout@dns", faults={POLICY_HOST: Fault.TIMEOUT}),
    "the policy host is another, by an alias": Row("enforce", dns=ALIAS),
    "nobody listens": Row("connect-refused@https", dns={(POLICY_HOST, "A"): ["127.0.0.2"]}),
    "the first address is dead": Row("enforce", dns={(POLICY_HOST, "A"): ["127.0.0.1"], (POLICY_HOST, "AAAA"): ["::1"]}),
    "a policy host within": Row("address-forbidden@https", dns={(POLICY_HOST, "A"): ["10.0.0.1", "192.168.1.1"]}),
    "a policy host that is a metadata service": Row("address-forbidden@https", dns={(POLICY_HOST, "A"): ["169.254.169.254"]}),
}


@dataclass(frozen=True)
class Played:
    observed: DomainObservation
    requests: tuple[bytes, ...]
    connections: int


def stalls(row: Row) -> bool:
    """Whether somebody in a row takes so long that a deadline must end it; all others get the time that a busy machine needs."""
    played = (*steps(row.answer or ()), *steps(row.more.get("on_hello", ())))
    return Fault.TIMEOUT in row.faults.values() or any(isinstance(step, Stall | Drip) for step in played)


async def play(row: Row) -> Played:
    serving = Serving(**({"tls": row.tls, "answer": response(GOOD) if row.answer is None else row.answer} | dict(row.more)))
    server = await StsServer.start("127.0.0.1", 0, serving)
    records = {
        ("wild.example", "MX"): ["10 mx.wild.example.", "20 dead.wild.example.", "30 mx.other.example."],
        ("mx.wild.example", "A"): ["192.0.2.1"],  # not a public address, so nobody is visited
        ("mx.other.example", "A"): ["192.0.2.1"],
        (POLICY_HOST, "A"): ["127.0.0.1"],
        ("_mta-sts.wild.example", "TXT"): [f'"{text}"' for text in row.texts],
    }
    records = {owner: data for owner, data in (records | dict(row.dns)).items() if data}
    nameserver = await Nameserver.start(records=records, faults=row.faults)
    try:
        network = Network(allow_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")), connect_timeout=1)
        deadline = DEADLINE if stalls(row) else PATIENCE
        resolver = Resolver(Nameservers((nameserver.address,), DEADLINE if Fault.TIMEOUT in row.faults.values() else PATIENCE))
        anchors = Anchors(AUTHORITY.root_pem, "the lab's root")
        limits = Limits(pace=0.0, scan_deadline=5)
        fetching = Fetching(network, "mailtls/0 (+https://probe.example/)", server.address[1], deadline)
        cadence = Cadence(timedelta(minutes=15), timedelta(hours=24))
        keeper = StsKeeper(StsFetcher(fetching, resolver, Budget(limits)), anchors, cadence, lasting=False)
        prober = Prober(Visitor(network, "probe.example", DEADLINE), Budget(limits))
        measurer = Measurer(resolver, prober, anchors, 25, sts=keeper)
        route = await measurer.route(DOMAIN)
        await measurer.measure(route)
        observed = measurer.observe("Wild", route, datetime.now(UTC))
        return Played(observed, tuple(server.requests), server.connections)
    finally:
        await server.stop()
        await nameserver.stop()


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> dict[str, list[Played]]:
    """Play the rows that are asked for twice each, several at a time; nothing may break or be logged as an error."""
    mine = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    chosen = list(dict.fromkeys(item.callspec.params["name"] for item in mine))  # more than one test looks at a row

    async def run() -> dict[str, list[Played]]:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: broken.append(context))
        some = asyncio.Semaphore(12)

        async def one(name: str) -> Played:
            async with some:
                return await play(ROWS[name])

        seen = await asyncio.gather(*(one(name) for name in chosen for _ in range(2)))
        return {name: list(seen[2 * i : 2 * i + 2]) for i, name in enumerate(chosen)}

    broken: list[Any] = []
    with structlog.testing.capture_logs() as logged:
        results = asyncio.run(run())
    assert broken + [entry for entry in logged if entry["log_level"] in ("error", "critical")] == []
    return results


def said(reading: object) -> str:
    """Return a reading in the words of the table."""
    if isinstance(reading, Unknown):
        assert reading.cause is not Cause.INTERNAL_ERROR, reading
        assert reading.detail, reading
        assert reading.detail.isprintable(), ascii(reading.detail)
        return f"{reading.cause}@{reading.stage}"
    if isinstance(reading, Absent):
        return "absent"
    assert isinstance(reading, Known)
    return reading.value["mode"] if isinstance(reading.value, dict) else str(reading.value)


@pytest.mark.parametrize("name", ROWS)
def test_the_only_honest_conclusion(name: str, played: dict[str, list[Played]]) -> None:
    row = ROWS[name]
    for seen in played[name]:
        readings = seen.observed.readings
        mode, error = said(readings["mta_sts"]), said(readings["mta_sts_error"])
        if row.mode == "*":
            assert mode == error
            assert isinstance(readings["mta_sts"], Unknown)
        else:
            assert mode == row.mode, readings["mta_sts"]
            unknown = isinstance(readings["mta_sts"], Unknown)
            assert error == (row.mode if unknown else row.error or "absent"), readings["mta_sts_problems"]
        problems = readings["mta_sts_problems"]
        if isinstance(problems, Known):
            assert [problem["code"] for problem in problems.value][:1] == ([] if row.error is None else [row.error])
            assert all(problem["why"].isprintable() for problem in problems.value)
        assert seen.connections <= 1
        for request in seen.requests:
            assert request.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.wild.example:"), request


@pytest.mark.parametrize("name", ROWS)
def test_whether_the_policy_names_a_host_does_not_hang_on_the_other_hosts(name: str, played: dict[str, list[Played]]) -> None:
    for seen in played[name]:
        mode = seen.observed.readings["mta_sts"]
        matches = {host.host: host.readings["mta_sts_match"] for host in seen.observed.mx}
        assert len(matches) == 3
        if isinstance(mode, Known) and mode.value["mode"] == "enforce":
            named = {f"{label}.wild.example": Known(value=True) for label in ("mx", "dead")}
            assert matches == named | {"mx.other.example": Known(value=False)}
        elif isinstance(mode, Unknown):
            assert all(isinstance(match, Unknown) for match in matches.values())
        elif isinstance(mode, Absent) or mode.value["mode"] == "none":
            assert set(matches.values()) == {Absent()}


async def test_a_redirect_is_written_down_and_not_followed() -> None:
    elsewhere = await StsServer.start("127.0.0.1", 0, Serving(GOOD_TLS, response(GOOD)))
    try:
        for scheme in ("http", "https"):
            where = f"{scheme}://127.0.0.1:{elsewhere.address[1]}/.well-known/mta-sts.txt"
            seen = await play(replace(ROWS["no record"], texts=RECORD, answer=response(b"", "302 Found", {"Location": where})))
            problems = seen.observed.readings["mta_sts_problems"]
            assert isinstance(problems, Known)
            assert where in problems.value[0]["why"]
        assert elsewhere.connections == 0
    finally:
        await elsewhere.stop()


async def test_the_request_says_who_asks_and_asks_for_nothing_else() -> None:
    seen = await play(ROWS["chunks"])
    (request,) = seen.requests
    fields = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:])
    assert fields.pop(b"Host").startswith(b"mta-sts.wild.example:")
    assert fields == {
        b"User-Agent": b"mailtls/0 (+https://probe.example/)", b"Accept": b"text/plain", b"Accept-Encoding": b"identity", b"Connection": b"close",
    }  # fmt: skip
