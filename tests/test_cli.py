"""The command line keeps its contract: exit statuses, JSON, and words that a terminal survives."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from typer.testing import CliRunner

from mailtls import __version__, demo, facts
from mailtls.cli import app
from mailtls.commands.check import exit_status
from mailtls.lab import Behaviour, Lab
from mailtls.model import DomainObservation, Verdict
from mailtls.streams import asyncio_run


@dataclass
class World:
    """A lab in a loop of its own, in a thread, and the configuration that leads into it."""

    lab: Lab
    path: Path

    def settings(self) -> dict[str, Any]:
        return yaml.safe_load(self.path.read_text())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> Lab:
        return await Lab.start()

    try:
        lab = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
        settings: Any = lab.configuration()
        settings["network"]["probe_deadline"] = "1200ms"
        settings["limits"] |= {"pace": "0s", "scan_deadline": "5s"}
        path = tmp_path_factory.mktemp("world") / "mailtls.yaml"
        path.write_text(yaml.safe_dump(settings))
        yield World(lab, path)
        asyncio.run_coroutine_threadsafe(lab.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def run(*arguments: object) -> tuple[int, str, str]:
    """Run the command line in this process, and leave no logging behind that writes to a stream long closed."""
    try:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers = [h for h in logging.getLogger().handlers if type(h) is not logging.StreamHandler]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("domains", "status"),
    [
        (["solid.example"], 0), (["null-mx.example"], 0), (["no-starttls.example"], 1), (["expired.example"], 1),
        (["tls-unavailable.example"], 1), (["ratelimited.example"], 3), (["nxdomain.example"], 3), (["dns-servfail.example"], 3),
        (["solid.example", "tarpit.example"], 3), (["no-starttls.example", "tarpit.example", "solid.example"], 1),
        (["not a domain"], 2), (["solid.example", "a..b"], 2), ([], 2),
    ],
)  # fmt: skip
def test_the_exit_status_puts_a_measured_bad_before_an_unknown_before_a_good(domains: list[str], status: int, world: World) -> None:
    assert run("check", *domains, "--config.file", world.path, "--quick")[0] == status


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([], 0), (["protected", "no-mail"], 0), (["degraded"], 1), (["unprotected"], 1), (["unknown"], 3),
        (["protected", "unknown"], 3), (["unknown", "degraded"], 1), (["no-mail", "unknown", "unprotected"], 1),
    ],
)  # fmt: skip
def test_one_goes_before_three_before_nought(verdicts: list[str], status: int) -> None:
    assert exit_status([DomainObservation("a.example", "A", Verdict(v), (), {}, ()) for v in verdicts]) == status


def test_json_is_what_the_contract_says(world: World) -> None:
    names = ("excellent.example", "stripped.example", "greylisting.example", "null-mx.example")
    status, out, _ = run("check", *names, "--config.file", world.path, "--format", "json")
    document = json.loads(out)
    assert status == 1
    assert document.keys() == {"schema", "domains"}
    assert document["schema"] == 1
    assert [(domain["domain"], domain["verdict"]) for domain in document["domains"]] == [
        ("excellent.example", "protected"), ("stripped.example", "unprotected"),
        ("greylisting.example", "unknown"), ("null-mx.example", "no-mail"),
    ]  # fmt: skip
    for domain in document["domains"]:
        assert {"domain", "verdict", "readings", "grades", "mx"} <= domain.keys()
        assert domain["readings"].keys() == {fact.name for fact in facts.DOMAIN}
        for mx in domain["mx"]:
            assert {"host", "preference", "readings", "endpoints"} <= mx.keys()
            for endpoint in mx["endpoints"]:
                assert {"address", "port", "conclusive", "readings"} <= endpoint.keys()
                assert endpoint["readings"].keys() == {fact.name for fact in facts.ENDPOINT}
                assert {reading["state"] for reading in endpoint["readings"].values()} <= {"known", "absent", "unknown"}
    hosts = [(mx["host"], mx["preference"]) for mx in document["domains"][0]["mx"]]
    assert hosts == [("mx1.excellent.example", 10), ("mx2.excellent.example", 20)]
    assert document["domains"][3]["mx"] == []


def test_a_reading_in_json_has_three_states(world: World) -> None:
    names = ("excellent.example", "stripped.example", "greylisting.example")
    _, out, _ = run("check", *names, "--config.file", world.path, "--format", "json", "--quick")
    good, stripped, grey = (domain["mx"][0]["endpoints"][0] for domain in json.loads(out)["domains"])
    assert good["readings"]["starttls_offered"] == {"state": "known", "value": True}
    assert good["readings"]["negotiated"]["value"]["group"] == "X25519MLKEM768"
    assert stripped["readings"]["starttls_offered"] == {"state": "known", "value": False}
    assert stripped["readings"]["certificates"] == {"state": "absent"}
    unknown = grey["readings"]["starttls_offered"]
    assert (unknown["state"], unknown["cause"], unknown["stage"]) == ("unknown", "deferred", "ehlo")
    assert unknown.keys() == {"state", "cause", "stage", "detail", "seen"}
    assert (good["conclusive"], stripped["conclusive"], grey["conclusive"]) == (True, True, False)


def test_a_quick_check_makes_one_connection_an_address_and_a_full_one_asks_for_everything(world: World) -> None:
    server = world.lab.server("mx.solid.example")
    before = server.connections
    run("check", "solid.example", "solid-mail.example", "--config.file", world.path, "--quick")
    assert server.connections == before + 1  # two domains, one host
    _, out, _ = run("check", "solid.example", "--config.file", world.path, "--format", "json")
    (domain,) = json.loads(out)["domains"]
    readings = domain["mx"][0]["endpoints"][0]["readings"]
    suites = sum(len(names) for names in readings["cipher_suites"]["value"].values())
    assert before + 1 + suites < server.connections < before + 1 + 3 + suites + 32  # each refusal that closes a set is asked for twice


def test_explain_shows_every_line_and_no_mail_is_begun(world: World) -> None:
    status, out, _ = run("check", "solid.example", "--config.file", world.path, "--explain", "--quick")
    assert status == 0
    for words in ("< 220 mx.solid.example", "> EHLO probe.lab.example", "> STARTTLS", "TLS handshake: TLSv1.3", "> QUIT (inside TLS)"):
        assert words in out
    assert "MAIL FROM" not in out
    assert all(not command.upper().startswith((b"MAIL", b"RCPT")) for command in world.lab.server("mx.solid.example").commands)


def test_explain_leaves_json_alone(world: World) -> None:
    _, out, err = run("check", "solid.example", "--config.file", world.path, "--explain", "--quick", "--format", "json")
    assert json.loads(out)["schema"] == 1
    assert "> STARTTLS" in err


@pytest.mark.parametrize("change", [{"network": {"allow_networks": []}}, {"exclude": {"domains": ["expired.example"]}}])
def test_who_must_not_be_visited_is_not(change: dict[str, Any], world: World, tmp_path: Path) -> None:
    settings = world.settings()
    for section, values in change.items():
        settings[section] = settings.get(section, {}) | values
    (tmp_path / "strict.yaml").write_text(yaml.safe_dump(settings))
    server = world.lab.server("mx.expired.example")
    before = server.connections
    status, out, _ = run("check", "expired.example", "--config.file", tmp_path / "strict.yaml")
    assert (status, server.connections) == (3, before)
    assert ("address-forbidden at connect" if "network" in change else "not-attempted") in out


def test_a_banner_cannot_reach_the_terminal_with_its_escape_sequences(world: World) -> None:
    server = world.lab.server("mx.wrong-name.example")
    polite = server.behaviour
    server.behaviour = Behaviour(greeting=b"554 \x1b]0;owned\x07 \x9b31m [red]<script>\\\r\n")
    try:
        command = [sys.executable, "-m", "mailtls.cli", "check", "wrong-name.example", "--config.file", str(world.path), "--explain"]
        done = subprocess.run(command, capture_output=True, timeout=30, check=False, env={"FORCE_COLOR": "1", "TERM": "xterm"})
    finally:
        server.behaviour = polite
    assert done.returncode == 3
    for octets in (b"\x1b]", b"\x07", b"\x9b", b"\x1b[31m<script>"):
        assert octets not in done.stdout + done.stderr
    assert b"\\x1b]0;owned\\x07" in done.stdout


def test_the_demonstration_takes_no_other_port_where_the_address_is_not_ours() -> None:
    status, _, err = run("demo", "--web.listen-address", "192.0.2.1:80")
    assert (status, err.startswith("cannot listen on 192.0.2.1:80: ")) == (1, True)
    assert run("demo", "--downgrade-after", "-3")[0] == 2


def test_domains_that_are_named_need_no_configured_providers(tmp_path: Path) -> None:
    path = tmp_path / "mailtls.yaml"
    path.write_text('exclude: {domains: [a.example]}\nresolver: {nameservers: ["127.0.0.1:1"], timeout: 100ms}\n')
    assert "excluded by configuration" in run("check", "a.example", "--config.file", path)[1]
    assert "EHLO name" in run("doctor", "a.example", "--config.file", path)[1]
    assert "there is nobody to measure" in run("config", "check", path)[2]


def test_the_demonstration_speaks_to_who_knows_nothing_of_its_parts(world: World) -> None:
    said = demo._said(world.lab.providers)
    assert said.keys() == {domain for provider in world.lab.providers for domain in provider.domains}
    assert [text for text in said.values() if "`" in text or "Lab" in text or "()" in text] == []


def test_a_bad_configuration_is_status_one_everywhere(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("provider: []\n")
    for command in (("config", "check", bad), ("check", "a.example", "--config.file", bad), ("run", "--config.file", bad)):
        status, out, err = run(*command)
        assert (status, out) == (1, "")
        assert f"{bad}:1: provider: unknown key; did you mean providers?" in err


def test_a_configuration_that_is_not_there_is_told_with_one_to_begin_with(tmp_path: Path) -> None:
    for command in (("config", "check"), ("check", "a.example", "--config.file"), ("run", "--config.file")):
        assert "No such file or directory; config/mailtls.example.yaml is one" in run(*command, tmp_path / "none.yaml")[2]


def test_configuration_can_be_checked_and_described(world: World) -> None:
    status, out, _ = run("config", "check", world.path)
    assert (status, ": good: 25 providers, 26 domains" in out) == (0, True)
    one = world.path.with_name("one.yaml")
    one.write_text("providers: [{name: A, domains: [a.example]}]\n")
    assert run("config", "check", one)[1].endswith(": good: 1 provider, 1 domain\n")
    assert "vantage" in json.loads(run("config", "schema")[1])["properties"]
    assert list(json.loads(run("config", "schema", "--of", "providers")[1])["properties"]) == ["providers"]


def test_usage_is_status_two_and_the_version_is_told(world: World) -> None:
    assert run("check", "")[::2] == (2, "a domain is empty; write one, such as gmail.com\n")
    assert run("check", "--no-such-option")[0] == 2
    assert run("check", "a.example", "--format", "xml")[0] == 2
    assert run("run", "--config.file", world.path, "--web.listen-address", "nonsense")[0] == 2
    for command in ((), ("check",), ("config", "schema")):
        assert run(*command, "-h") == run(*command, "--help")
    assert run("run", "--log.level", "INFO", "--log.format", "JSON", "--config.file", "none.yaml")[0] == 1
    assert run("--version")[:2] == (0, f"mailtls {__version__}\n")


def test_help_names_arguments_as_one_writes_them_and_mistakes_are_in_our_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run("check", "--help")[1].startswith("Usage: mailtls check [OPTIONS] DOMAIN...\n")
    assert "\nArguments:\n  DOMAIN...  Recipient domains.\n" in run("check", "--help")[1]
    assert run("doctor", "--help")[1].startswith("Usage: mailtls doctor [OPTIONS] [DOMAIN...]\n")
    assert run("accept", "--help")[1].startswith("Usage: mailtls accept [OPTIONS] DOMAIN CHECK\n")
    assert "..." not in run("--help")[1].replace("[ARGS]...", "")
    for command in ("check", "run", "history", "accept", "demo", "doctor", "config check", "config schema"):
        assert "{" not in run(*command.split(), "--help")[1]
    assert "Invalid value for '--format': 'xml' is not one of" in run("check", "a.example", "--format", "xml")[2]


@pytest.mark.parametrize("there", [True, False])
def test_the_faster_loop_is_used_where_it_is_installed_and_missed_by_nobody(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not there:
        monkeypatch.setitem(sys.modules, "uvloop", None)

    async def loop() -> str:
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]

    assert asyncio_run(loop()) == ("uvloop" if there else "asyncio")
