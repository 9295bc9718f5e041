"""Prometheus, with its data in the server's directory, and promtool's opinion of metrics and rules."""

import asyncio
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from .server import Server, find_program


class Prometheus(Server):
    """A Prometheus with this configuration (YAML text), and with these rules (YAML text) if there are any."""

    def __init__(self, configuration: str = "", address: str | None = None, port: int = 0, *, rules: str | None = None) -> None:
        super().__init__(address, port)
        self._configuration = configuration
        self._rules = rules

    def prepare(self) -> list[str]:
        """Write the configuration and the rules."""
        text = self._configuration
        if self._rules is not None:
            (self.directory / "rules.yml").write_text(self._rules)
            text += "\nrule_files: [rules.yml]\n"
        configuration = self.directory / "prometheus.yml"
        configuration.write_text(text)
        return [
            find_program("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address={self.address}:{self.port}",
        ]

    async def ready(self) -> bool:
        """Tell whether it says it is ready."""
        if not await super().ready():
            return False
        try:
            await self.get("/-/ready")
        except urllib.error.HTTPError as error:
            error.close()
            return False
        return True

    async def get(self, path: str) -> str:
        """Return the body of a page of the server."""
        return await asyncio.to_thread(_fetch, f"http://{self.address}:{self.port}{path}")

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate PromQL now, and return the samples: each with ``metric``, its labels, and ``value``."""
        body = await self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        result: list[dict[str, Any]] = json.loads(body)["data"]["result"]
        return result


async def check_metrics(text: str) -> list[str]:
    """Return what promtool finds wrong with a page of metrics; nothing, if it is right."""
    return await _promtool(["check", "metrics"], text)


async def check_rules(text: str) -> list[str]:
    """Return what promtool finds wrong with a file of rules, given as YAML text; nothing, if it is right."""
    return await _promtool(["check", "rules", "/dev/stdin"], text)


async def _promtool(arguments: list[str], text: str) -> list[str]:
    command = [find_program("promtool"), *arguments]
    done = await asyncio.to_thread(subprocess.run, command, input=text, capture_output=True, text=True, check=False, timeout=20)
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode == 0:
        return []
    return complaints or [f"promtool ended with {done.returncode}"]


def _fetch(address: str) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is not for a proxy
    with direct.open(address, timeout=10) as response:
        body: bytes = response.read()
    return body.decode()
