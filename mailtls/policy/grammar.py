"""The grammar of a policy: from parsed YAML to rules. Whatever names what is not there is refused, with its line and the nearest right name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mailtls.model import Clause, Source
from mailtls.policy.forms import Forms
from mailtls.policy.paths import BadPath, nearest, read_path
from mailtls.policy.reader import Reader, shown
from mailtls.policy.rules import GRADES, VERDICTS, Policy, Rule
from mailtls.policy.telling import PLACEHOLDERS, commands, placeholders, remedies

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.policy.reader import Keys
    from mailtls.yamltext import Nodes

_POLICY_KEYS = ("name", "version", "title", "about", "source", "extends", "drop", "rules")
_SHIPPED_KEYS = ("scale", "meanings")
_SOURCE_KEYS = ("title", "url", "section_url")
_RULE_KEYS = ("id", "why", "section", "url", "code", "says", "told_by", "mend", "reproduce", "when")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,59}")


class NoSuchPolicy(ValueError):  # noqa: N818 - it says what is wrong with a name
    """No policy is called so; the message says what may have been meant."""


def read_policy(
    source: dict[str, Any], nodes: Nodes, name: str, base: Callable[[str], Policy], *, shipped: bool = False
) -> Policy:
    """Read a policy.

    Args:
        source: the parsed file.
        nodes: its nodes, with their positions.
        name: of the file; each mistake begins with it.
        base: finds the policy that this one extends; raises ``NoSuchPolicy``.
        shipped: whether it is one of ours, which may have a scale of its own.

    Raises:
        BadConfiguration: with one line for each mistake.

    """
    return _PolicyReader(Reader(name, nodes), base, shipped=shipped).policy(source)


class _PolicyReader:
    def __init__(self, reader: Reader, base: Callable[[str], Policy], *, shipped: bool) -> None:
        self._reader = reader
        self._base = base
        self._shipped = shipped

    def policy(self, source: dict[str, Any]) -> Policy:
        reader = self._reader
        known = (*_POLICY_KEYS, *_SHIPPED_KEYS) if self._shipped else _POLICY_KEYS
        keys = reader.mapping(source, [], known, ("name", "version") if "extends" in source else ("name", "version", "rules"))
        base = self._extended(keys)
        name, version = self._name(keys, "name", []), reader.text(keys, "version", [])
        cited = reader.mapping(keys["source"], ["source"], _SOURCE_KEYS, ("title",)) if "source" in keys else {}
        scale = VERDICTS if keys.get("scale") == "verdict" else GRADES
        own = Policy(
            name=name,
            version=version,
            title=reader.text(keys, "title", [], base.title if base else name),
            source=self._source(cited) or (base.source if base else None),
            section_url=reader.text(cited, "section_url", ["source"], base.section_url if base and not cited else ""),
            scale=scale,
            rules=(),
            meanings=keys.get("meanings", {}),
            about=reader.text(keys, "about", []),
        )
        rules = self._inherited(base, own, keys)
        seen: set[str] = set()
        for value, place in reader.elements(keys.get("rules", []), ["rules"]):
            rule = self._rule(value, place, own)
            if rule is None:
                continue
            if rule.id in seen:
                reader.wrong([*place, "id"], f"a second rule is called {rule.id}")
            seen.add(rule.id)
            rules[rule.id] = rule
        if not rules and keys.get("rules") == []:
            reader.wrong(["rules"], "there is no rule")
        reader.finish()
        return replace(own, rules=tuple(rules.values()))

    def _extended(self, keys: dict[str, Any]) -> Policy | None:
        name = self._reader.text(keys, "extends", []) if "extends" in keys else ""
        try:
            return self._base(name) if name else None
        except NoSuchPolicy as error:
            self._reader.wrong(["extends"], str(error))
            return None

    def _inherited(self, base: Policy | None, own: Policy, keys: dict[str, Any]) -> dict[str, Rule]:
        rules = {rule.id: rule for rule in base.rules} if base else {}
        for wrong, place in self._reader.elements(keys.get("drop", []), ["drop"]):
            if wrong in rules:
                del rules[wrong]
            elif base is None and "extends" not in keys:
                self._reader.wrong(place, "this policy extends no other, so there is nothing to drop")
            elif base is not None:
                self._reader.wrong(place, f"{base.name} has no rule {shown(wrong)}{nearest(str(wrong), (rule.id for rule in base.rules))}")
        return {
            rule_id: replace(rule, clause=replace(rule.clause, policy=own.name, version=own.version)) for rule_id, rule in rules.items()
        }

    def _source(self, cited: dict[str, Any]) -> Source | None:
        title, url = (self._reader.text(cited, key, ["source"]) for key in ("title", "url"))
        return Source(title, url) if title else None

    def _name(self, mapping: dict[str, Any], key: str, keys: Keys) -> str:
        name = self._reader.text(mapping, key, keys)
        if key in mapping and isinstance(mapping[key], str) and not _NAME.fullmatch(name):
            self._reader.wrong([*keys, key], f"{shown(name)} is no name; it takes small letters, digits, hyphens and dots, 60 at most")
        return name

    def _rule(self, value: Any, place: Keys, own: Policy) -> Rule | None:
        reader = self._reader
        forms = Forms(reader, own.scale)
        before = reader.count
        keys = reader.mapping(value, place, (*_RULE_KEYS, *forms.keys), ("id", "why"))
        name = self._name(keys, "id", place)
        condition = forms.condition({key: keys[key] for key in forms.keys if key in keys}, place)
        when = forms.guards(keys["when"], [*place, "when"]) if "when" in keys else ()
        told_by = reader.text(keys, "told_by", place)
        if told_by:
            self._check_fact(told_by, [*place, "told_by"])
        clause = Clause(
            policy=own.name,
            version=own.version,
            rule=name,
            why=reader.text(keys, "why", place),
            source=self._section(keys, place, own),
            facts=condition.facts() if condition is not None else (),
            reproduce=self._reproduce(keys, place),
            mend=self._mend(keys, place),
        )
        code, says = reader.text(keys, "code", place, name), reader.text(keys, "says", place)
        if condition is None or reader.count > before:
            return None
        scope = max(one.scope for one in (condition, *when))
        return Rule(clause, code, condition, when, says, told_by, condition.first, scope, keys)

    def _check_fact(self, text: str, place: Keys) -> None:
        try:
            read_path(text)
        except BadPath as error:
            self._reader.wrong(place, str(error))

    def _section(self, keys: dict[str, Any], place: Keys, own: Policy) -> Source | None:
        section, url = (self._reader.text(keys, key, place) for key in ("section", "url"))
        if not section:
            return Source(own.source.title, url or own.source.url) if own.source and self._shipped else Source(url, url) if url else None
        title = f"{own.source.title}, {section}" if own.source else section
        number = section.removeprefix("section ")
        return Source(title, url or (own.section_url.replace("{section}", number) if own.section_url else own.source.url if own.source else ""))

    def _reproduce(self, keys: dict[str, Any], place: Keys) -> str | tuple[str, ...]:
        """Return what stands under ``reproduce``: the name of a command, or its words."""
        given = keys.get("reproduce", "")
        if isinstance(given, str):
            if given and not self._shipped and given not in commands():  # the names in ours are tested
                self._reader.wrong([*place, "reproduce"], f"there is no command {shown(given)}{nearest(given, commands())}")
            return given
        words = []
        for word, at in self._reader.elements(given, [*place, "reproduce"]):
            if not isinstance(word, str):
                self._reader.wrong(at, "each word of a command must be text; put it in quotes")
                continue
            for wrong in placeholders(word) - PLACEHOLDERS:
                self._reader.wrong(at, f"nothing is known as {{{wrong}}}{nearest(wrong, sorted(PLACEHOLDERS))}")
            words.append(word)
        return tuple(words)

    def _mend(self, keys: dict[str, Any], place: Keys) -> str:
        mend = self._reader.text(keys, "mend", place)
        if mend and not self._shipped and mend not in remedies():
            self._reader.wrong([*place, "mend"], f"there is no remedy {shown(mend)}{nearest(mend, remedies())}")
        return mend
