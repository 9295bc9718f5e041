"""The demonstration's story: a promise is broken, seen, confirmed and told; mended, seen again, and that is confirmed too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rich.markup import escape

from mailtls.model import Verdict
from mailtls.tracking.standing import Event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailtls.daemon import Daemon
    from mailtls.lab import Lab
    from mailtls.tracking.settling import JointRegression

DOMAIN = "downgraded.example"
CHECK = "starttls"
_HOST = "mx.downgraded.example"
_OFTEN = 0.1
_WORDS = {
    "server": "every vantage that could measure sees it: the server did it",
    "path": "some vantages see it and others do not: it lies on the path",
    "local": "many unrelated providers at once: it is ours",
    "unexplained": "from one vantage alone nobody can tell the server from somebody on the path",
}


async def tell_story(
    daemon: Daemon, lab: Lab, say: Callable[[str], object], show: Callable[[str], object], path: Path, mended_after: float, program: str = "mailtls"
) -> None:
    """Let a provider lose STARTTLS and get it back, and tell each step as it happens.

    Args:
        daemon: that watches it.
        lab: where it is.
        say: tells a line, in rich's markup.
        show: tells a line that can be copied, as it is.
        path: the daemon's configuration, for the commands that the story names.
        mended_after: seconds from the confirmation until the provider has STARTTLS again.
        program: how mailtls is called, for those commands.

    """

    def step(line: str, *see: str) -> None:
        show("")
        say(f"[dim]{daemon.now():%H:%M:%S} UTC[/] {line}")
        for each in see:
            show(f"  {each}")

    def command(name: str, more: str = "") -> str:
        return f"{program} {name} --config.file {path} {DOMAIN}{more}"

    metric = f'mailtls_domain_regression{{domain="{DOMAIN}",check="{CHECK}"}}'
    await _until(lambda: daemon.is_held_to(DOMAIN, CHECK))
    lab.downgrade()
    step(f"[bold]{DOMAIN}[/] now loses STARTTLS. The next look at it will see that.")
    await _until(lambda: _verdict(daemon) is Verdict.UNPROTECTED)
    step(
        f"[red]{Verdict.UNPROTECTED}[/] {DOMAIN}: measured, not guessed; the tarpit and the rate-limiter above stay unknown.",
        f'mailtls_domain_state{{domain="{DOMAIN}",state="unprotected"}} 1',
    )
    await _until(lambda: _is_looked_at_again(daemon) or _found(daemon) is not None)
    wanted = daemon.configuration.confirmation
    step(
        f"[yellow]candidate[/] {CHECK}: one look proves nothing yet. {wanted.probes} fresh connections over {wanted.cycles} cycles must agree; "
        "it is looked at again soon.",
        command("history"),
    )
    await _until(lambda: (found := _found(daemon)) is not None and found.ended_at is None)
    found = _found(daemon)
    assert found is not None
    step(
        f"[bold red]regression[/] {CHECK} of {DOMAIN} is confirmed: was {escape(found.before.shown)}, is {escape(found.after.shown)}. This is "
        f"what a pager should hear of. Attribution [bold]{found.attribution}[/]: {_WORDS[found.attribution]}.",
        f"{metric} 1",
        "/api/v1/regressions, on the page above too",
        command("history"),
        f"{command('accept', f' {CHECK}')} --why 'they said so'  (if it were meant)",
    )
    await asyncio.sleep(mended_after)
    lab.restore()
    step(f"[bold]{DOMAIN}[/] mends it: STARTTLS is back. Who was silent now would not have recovered; it must be seen.")
    await _until(lambda: _verdict(daemon) is Verdict.PROTECTED or _is_over(daemon))
    if not _is_over(daemon):
        step(f"[green]{Verdict.PROTECTED}[/] {DOMAIN}: good again. One good look is no recovery either.", f"{metric} 1")
    await _until(lambda: _is_over(daemon))
    found = _found(daemon)
    assert found is not None
    if found.ended_by is Event.ACCEPTED:
        step(f"[green]accepted[/] by you: {escape(found.why)}. From now on {DOMAIN} is held to less.", f"{metric} 0", command("history"))
    else:
        step(f"[bold green]recovered[/] {CHECK} of {DOMAIN}, confirmed as carefully as the loss.", f"{metric} 0", command("history"))
    others = {each.subject.domain for each in daemon.told().regressions if each.subject.domain} - {DOMAIN}
    step(
        f"Regressions of other domains: {', '.join(sorted(others)) or 'none'}. The tarpit and the rate-limiter never were one: "
        "silence is never a verdict. The daemon goes on until Ctrl-C."
    )


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the daemon tells nobody
        await asyncio.sleep(_OFTEN)


def _verdict(daemon: Daemon) -> Verdict:
    return next((domain.verdict for domain in daemon.snapshot().domains if domain.domain == DOMAIN), Verdict.UNKNOWN)


def _is_looked_at_again(daemon: Daemon) -> bool:
    return any(each.subject.host == _HOST and each.check == CHECK for each in daemon.told().again)


def _found(daemon: Daemon) -> JointRegression | None:
    """Return the regression that the story is about, as soon as there is one."""
    return next((each for each in daemon.told().regressions if each.subject.domain == DOMAIN and each.check == CHECK), None)


def _is_over(daemon: Daemon) -> bool:
    found = _found(daemon)
    return found is not None and found.ended_at is not None
