"""The demonstration: a world on loopback, the daemon that watches it, and one provider that breaks its promise."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml
from rich.console import Console
from rich.markup import escape

from mailtls import config
from mailtls.daemon import Daemon
from mailtls.demo_story import DOMAIN as _DOWNGRADED
from mailtls.demo_story import tell_story
from mailtls.lab import Lab
from mailtls.listening import CannotListen
from mailtls.model import Verdict
from mailtls.show.hanging import hanging

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailtls.lab.providers import FakeProvider

_INTERVAL = "10s"
_MENDED_AFTER = 10.0  # seconds from the confirmation of what was lost
_COLUMN = 43  # where the words begin, behind verdict and domain
_COLOURS = {
    Verdict.PROTECTED: "green", Verdict.DEGRADED: "yellow", Verdict.UNPROTECTED: "red", Verdict.UNKNOWN: "magenta", Verdict.NO_MAIL: "dim",
}  # fmt: skip


async def run_demo(listen: tuple[str, int], downgrade_after: float) -> None:
    """Start the lab and the daemon, and tell the story as it goes, until a signal ends it.

    Args:
        listen: where to serve; another port is taken where this one is in use.
        downgrade_after: seconds after which one provider loses STARTTLS.

    Raises:
        CannotListen: the address cannot be had, for another reason than that it is in use.

    """
    console = Console(highlight=False, soft_wrap=True)
    with TemporaryDirectory(prefix="mailtls-demo-") as directory:
        async with await Lab.start() as lab:
            path = Path(directory) / "mailtls.yaml"
            _write(path, lab.configuration())
            daemon = Daemon(config.load(path))
            announced = asyncio.Event()
            taken = ""

            def announce(url: str) -> None:
                _announce(console, url, taken, path)
                announced.set()

            def ending() -> None:
                console.print("\nEnding; once more ends it at once.")

            async def tell() -> None:
                await announced.wait()  # the URL comes first
                await _tell(console, daemon, lab, path, downgrade_after)

            story = asyncio.create_task(tell())
            try:
                try:
                    await daemon.run([listen], announce, ending)
                except CannotListen as error:
                    if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EADDRINUSE:
                        raise
                    taken = f"{listen[0]}:{listen[1]}"
                    await daemon.run([(listen[0], 0)], announce, ending)
            finally:
                story.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await story


def _write(path: Path, settings: dict[str, object]) -> None:
    """Write the configuration of the lab, so that other commands can be pointed at it too."""
    schedule = settings["schedule"]
    assert isinstance(schedule, dict)
    settings |= {"schedule": schedule | {"interval": _INTERVAL}, "storage": {"url": f"sqlite:///{path.parent}/mailtls.db"}}
    settings["publication"] = {"title": "Mail of the demonstration", "interval": _INTERVAL, "stale_after": "5m"}
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def _program() -> str:
    """Return how this program is called from here: by its name where that is found, or as it was called."""
    called = Path(sys.argv[0])
    found = shutil.which("mailtls")
    if called.name != "mailtls" or (found is not None and called.exists() and Path(found).samefile(called)):
        return "mailtls"
    return str(called)


def _announce(console: Console, url: str, taken: str, path: Path) -> None:
    console.print(url, soft_wrap=True)
    if taken:
        console.print(f"{taken} is taken; serving on {url.split('/')[2]} in its place.")
    console.print("\nThe verdicts are on that page. There are also")
    console.print(f"  {url}status/  what everybody would see, once each domain has been looked at", markup=False)
    console.print(f"  {url}metrics  for Prometheus", markup=False)
    console.print(f"  {url}probe?target=solid.example&debug=true  a transcript", markup=False)
    console.print("and, in another terminal, of the same world:")
    console.print(f"  {_program()} check --config.file {path} legacy-only.example --explain", markup=False, soft_wrap=True)
    console.print("Ctrl-C ends it.\n")


def _said(providers: Iterable[FakeProvider]) -> dict[str, str]:
    """Return what each domain's provider does, in words for who knows nothing of the lab."""
    said = {domain: provider.conclusion for provider in providers for domain in provider.domains}
    return said | {_DOWNGRADED: "TLS at first; later in this demonstration STARTTLS is gone, which is an alarm"}


async def _tell(console: Console, daemon: Daemon, lab: Lab, path: Path, downgrade_after: float) -> None:
    started = asyncio.get_running_loop().time()
    said = _said(lab.providers)
    console.print("[bold]Verdict      Domain                        What the provider does[/]")
    shown: set[str] = set()
    while len(shown) < len(said):
        for domain in daemon.snapshot().domains:
            if domain.domain not in shown:
                shown.add(domain.domain)
                colour = _COLOURS[domain.verdict]
                words = said.get(domain.domain, "").removeprefix(f"{domain.verdict.value}: ")
                _print(console, f"[{colour}]{domain.verdict.value:<12}[/] {domain.domain:<29} {escape(words)}", _COLUMN)
        await asyncio.sleep(0.2)
    await asyncio.sleep(max(0.0, downgrade_after - (asyncio.get_running_loop().time() - started)))

    def show(line: str) -> None:
        console.print(line, markup=False, emoji=False, soft_wrap=True)

    await tell_story(daemon, lab, lambda line: _print(console, line), show, path, _MENDED_AFTER, _program())


def _print(console: Console, line: str, indent: int = 2) -> None:
    for text in hanging(line, console.width, indent) if console.is_terminal else (line,):
        console.print(text, emoji=False)
