"""The history of a domain for a person at a terminal: its states and changes, the oldest first; domain, then MX host, then address."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from rich.markup import escape

from mailtls import facts
from mailtls.model import Level
from mailtls.readable import readable
from mailtls.show.explain import LOOKS
from mailtls.show.history_values import cut, difference, shown_state
from mailtls.tracking.history import ABSENT, CONCLUSIVE
from mailtls.tracking.standing import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mailtls.policy.past import PastGrade
    from mailtls.tracking.changes import Change, Subject
    from mailtls.tracking.held_back import HeldBack
    from mailtls.tracking.history import Run, State, Story
    from mailtls.tracking.standing import Sighting

_FACTS = {fact.name: fact for fact in facts.ALL}
_ESSENTIAL = frozenset({"mx_records", "certificates", "starttls_offered", *(fact.name for fact in facts.ALL if fact.checks)})
_MOMENT = "%Y-%m-%d %H:%M"
_NARROWEST = 60
_LEAST_OF_A_VALUE = 24
_WIDE = 90
"""Columns for a fact and its values from which each has a column of its own."""
_EVIDENCE = 10
"""Digits of a name of evidence that are shown; enough to find it by."""
_LOOKS = {
    Event.CONFIRMED: "bold red", Event.WORSENED: "bold red", Event.RECOVERED: "bold green", Event.ACCEPTED: "yellow",
    Event.OUTAGE: "magenta", Event.FLAPPING: "yellow",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Line:
    """One thing that happened.

    Args:
        at: when.
        first: lines are sorted by it where they are of one moment.
        texts: lines of markup, the first of which stands beside the time.

    """

    at: datetime
    first: int
    texts: tuple[str, ...]


def history_lines(
    domain: str, stories: Sequence[Story], grades: Mapping[str, Sequence[PastGrade]], policy: str, width: int, *, everything: bool
) -> Iterator[str]:
    """Yield the lines of a history, in rich's markup; everything from the wire is escaped.

    Args:
        domain: whose.
        stories: what is known of it, and of its hosts and addresses.
        grades: by another policy, if one was asked for: by vantage.
        policy: its name; empty for none.
        width: of the terminal.
        everything: also the first reading of each fact that cannot regress.

    """
    vantages = sorted({story.vantage for story in stories})
    for number, vantage in enumerate(vantages):
        if number:
            yield ""
        yield f"[bold]{escape(domain)}[/]  as seen from [bold]{escape(readable(vantage, 80))}[/]; times are UTC"
        if policy:
            yield ""
            yield from _grade_lines(policy, grades.get(vantage, ()), max(width, _NARROWEST))
        those = [story for story in stories if story.vantage == vantage]
        ordered = sorted(those, key=_place)
        for host, of_host in groupby(ordered, key=lambda story: story.subject.host):
            yield ""
            yield f"[bold]{escape(host)}[/]" if host else "[bold]the domain itself[/]"
            for story in of_host:
                if story.subject.family:
                    yield f"  [bold]{escape(story.subject.address or f'{story.subject.family}, the weakest of its addresses')}[/]"
                yield from _story_lines(story, max(width, _NARROWEST), everything=everything)


def _place(story: Story) -> tuple[str, bool, Subject]:
    return story.subject.host, not story.subject.domain, story.subject


def _story_lines(story: Story, width: int, *, everything: bool) -> Iterator[str]:
    indent = 4 if story.subject.family else 2
    room = width - indent - 18
    lines = [
        *_state_lines(story.states, room, everything=everything),
        *(_change_line(each) for each in story.changes if everything or _is_news(each, story)),
    ]
    lines += [_held_line(check, each.baseline, each.held_back) for check, each in story.held_back.items()]
    lines += [line for purpose, runs in story.runs.items() for line in _run_lines(purpose, runs, room)]
    shown: datetime | None = None
    for line in sorted(lines, key=lambda line: (line.at, line.first)):
        moment = f"{line.at:{_MOMENT}}"
        for text in line.texts:
            ahead = " " * len(moment) if line.at == shown else f"[dim]{moment}[/]"
            yield f"{' ' * indent}{ahead}  {text}"
            shown = line.at
    yield from (f"{' ' * indent}{line}" for line in _summary_lines(story))


def _state_lines(states: Sequence[State], room: int, *, everything: bool) -> Iterator[_Line]:
    """Yield what states began with, and how they changed; for each moment also what was read to see that."""
    before: dict[str, State] = {}
    applied: dict[str, State] = {}
    kept: dict[datetime, list[str]] = {}
    less: dict[datetime, Counter[str]] = {}
    for state in states:
        was = before.get(state.fact)
        before[state.fact] = state
        counted = less.setdefault(state.first_seen, Counter())
        if was is None:
            if not everything and state.value == ABSENT:
                counted["{} do not apply"] += 1
            elif everything or state.fact in _ESSENTIAL:
                yield _Line(state.first_seen, 0, _value_texts(state, room))
            else:
                counted["{} more seen first"] += 1
        else:
            kept[state.first_seen] = [name[:_EVIDENCE] for name in (was.last_evidence, state.evidence) if name]
            last = applied.get(state.fact)
            if not everything and state.value == ABSENT:
                counted["{} do not apply any more"] += 1
            elif not everything and was.value == ABSENT and last is not None and last.value == state.value:
                counted["{} apply again, as they were"] += 1
            else:
                yield _Line(
                    state.first_seen,
                    1,
                    _change_texts(last if last is not None and was.value == ABSENT and not everything else was, state, room),
                )
        if state.value != ABSENT:
            applied[state.fact] = state
    for at, counted in less.items():
        if counted:
            said = "; ".join(text.format(count) for text, count in sorted(counted.items(), reverse=True))
            yield _Line(at, 2, (f"[dim]facts: {said} (--all)[/]",))
    for at, names in kept.items():
        words = ("before: ", "then: ") if len(names) > 1 else ("",)
        yield _Line(at, 3, (f"[dim]evidence {', '.join(word + name for word, name in zip(words, names, strict=True))}[/]",))


def _value_texts(state: State, room: int) -> tuple[str, ...]:
    name = _name(state.fact, room)
    return (f"[dim]{name}[/]{escape(cut(shown_state(state), max(_LEAST_OF_A_VALUE, room - len(name))))}",)


def _change_texts(was: State, state: State, room: int) -> tuple[str, ...]:
    name = _name(state.fact, room)
    old, new = difference(was, state)
    if old and new and len(name) + len(old) + len(new) + 4 <= room:
        return (f"[bold]{name}[/]{escape(old)} -> {escape(new)}",)
    signs = [f"  {sign} {escape(cut(text, room - 4))}" for sign, text in (("-", old), ("+", new)) if text]
    return (f"[bold]{name.strip()}[/]", *signs)


def _name(fact: str, room: int) -> str:
    """Return the name of a fact with room behind it: in a column of its own, where the terminal is wide."""
    return f"{fact:<28}" if room >= _WIDE else f"{fact}  "


def _is_news(change: Change, story: Story) -> bool:
    """Whether a change is worth a line: not what was seen first, not what is only being counted, and nothing twice."""
    if change.event in (Event.CANDIDATE, Event.DISMISSED) or (change.event is Event.IMPROVED and change.before is None):
        return False
    together = {(each.check, each.event) for each in story.changes if not each.vantage}
    return not change.vantage or (change.check, change.event) not in together


def _change_line(change: Change) -> _Line:
    style = _LOOKS.get(change.event, "")
    said = f"[{style}]{change.event.value}[/]" if style else change.event.value
    text = said if change.check == change.event.value else f"{said} {escape(change.check)}"
    if change.before is not None and change.after is not None:
        text += f": {escape(readable(change.before.shown, 200))} -> {escape(readable(change.after.shown, 200))}"
    if change.attribution is not None:
        text += f" [dim]({change.attribution.value})[/]"
    more = [f"because: {escape(readable(change.why, 1000))}"] if change.why else []
    more += [f"in the maintenance window {escape(readable(change.muted, 200))}"] if change.muted else []
    return _Line(change.at, 4, (text, *(f"  {each}" for each in more)))


def _held_line(check: str, baseline: Sighting | None, held: HeldBack | None) -> _Line:
    assert baseline is not None
    assert held is not None
    shown = f"{escape(readable(baseline.shown, 200))} -> {escape(readable(held.latest.shown, 200))}"
    text = f"[yellow]held back[/] {escape(check)}: {shown} [dim](local)[/]"
    return _Line(held.first.at, 5, (text, "  because: many unrelated operators seem to have lost it at once: it is ours"))


def _run_lines(purpose: str, runs: Iterable[Run], room: int) -> Iterator[_Line]:
    """Yield a line for each run of visits that could not decide."""
    things = ("look", "looks") if purpose == "look" else (f"{purpose} visit", f"{purpose} visits")
    for run in runs:
        if run.outcome == CONCLUSIVE:
            continue
        until = f"{run.last:%H:%M}" if run.last.date() == run.first.date() else f"{run.last:{_MOMENT}}"
        said = f"a {things[0]} could not decide" if run.count == 1 else f"to {until}: {run.count} {things[1]} could not decide"
        why = readable(run.outcome, 200)
        if len(said) + len(why) + 4 <= room:
            yield _Line(run.first, 5, (f"[magenta]?[/] {said}: {escape(why)}",))
        else:
            yield _Line(run.first, 5, (f"[magenta]?[/] {said}:", f"  {escape(cut(why, room - 2))}"))


def _summary_lines(story: Story) -> Iterator[str]:
    """Yield how many visits there were, and how those of days long gone ended where they did not all go well."""
    for day, counted in sorted(story.days.items()):
        bad = {outcome: count for outcome, count in counted.items() if outcome != CONCLUSIVE}
        if bad:
            causes = ", ".join(f"{escape(readable(outcome, 200))} ({count})" for outcome, count in bad.items())
            yield f"[dim]{day}[/]        [magenta]?[/] {sum(bad.values())} of {sum(counted.values())} could not decide: {causes}"
    counts = Counter[bool]()
    for runs in story.runs.values():
        for run in runs:
            counts[run.outcome == CONCLUSIVE] += run.count
    for counted in story.days.values():
        for outcome, count in counted.items():
            counts[outcome == CONCLUSIVE] += count
    last = max((state.last_seen for state in story.states), default=None)
    if last is not None:
        said = f"last seen {last:{_MOMENT}}"
        if counts.total():
            what = "looks" if story.subject.domain else "visits"
            said += f"; {counts[True]} of {counts.total()} {what} could decide"
        yield f"[dim]{said}[/]"


def _grade_lines(policy: str, grades: Sequence[PastGrade], width: int) -> Iterator[str]:
    """Yield the grade over time as a policy would have had it."""
    yield f"[bold]grade by {escape(policy)}[/], as the readings of the time would have had it"
    if not grades:
        yield "  nothing is known of it"
    for past in grades:
        grade = past.grade
        if grade.level is not None:
            said = f"[{LOOKS[grade.level.value]}]{grade.level.value}[/]"
        elif grade.missing:
            said = f"[magenta]no grade, {grade.coverage:.0%} known[/]"
        else:
            said = "[dim]nothing in it applies[/]"
        broken = list(dict.fromkeys(finding.clause.rule for finding in grade.findings if finding.clause is not None))
        short = f"  falls short: {', '.join(broken)}" if broken and grade.level is not Level.GOOD else ""
        yield f"  [dim]{past.at:{_MOMENT}}[/]  {said}{escape(cut(short, width - 42))}"
