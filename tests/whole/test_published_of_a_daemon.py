"""From the wire to what everybody can verify: a daemon sees a provider lose STARTTLS, and the command publishes that from its store."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import yaml
from watching import watching

from mailtls.lab import Lab

if TYPE_CHECKING:
    from pathlib import Path

LOSES, KEEPS = "downgraded.example", "solid.example"


async def run(*arguments: object) -> tuple[int, str]:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mailtls.cli", *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await asyncio.wait_for(started.communicate(), 60)
    return started.returncode or 0, told.decode()


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


async def test_a_loss_is_published_with_its_date_and_can_be_verified_and_what_was_said_before_stays(tmp_path: Path) -> None:
    site, file = tmp_path / "site", tmp_path / "mailtls.yaml"
    async with await Lab.start() as lab:
        settings: Any = lab.configuration()
        settings |= {"storage": {"url": f"sqlite:///{tmp_path}/mailtls.db"}, "publication": {"interval": "1s", "enabled": True}}
        settings["providers"] = [{"name": name, "domains": [name]} for name in (LOSES, KEEPS)]
        file.write_text(yaml.safe_dump(json.loads(json.dumps(settings, default=str))), "utf-8")
        async with watching(lab, tmp_path, LOSES, KEEPS) as watched:
            status, told = await run("publish", site, "--config.file", file)
            assert status == 0, told
            first = read(site / "snapshots" / "head.json")
            assert read(site / f"api/v1/domains/{LOSES}.json")["verdict"] == "protected"
            assert read(site / "api/v1/incidents.json")["incidents"] == []
            lab.downgrade()
            await watched.until(lambda: (LOSES, "starttls") in watched.regressions())
            await watched.cycles(1)
        status, told = await run("publish", site, "--config.file", file)
    assert status == 0, told
    assert read(site / f"api/v1/domains/{LOSES}.json")["verdict"] == "unprotected"
    assert read(site / f"api/v1/domains/{KEEPS}.json")["verdict"] == "protected"
    (incident,) = read(site / "api/v1/incidents.json")["incidents"]
    assert (incident["check"], incident["domains"], incident["before"]["value"], incident["after"]["value"]) == (
        "starttls", [LOSES], "accepted", "not offered",
    )  # fmt: skip
    assert "not offered" in (site / f"status/incidents/{incident['id']}/index.html").read_text("utf-8")
    last = read(site / "snapshots" / "head.json")
    assert last["number"] > first["number"]
    status, told = await run("verify", site, "--since", first["hash"])
    assert (status, "Since that snapshot all is as it was published." in told) == (0, True), told
    tampered = site / f"api/v1/domains/{LOSES}.json"
    tampered.write_text(tampered.read_text("utf-8").replace("unprotected", "protected"), "utf-8")
    status, told = await run("verify", site)
    assert status == 1
    assert f"api/v1/domains/{LOSES}.json" in told
