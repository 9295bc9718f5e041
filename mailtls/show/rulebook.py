"""The page of policies: every rule of every policy that ships, what it asks for and why, written from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mailtls.policy.shipped import NAMES, VERDICT, shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mailtls.model import Source
    from mailtls.policy.rules import Policy, Rule

_MANY = 8
_BOUNDS = {"at_least": "at least ", "at_most": "at most "}
_MATCHERS = {"each": ", each:", "includes": " has:", "value": ":", "at_least": ":", "at_most": ":"}
_INTRODUCTION = """\
A domain is graded by each policy that the configuration names (`policies`), side by side: they disagree, and none of them is *the* grade.
The level of a grade is the worst that was measured by any rule at any endpoint, MX host or domain that the rule applies to:

- `good` and `sufficient` meet the policy, `phase-out` and `insufficient` fall short;
- what is known and in no list is insufficient, unless the rule says otherwise;
- what is unknown is not graded, and then there is **no grade**: it says how much is known (coverage) and what is missing;
- what is absent (no TLS, so no certificate) does not apply, unless the rule says otherwise.

Which share of its rules a domain meets is the metric `mailtls_domain_grade`. [How to write your own](writing-policies.md); what the facts
mean is in [facts](facts.md). `mailtls check DOMAIN --explain` tells each finding with the way to see it yourself, and to mend it."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a rule is written down; whatever comes out of a policy passes through one of these.

    Args:
        code: writes what stands in the policy as it is.
        level: writes a level.
        folded: writes a long list, which has so many entries, so that it need not be read.

    """

    code: Callable[[str], str]
    level: Callable[[str], str]
    folded: Callable[[int, str], str]


MARKDOWN = Style("`{}`".format, "**{}**".format, "<details><summary>{} of them</summary>{}</details>".format)


def rulebook(note: str) -> str:
    """Return docs/policies.md.

    Args:
        note: a remark that the page is generated.

    """
    parts = [_policy(shipped(name)) for name in (*NAMES, VERDICT)]
    return f"# Policies\n\n{note}\n{_INTRODUCTION}\n{''.join(parts)}"


def _policy(policy: Policy) -> str:
    head = f"\n## {policy.name}\n\n{policy.title}. Version {policy.version}."
    if policy.source is not None:
        head += f" Source: {_link(policy.source)}."
    if policy.about:
        head += f"\n\n{policy.about}"
    rows = "".join(f"| {' | '.join(_row(rule, policy))} |\n" for rule in policy.rules)
    return f"{head}\n\n| Rule | What it says | Why | Source |\n| --- | --- | --- | --- |\n{rows}"


def _row(rule: Rule, policy: Policy) -> tuple[str, str, str, str]:
    source = rule.clause.source
    return f"`{rule.id}`", rule_in_words(rule, policy, MARKDOWN), rule.clause.why, "-" if source is None else _link(source)


def _link(source: Source) -> str:
    return f"[{source.title}]({source.url})" if source.url else source.title


def rule_in_words(rule: Rule, policy: Policy, style: Style) -> str:
    """Return what a rule asks for, as it was written."""
    guards = rule.written.get("when", [])
    said = [_condition(guard, policy, "", style) for guard in (guards if isinstance(guards, list) else [guards])]
    when = f"When {' and '.join(said)}: " if said else ""
    return when + _condition(rule.written, policy, policy.scale.levels[policy.scale.otherwise], style)


def _condition(written: Mapping[str, Any], policy: Policy, otherwise: str, style: Style) -> str:
    """Return a condition in words, as it was written.

    Args:
        written: it.
        policy: whose levels it speaks in.
        otherwise: the level of what is in no list; empty where it has no levels, and only holds or not.
        style: how it is written down.

    """
    for tree, words in (("any_of", "the best of"), ("all_of", "the worst of")):
        if tree in written:
            return f"{words}: {'; '.join(f'({n}) {_condition(one, policy, otherwise, style)}' for n, one in enumerate(written[tree], 1))}"
    matcher = next(matcher for matcher in _MATCHERS if matcher in written)
    told = style.code(written["fact"])
    if "where" in written:
        told += f" where {' and '.join(f'{style.code(field)} is {_words(wanted, style)}' for field, wanted in written['where'].items())}"
    if not otherwise:
        return f"{told} {'has' if matcher == 'includes' else 'is'} {_BOUNDS.get(matcher, '')}{_words(written[matcher], style)}"
    told += _MATCHERS[matcher]
    levels = [f"{style.level(level)} {_BOUNDS.get(matcher, '')}{_words(wanted, style)}" for level, wanted in written[matcher].items()]
    told += f" {'; '.join(levels)}"
    if not _is_exhaustive(written[matcher]):
        told += f"; else {style.level(written.get('otherwise', otherwise))}"
    return told + "".join(_remarks(written, style))


def _remarks(written: Mapping[str, Any], style: Style) -> Iterator[str]:
    if written.get("absent") == "unknown":
        yield "; what does not apply vouches for nothing"
    elif "absent" in written:
        yield f"; {style.level(written['absent'])} where it does not apply"
    if written.get("required") is False:
        yield "; it need not be known"


def _is_exhaustive(levels: Mapping[str, Any]) -> bool:
    """Whether levels name all that there can be: true and false, or a pattern of everything."""
    values = [word for wanted in levels.values() for word in (wanted if isinstance(wanted, list) else [wanted])]
    return {True, False} <= {word for word in values if isinstance(word, bool)} or "*" in values


def _words(wanted: Any, style: Style) -> str:
    if not isinstance(wanted, list):
        return _word(wanted, style)
    told = ", ".join(_word(word, style) for word in wanted)
    return told if len(wanted) <= _MANY else style.folded(len(wanted), told)


def _word(word: Any, style: Style) -> str:
    if word == "*":
        return "any"
    return {True: "true", False: "false"}[word] if isinstance(word, bool) else style.code(word) if isinstance(word, str) else str(word)
