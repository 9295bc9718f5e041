"""The command line keeps its contract: exit statuses, JSON, and words that a terminal survives."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailtls.lab import Behaviour, Lab


async def mailtls(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mailtls.cli", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
async def lab(tmp_path: Path):
    async with await Lab.start() as running:
        settings: Any = running.configuration()
        settings["network"]["probe_deadline"] = "2s"
        (tmp_path / "mailtls.yaml").write_text(yaml.safe_dump(settings))
        yield running, str(tmp_path / "mailtls.yaml")


@pytest.mark.parametrize(
    ("domains", "status"),
    [
        (["solid.example"], 0),
        (["null-mx.example"], 0),
        (["no-starttls.example"], 1),
        (["expired.example"], 1),
        (["ratelimited.example"], 3),
        (["nxdomain.example"], 3),
        (["solid.example", "tarpit.example"], 3),
        (["solid.example", "tarpit.example", "no-starttls.example"], 1),
        (["not a domain"], 2),
    ],
)
async def test_the_exit_status_puts_a_measured_bad_before_an_unknown_before_a_good(domains: list[str], status: int, lab) -> None:
    assert (await mailtls("check", *domains, "--config.file", lab[1], "--quick"))[0] == status


async def test_json_is_what_the_contract_says(lab) -> None:
    _, out, _ = await mailtls("check", "excellent.example", "stripped.example", "greylisting.example", "--config.file", lab[1], "--format", "json")
    document = json.loads(out)
    assert document["schema"] == 1
    domains = {domain["domain"]: domain for domain in document["domains"]}
    assert {name: domain["verdict"] for name, domain in domains.items()} == {
        "excellent.example": "protected", "stripped.example": "unprotected", "greylisting.example": "unknown",
    }  # fmt: skip
    endpoint = domains["excellent.example"]["mx"][0]["endpoints"][0]
    assert {"address", "port", "conclusive", "readings"} <= endpoint.keys()
    assert endpoint["readings"]["negotiated"]["value"]["group"] == "X25519MLKEM768"
    assert domains["stripped.example"]["mx"][0]["endpoints"][0]["readings"]["certificates"] == {"state": "absent"}
    unknown = domains["greylisting.example"]["mx"][0]["endpoints"][0]["readings"]["starttls_offered"]
    assert (unknown["state"], unknown["cause"], unknown["stage"]) == ("unknown", "deferred", "ehlo")
    assert unknown.keys() == {"state", "cause", "stage", "detail", "seen"}


async def test_a_banner_cannot_reach_the_terminal_with_its_escape_sequences(lab) -> None:
    server = lab[0].server("mx.solid.example")
    server.behaviour = Behaviour(greeting=b"554 \x1b]0;owned\x07 [red]<script>\r\n")
    _, out, err = await mailtls("check", "solid.example", "--config.file", lab[1], "--explain")
    assert "\x1b" not in out + err
    assert "\\x1b]0;owned\\x07 [red]<script>" in out


async def test_an_mx_that_points_inward_is_not_visited(lab, tmp_path: Path) -> None:
    settings = yaml.safe_load(Path(lab[1]).read_text())
    settings["network"]["allow_networks"] = []
    (tmp_path / "strict.yaml").write_text(yaml.safe_dump(settings))
    status, out, _ = await mailtls("check", "solid.example", "--config.file", str(tmp_path / "strict.yaml"))
    assert status == 3
    assert "address-forbidden at connect" in out
    assert lab[0].server("mx.solid.example").connections == 0


async def test_explain_shows_every_line_and_no_mail_is_begun(lab) -> None:
    _, out, _ = await mailtls("check", "solid.example", "--config.file", lab[1], "--explain")
    assert "> EHLO probe.lab.example" in out
    assert "MAIL FROM" not in out
    assert all(not command.upper().startswith(b"MAIL") for command in lab[0].server("mx.solid.example").commands)


async def test_configuration_can_be_checked_and_described(lab, tmp_path: Path) -> None:
    assert (await mailtls("config", "check", lab[1]))[0] == 0
    (tmp_path / "bad.yaml").write_text("provider: []\n")
    status, _, err = await mailtls("config", "check", str(tmp_path / "bad.yaml"))
    assert (status, "did you mean providers?" in err) == (1, True)
    assert "properties" in json.loads((await mailtls("config", "schema"))[1])
    assert (await mailtls("check", "--no-such-option"))[0] == 2
