"""Four processes that are three vantages, for tests that run them against a lab."""

import asyncio
import json
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

PROCESSES = {"alpha 1": ("alpha", "127.0.1.1"), "alpha 2": ("alpha", "127.0.1.2"), "beta": ("beta", "127.0.2.1"), "gamma": ("gamma", "127.0.3.1")}
VANTAGE_OF = {source: vantage for vantage, source in PROCESSES.values()}


class Timeline:
    """What happened when, for a person."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    @property
    def now(self) -> float:
        return time.monotonic() - self.began

    def note(self, what: str) -> None:
        print(f"{self.now:6.1f} s  {what}")


class Process:
    """One ``mailtls run``."""

    def __init__(self, name: str, directory: Path, settings: dict[str, Any]) -> None:
        self.name = name
        self.vantage, self.source = PROCESSES[name]
        self.url = ""
        self._place = directory / name.replace(" ", "-")
        settings["vantage"] = {"name": self.vantage, "ehlo_name": f"{self.vantage}.probe.example"}
        settings["network"] = settings["network"] | {"source_addresses": [self.source], "ipv6": "never"}
        self._place.with_suffix(".yaml").write_text(yaml.safe_dump(settings))

    async def start(self) -> None:
        command = (sys.executable, "-m", "mailtls.cli", "run", "--config.file", str(self._place.with_suffix(".yaml")))
        with self._place.with_suffix(".log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        self.url = (await asyncio.wait_for(self.process.stdout.readline(), 120)).decode().strip()
        assert self.url, self.log()

    async def done(self) -> None:
        """End it if it still runs, and print what it said of its jobs."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        print(f"--- {self.name}\n" + "\n".join(line for line in self.log().splitlines() if "component=jobs" in line))

    def log(self) -> str:
        return self._place.with_suffix(".log").read_text()

    async def fetch(self, path: str) -> str:
        return await asyncio.to_thread(lambda: urllib.request.urlopen(self.url + path, timeout=10).read().decode())

    async def verdicts(self) -> dict[str, str]:
        return {domain["domain"]: domain["verdict"] for domain in json.loads(await self.fetch("api/v1/domains"))["domains"]}

    async def lag(self) -> float:
        lines = (await self.fetch("metrics")).splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("mailtls_scheduler_lag_seconds "))

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 30)


async def until(what: str, true: Any, seconds: float = 60.0, pause: float = 0.1) -> float:
    """Wait for something, and return for how long that was."""
    began = time.monotonic()
    while not await true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s: {what}"
        await asyncio.sleep(pause)
    return time.monotonic() - began
