"""The story of the demonstration: each step is told when it has happened, in this order, and of nobody else anything is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from watching import watching

from mailtls import demo
from mailtls.demo_story import tell_story
from mailtls.lab import Lab

STEPS = (
    "now loses STARTTLS",
    "[red]unprotected[/]",
    "[yellow]candidate[/]",
    "[bold red]regression[/] starttls of downgraded.example is confirmed: was accepted, is not offered",
    "mends it",
    "[green]protected[/]",
    "[bold green]recovered[/]",
    "Regressions of other domains: none",
)


@pytest.mark.parametrize(
    ("called", "found", "named"),
    [("bin/mailtls", None, "bin/mailtls"), ("bin/mailtls", "other/mailtls", "bin/mailtls"), ("bin/mailtls", "bin/mailtls", "mailtls"),
     ("mailtls/cli.py", None, "mailtls")],
)  # fmt: skip
def test_the_commands_that_are_shown_can_be_pasted(
    called: str, found: str | None, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for directory in ("bin", "other"):
        Path(directory).mkdir()
        (Path(directory) / "mailtls").touch()
    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setattr("shutil.which", lambda _name: found)
    assert demo._program() == named


async def test_the_story_is_told_from_the_loss_to_the_recovery_and_who_is_silent_has_no_part_in_it(tmp_path: Path) -> None:
    said: list[str] = []
    domains = ("downgraded.example", "solid.example", "tarpit.example", "ratelimited.example")
    async with await Lab.start() as lab, watching(lab, tmp_path, *domains, settle=False) as watched:
        await tell_story(watched.daemon, lab, said.append, said.append, tmp_path / "mailtls.yaml", 1.0)
        assert {subject.split()[0] for subject, _check in watched.regressions()} == {"downgraded.example", "mx.downgraded.example"}
    text = "\n".join(said)
    places = [text.find(step) for step in STEPS]
    assert -1 not in places, text
    assert places == sorted(places)
    assert f"mailtls accept --config.file {tmp_path}/mailtls.yaml downgraded.example starttls --why" in text
    assert text.index('mailtls_domain_regression{domain="downgraded.example",check="starttls"} 1') < text.index("} 0")
