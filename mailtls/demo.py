"""The demonstration: a world on loopback, the daemon that watches it, and one provider that breaks its promise."""

from __future__ import annotations

import asyncio
import contextlib
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from mailtls.config import Configuration
from mailtls.daemon import CannotListen, Daemon
from mailtls.lab import Lab
from mailtls.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailtls.lab.providers import FakeProvider
    from mailtls.model import Snapshot

_INTERVAL = "10s"
_DOWNGRADED = "downgraded.example"
_COLOURS = {
    Verdict.PROTECTED: "green", Verdict.DEGRADED: "yellow", Verdict.UNPROTECTED: "red", Verdict.UNKNOWN: "magenta", Verdict.NO_MAIL: "dim",
}  # fmt: skip


async def run_demo(listen: tuple[str, int], downgrade_after: float) -> None:
    """Start the lab and the daemon, and tell the story as it goes, until a signal ends it.

    Args:
        listen: where to serve; another port is taken where this one is not to be had.
        downgrade_after: seconds after which one provider loses STARTTLS.

    """
    console = Console(highlight=False, soft_wrap=True)
    with TemporaryDirectory(prefix="mailtls-demo-") as directory:
        async with await Lab.start() as lab:
            settings = lab.configuration()
            schedule = settings["schedule"]
            assert isinstance(schedule, dict)
            settings["schedule"] = schedule | {"interval": _INTERVAL}
            settings["storage"] = {"url": f"sqlite:///{directory}/mailtls.db"}
            daemon = Daemon(Configuration.model_validate(settings))
            announced = asyncio.Event()

            def announce(url: str) -> None:
                _announce(console, url)
                announced.set()

            async def tell() -> None:
                await announced.wait()  # the URL comes first
                await _tell(console, daemon, lab, downgrade_after)

            story = asyncio.create_task(tell())
            try:
                try:
                    await daemon.run([listen], announce)
                except CannotListen:
                    await daemon.run([(listen[0], 0)], announce)
            finally:
                story.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await story


def _announce(console: Console, url: str) -> None:
    console.print(url)
    console.print(f"Look at {url} for the verdicts, {url}metrics for Prometheus, and")
    console.print(f"{url}probe?target=solid.example&debug=true for a transcript. Ctrl-C ends it.\n")


def _said(providers: Iterable[FakeProvider]) -> dict[str, str]:
    """Return what each domain's provider does, in words for who knows nothing of the lab."""
    said = {domain: provider.conclusion for provider in providers for domain in provider.domains}
    return said | {_DOWNGRADED: "TLS at first; later in this demonstration STARTTLS is gone, which is an alarm"}


async def _tell(console: Console, daemon: Daemon, lab: Lab, downgrade_after: float) -> None:
    started = asyncio.get_running_loop().time()
    said = _said(lab.providers)
    console.print("[bold]Verdict      Domain                        What the provider does[/]")
    shown: set[str] = set()
    while len(shown) < len(said):
        for domain in daemon.snapshot().domains:
            if domain.domain not in shown:
                shown.add(domain.domain)
                colour = _COLOURS[domain.verdict]
                console.print(f"[{colour}]{domain.verdict.value:<12}[/] {domain.domain:<29} {escape(said.get(domain.domain, ''))}")
        await asyncio.sleep(0.2)
    await asyncio.sleep(max(0.0, downgrade_after - (asyncio.get_running_loop().time() - started)))
    lab.downgrade()
    console.print(f"\n[bold]{_DOWNGRADED}[/] now loses STARTTLS. The next look at it, within {_INTERVAL}, will see that.")
    while (verdict := _verdict(daemon.snapshot(), _DOWNGRADED)) is not Verdict.UNPROTECTED:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    console.print(f"[red]{verdict.value}[/] {_DOWNGRADED}: measured, not guessed; the tarpit and the rate-limiter above stay unknown.")


def _verdict(snapshot: Snapshot, name: str) -> Verdict:
    return next((domain.verdict for domain in snapshot.domains if domain.domain == name), Verdict.UNKNOWN)

