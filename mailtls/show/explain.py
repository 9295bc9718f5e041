"""Every finding of a domain, explained to a person: what was seen, which rule it breaks and why, how to see the same, how to mend it."""

from __future__ import annotations

import shlex
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.markup import escape

from mailtls.model import Level, Verdict
from mailtls.policy.shipped import VERDICT
from mailtls.policy.telling import command, remedy_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mailtls.model import Clause, DomainObservation, Finding, Grade
    from mailtls.policy.telling import Remedy

WIDEST = 120
"""Columns; longer lines are hard to read."""
_INDENT = 2
_LABEL = 11
_PLACES = 8
LOOKS = {
    Level.GOOD.value: "green", Level.SUFFICIENT.value: "green", Level.PHASE_OUT.value: "yellow", Level.INSUFFICIENT.value: "red",
    Verdict.PROTECTED.value: "green", Verdict.DEGRADED.value: "yellow", Verdict.UNPROTECTED.value: "red",
}  # fmt: skip
"""The colour of each level."""


def explanation_lines(domain: DomainObservation, width: int) -> Iterator[str]:
    """Yield the explanation of a domain's findings in rich's markup; everything from the wire is escaped.

    Args:
        domain: what was observed of it.
        width: of the terminal, in columns.

    """
    width = min(width, WIDEST)
    mended: dict[Remedy, str] = {}
    findings = [*domain.findings, *(finding for grade in domain.grades for finding in grade.findings)]
    for several in _alike(findings):
        yield from _finding_lines(several, mended, width)
    for grade in domain.grades:
        yield from _gap_lines(grade, width)


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Return findings that differ in nothing but where they are together, in the order of the first of each."""
    found: dict[tuple[Clause, str, str], list[Finding]] = {}
    for finding in findings:
        if finding.clause is not None:
            found.setdefault((finding.clause, finding.code, finding.text), []).append(finding)
    return list(found.values())


def _finding_lines(several: Sequence[Finding], mended: dict[Remedy, str], width: int) -> Iterator[str]:
    finding = several[0]
    clause = finding.clause
    assert clause is not None
    name = clause.policy if clause.policy == VERDICT else f"{clause.policy} {clause.version}"
    title = f"{name}, rule {clause.rule}"
    yield ""
    yield f"{' ' * _INDENT}[bold]{escape(title)}[/]  [{LOOKS.get(finding.level, 'bold')}]{finding.level}[/]"
    yield from _field("seen", finding.text, width, style="bold")
    yield from _labelled("where", _places(finding.where for finding in several))
    yield from _field("why", clause.why, width)
    if clause.source is not None:
        yield from _field("source", clause.source.title, width)
        if clause.source.url:
            yield from _field("", clause.source.url, width)
    line = command(finding)
    if line:
        yield from _labelled("reproduce", _continued(line, width - _INDENT - _LABEL))
    remedy = remedy_of(clause)
    if not remedy:
        return
    before = mended.setdefault(remedy, title)
    if before != title:
        yield from _field("mend", f"as for {before}, above", width)
        return
    for server, text in remedy:
        yield from _labelled(server, [line for given in text.splitlines() for line in _remedy(given, width - _INDENT - _LABEL)])


def _places(where: Iterable[str]) -> list[str]:
    places = list(dict.fromkeys(where))
    return places[:_PLACES] + ([f"and {len(places) - _PLACES} more"] if len(places) > _PLACES else [])


def _gap_lines(grade: Grade, width: int) -> Iterator[str]:
    """Yield what a grade lacks, if it lacks anything: what lacks the same for the same reason is told together."""
    if not grade.missing:
        return
    yield ""
    yield f"{' ' * _INDENT}[bold]{escape(grade.policy)} {escape(grade.version)}[/]  [magenta]{no_grade(grade)}[/]"
    alike: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for gap in grade.missing:
        reason = f"{gap.unknown.cause.value} at {gap.unknown.stage.value}" + (f": {gap.unknown.detail}" if gap.unknown.detail else "")
        alike.setdefault((gap.facts, reason), []).append(gap.where)
    for (names, reason), places in alike.items():
        yield from _field("missing", ", ".join(names), width)
        yield from _labelled("where", _places(places))
        yield from _field("because", reason, width)


def no_grade(grade: Grade) -> str:
    """Return in words that a policy gives no grade, and of how much of what it needs something is known."""
    return "no grade" if grade.coverage == 1 else f"no grade, {int(grade.coverage * 100)}% known"


def _field(label: str, text: str, width: int, style: str = "") -> Iterator[str]:
    yield from _labelled(label, _wrapped(text, width - _INDENT - _LABEL), style)


def _labelled(label: str, lines: Sequence[str], style: str = "") -> Iterator[str]:
    for number, line in enumerate(lines):
        shown = f"[{style or 'none'}]{escape(line)}[/]"  # a tag must follow: escape() doubles a backslash at the end for its sake
        yield f"{' ' * (_INDENT + 2)}[dim]{label if number == 0 else '':<{_LABEL}}[/]{shown}"


def _wrapped(text: str, width: int, ahead: str = "") -> list[str]:
    """Return text in lines, each with something ahead of it; no word is broken."""
    return wrap(text, max(20, width - 2), initial_indent=ahead, subsequent_indent=ahead, break_long_words=False, break_on_hyphens=False)


def _remedy(line: str, width: int) -> list[str]:
    """Return a line of a remedy: a remark in lines that fit, and a setting, which may be pasted, as it stands."""
    return _wrapped(line.removeprefix("# "), width, "# ") if line.startswith("# ") else [line]


def _continued(line: str, width: int) -> list[str]:
    """Return a command line in lines that can be pasted as they stand: a backslash ends each but the last."""
    words = [shlex.quote(word) for word in shlex.split(line)]
    units: list[str] = []
    for word in words:
        # An option stays with what it takes.
        if units and units[-1].startswith("-") and " " not in units[-1] and not word.startswith("-"):
            units[-1] += f" {word}"
        else:
            units.append(word)
    lines = [units[0]]
    for unit in units[1:]:
        if len(lines[-1]) + len(unit) + 5 <= width:
            lines[-1] += f" {unit}"
        else:
            lines.append(f"  {unit}")
    return [f"{part} \\" for part in lines[:-1]] + lines[-1:]
