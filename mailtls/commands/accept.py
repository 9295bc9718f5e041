"""``mailtls accept``: an operator says that a check may be as weak as it is now."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mailtls import facts
from mailtls.commands import completing
from mailtls.commands.domains import not_watched, recipient_domain
from mailtls.commands.ending import BAD, FAULTS, USAGE, fail
from mailtls.commands.options import ConfigFile, load_configuration
from mailtls.readable import readable
from mailtls.streams import asyncio_run

if TYPE_CHECKING:
    from mailtls.config import Configuration
    from mailtls.tracking.changes import Change

ENDS = (
    "Exit status: 0 accepted; 1 the configuration is wrong, or the store cannot be used; 2 wrong usage; "
    f"3 nothing of it is weaker than what it is held to; {FAULTS}"
)
NOTHING = 3
_LONGEST = 1000


def accept(
    domain: Annotated[str, typer.Argument(help="A recipient domain.", metavar="DOMAIN", autocompletion=completing.domains)],
    check: Annotated[
        str, typer.Argument(help="The name of a check, as the label of the metric has it.", metavar="CHECK", autocompletion=completing.checks)
    ],
    why: Annotated[str, typer.Option("--why", help="Your reason, for the history and for those who read the status page.", metavar="TEXT")],
    config_file: ConfigFile = None,
) -> None:
    """Accept that a domain is as weak in a check as it is now.

    What the domain, its MX hosts and their addresses are held to falls to what was seen of them last; a regression ends by it. A daemon that
    runs takes it in within seconds.
    """
    name = recipient_domain(domain)
    if check not in facts.CHECKS:
        near = difflib.get_close_matches(check, facts.CHECKS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(facts.CHECKS)}"
        fail(f"no check is called {readable(check, 80)!r}; {hint}", USAGE)
    if not why.strip() or len(why) > _LONGEST:
        fail(f"--why: say why, in at most {_LONGEST} characters", USAGE)
    configuration = load_configuration(config_file)
    happened = asyncio_run(_accept(configuration, name, check, why.strip()))
    for change in happened:
        if change.vantage and change.before is not None and change.after is not None:
            before, after = readable(change.before.shown, 200), readable(change.after.shown, 200)
            typer.echo(f"{change.vantage}: {readable(str(change.subject))}: {check}: from '{before}' to '{after}'")
    if not happened:
        if stranger := not_watched(name, configuration):
            fail(f"{name}: {stranger}", NOTHING)
        fail(f"{name}: {check} is not weaker than what it is held to: nothing to accept", NOTHING)


async def _accept(configuration: Configuration, domain: str, check: str, why: str) -> tuple[Change, ...]:
    from mailtls.assembly import telling  # noqa: PLC0415
    from mailtls.store.accepting import accept as accepted  # noqa: PLC0415 - takes a quarter of a second
    from mailtls.store.bookkeeper import VOTES_FOR  # noqa: PLC0415
    from mailtls.store.database import Store, StoreFailed  # noqa: PLC0415

    try:
        store = await Store.open(configuration.storage.url, make=False)
    except StoreFailed as error:
        fail(f"storage.url: {error}", BAD)
    patience = VOTES_FOR * configuration.schedule.interval
    try:
        now, said, tell = datetime.now(UTC), readable(why, _LONGEST), telling(configuration)
        return await store.run(lambda engine: accepted(engine, domain, check, said, now, patience, tell))
    except StoreFailed as error:
        fail(f"storage.url: {error}", BAD)
    finally:
        await store.close()
