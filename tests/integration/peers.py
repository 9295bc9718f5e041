"""Other enumerators of cipher suites, run as they come: sslscan, nmap's ssl-enum-ciphers, and sslyze; what they find, in one form.

Each is asked for suites and groups and for nothing else, where it lets itself be asked, so that their costs compare.
"""

import asyncio
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from xml.etree import ElementTree as ET

from servers.server import PREFIX, find_program

from mailtls.tls import names

SSLYZE = PREFIX / "sslyze/bin/sslyze"
Suites = dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a peer found: suites by version, IANA's names both, and what it took, as a whole process with its children.

    ``groups`` is None where the peer does not enumerate them. ``dh_bits`` are the sizes of finite-field groups that it saw.
    ``complaints`` are versions, or other parts, that the peer itself says it could not find out.
    """

    suites: Suites
    groups: frozenset[str] | None
    dh_bits: frozenset[int]
    wall: float
    cpu: float
    complaints: tuple[str, ...] = ()
    raw: str = field(default="", repr=False)

    @property
    def count(self) -> int:
        """How many pairs of version and suite."""
        return sum(map(len, self.suites.values()))


class PeerError(Exception):
    """A peer gave no answer."""


@dataclass(frozen=True, slots=True)
class Run:
    """A command that has ended. ``cpu`` is that of the process and all its children that it waited for."""

    status: int
    out: str
    err: str
    wall: float
    cpu: float


def run_measured(command: list[str], *, timeout: float = 900.0, environment: Mapping[str, str] | None = None) -> Run:
    """Run a command, with the time it takes."""
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, start_new_session=True)
        try:
            usage = _wait(process, began + timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.monotonic() - began
        out.seek(0)
        err.seek(0)
        return Run(process.returncode, out.read(), err.read(), wall, usage.ru_utime + usage.ru_stime)


def _wait(process: subprocess.Popen, deadline: float):
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage
        if time.monotonic() > deadline:
            raise PeerError(f"{process.args[0]} did not end in time")
        time.sleep(0.005)


# sslscan

_SSLSCAN_NOT = ("--no-check-certificate", "--no-compression", "--no-fallback", "--no-heartbleed", "--no-renegotiation")


async def sslscan(address: str, port: int, host: str) -> Found:
    """Run sslscan: suites by version, in the order of the server's preference, and groups."""
    command = [find_program("sslscan"), "--starttls-smtp", f"--sni-name={host}", "--show-cipher-ids", "--no-colour", *_SSLSCAN_NOT]
    run = await asyncio.to_thread(run_measured, [*command, "--xml=-", f"{address}:{port}"])
    try:
        test = ET.fromstring(run.out[run.out.index("<?xml") :]).find("ssltest")
    except (ValueError, ET.ParseError) as error:
        raise PeerError(f"sslscan: {run.status}, {error}: {run.err[-500:]} {run.out[-500:]}") from error
    if test is None:
        raise PeerError(f"sslscan: no result: {run.out[-500:]} {run.err[-500:]}")
    suites: dict[str, set[str]] = {}
    bits = set()
    for each in test.iter("cipher"):
        suites.setdefault(each.attrib["sslversion"], set()).add(names.cipher_suite_name(int(each.attrib["id"], 16)))
        if "dhebits" in each.attrib:
            bits.add(int(each.attrib["dhebits"]))
    groups = frozenset(_group_of(int(each.attrib["id"], 16)) for each in test.iter("group"))
    return Found(_frozen(suites), groups, frozenset(bits), run.wall, run.cpu, raw=run.out)


def _group_of(code: int) -> str:
    return names.groups().get(code, f"0x{code:04X}").removesuffix(" (OBSOLETE)")


# nmap


async def nmap(address: str, port: int, host: str) -> Found:
    """Run nmap's ssl-enum-ciphers: suites by version. It names the group that a suite was seen with, and enumerates none."""
    arguments = f"tls.servername={host},smtp.domain=probe.integration.test"
    command = [find_program("nmap"), "-Pn", "-n", "-sT", "-p", str(port), "--script", "ssl-enum-ciphers", "--script-args", arguments]
    run = await asyncio.to_thread(run_measured, [*command, "-oX", "-", address])
    try:
        script = ET.fromstring(run.out).find(".//script[@id='ssl-enum-ciphers']")
    except ET.ParseError as error:
        raise PeerError(f"nmap: {run.status}, {error}: {run.err[-500:]}") from error
    if script is None:
        raise PeerError(f"nmap: its script found nothing: {run.err[-500:]} {run.out[-1500:]}")
    suites: dict[str, set[str]] = {}
    bits = set()
    for table in script.findall("table"):
        version = table.attrib["key"]
        for each in table.findall("table[@key='ciphers']/table"):
            values = {element.attrib["key"]: element.text or "" for element in each.findall("elem")}
            suites.setdefault(version, set()).add(_nmap_suite(values["name"]))
            if match := re.fullmatch(r"dh (\d+)", values.get("kex_info", "")):
                bits.add(int(match[1]))
    return Found(_frozen(suites), None, frozenset(bits), run.wall, run.cpu, raw=run.out)


def _nmap_suite(name: str) -> str:
    # TLS_AKE_WITH_AES_128_GCM_SHA256 is what it calls TLS_AES_128_GCM_SHA256.
    return _iana(name.replace("TLS_AKE_WITH_", "TLS_"))


# sslyze

_SSLYZE_VERSIONS = {
    "ssl_2_0_cipher_suites": "SSLv2",
    "ssl_3_0_cipher_suites": "SSLv3",
    "tls_1_0_cipher_suites": "TLSv1.0",
    "tls_1_1_cipher_suites": "TLSv1.1",
    "tls_1_2_cipher_suites": "TLSv1.2",
    "tls_1_3_cipher_suites": "TLSv1.3",
}
_SSLYZE_TESTS = ("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--elliptic_curves")


async def sslyze(address: str, port: int, host: str, *, gently: bool = False) -> Found:
    """Run sslyze: suites by version, and curves; gently, with fewer connections at once, where a server turns it away otherwise."""
    if not SSLYZE.exists():
        raise PeerError(f"{SSLYZE} is missing; run tests/integration/install.sh as root")
    command = [str(SSLYZE), *_SSLYZE_TESTS, "--starttls=smtp", f"--sni={host}", "--mozilla_config=disable", "--json_out=-"]
    if gently:
        command.append("--slow_connection")
    run = await asyncio.to_thread(run_measured, [*command, f"{address}:{port}"])
    try:
        (result,) = json.loads(run.out[run.out.index("{") :])["server_scan_results"]
    except (ValueError, KeyError) as error:
        raise PeerError(f"sslyze: {run.status}, {error}: {run.err[-500:]} {run.out[-500:]}") from error
    if result["scan_result"] is None:
        raise PeerError(f"sslyze: {result['connectivity_error_trace']}")
    suites: dict[str, set[str]] = {}
    bits = set()
    complaints = []
    for test, version in _SSLYZE_VERSIONS.items():
        attempt = result["scan_result"][test]
        if attempt["status"] != "COMPLETED":
            complaints.append(f"{version}: {attempt['error_reason']}")
            continue
        for each in attempt["result"]["accepted_cipher_suites"]:
            suites.setdefault(version, set()).add(_iana(each["cipher_suite"]["name"]))
            key = each["ephemeral_key"]
            if key and key["type_name"] == "DH":
                bits.add(key["size"])
    curves = result["scan_result"]["elliptic_curves"]
    groups = None
    if curves["status"] == "COMPLETED":
        groups = frozenset(names.group_name(curve["name"]) for curve in curves["result"]["supported_curves"] or ())
    else:
        complaints.append(f"curves: {curves['error_reason']}")
    return Found(_frozen(suites), groups, frozenset(bits), run.wall, run.cpu, tuple(complaints), run.out)


@cache
def _known() -> frozenset[str]:
    return frozenset(names.cipher_suites().values()) | frozenset(names.sslv2_kinds().values())


def _iana(name: str) -> str:
    """Return IANA's name of what a peer spells in nearly the same way; an unknown name comes back as it is."""
    if name in _known():
        return name
    return next((known for known in _known() if known.casefold() == name.casefold()), name)


def _frozen(suites: dict[str, set[str]]) -> Suites:
    return {version: frozenset(suites[version]) for version in names.VERSIONS if version in suites}


PEERS: Mapping[str, Callable[[str, int, str], Awaitable[Found]]] = {"sslscan": sslscan, "nmap": nmap, "sslyze": sslyze}
