"""A policy that is wrong is refused with file, line and the nearest right name; one that extends another changes what it says it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from ground import endpoint, grade, policy

from mailtls.config.policyfile import find_policy
from mailtls.policy.rules import Policy
from mailtls.policy.shipped import shipped
from mailtls.yamltext import BadConfiguration

BAD = Path(__file__).parent / "bad"
PAGE = Path(__file__).parents[2] / "docs" / "writing-policies.md"


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_bad_policy_is_refused_with_the_message_that_stands_at_its_head(path: Path) -> None:
    expected = [line.removeprefix("# ") for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    with pytest.raises(BadConfiguration) as refused:
        find_policy(path.name, BAD)
    assert [mistake.replace(f"{BAD}/", "") for mistake in refused.value.mistakes] == expected


def test_every_mistake_is_told_in_the_order_of_the_lines() -> None:
    with pytest.raises(BadConfiguration) as refused:
        policy("- {id: A, fact: q, value: {goof: 1}}\n- {id: b, why: x, fact: dh_bits, at_least: {good: x}}\n")
    assert [mistake.split(":")[1] for mistake in refused.value.mistakes] == ["4", "4", "4", "5"]


def own(tmp_path: Path, text: str) -> Policy:
    (tmp_path / "own.yaml").write_text(text)
    return find_policy("own.yaml", tmp_path)


OWN = """\
name: own
version: "2"
extends: rfc9325
drop: [compression, tls-1.3]
rules:
  - id: finite-field
    fact: dh_bits
    at_least: {good: 4096}
    why: We want more.
  - {id: more, fact: post_quantum, value: {good: true}, why: We want this too.}
"""


def test_an_extension_adds_replaces_and_drops_by_id_and_speaks_in_its_own_name(tmp_path: Path) -> None:
    held, base = own(tmp_path, OWN), shipped("rfc9325")
    ids = [rule.id for rule in base.rules if rule.id not in ("compression", "tls-1.3")]
    assert [rule.id for rule in held.rules] == [*ids, "more"]
    assert {(rule.clause.policy, rule.clause.version) for rule in held.rules} == {("own", "2")}
    assert (held.source, held.title) == (base.source, base.title)
    replaced = next(rule for rule in held.rules if rule.id == "finite-field")
    assert replaced.clause.why == "We want more."
    assert replaced.clause.source is None
    assert next(rule for rule in held.rules if rule.id == "versions").clause.source is not None
    assert {rule.clause.policy for rule in base.rules} == {"rfc9325"}, "the base stays as it is"


def test_an_own_policy_may_extend_another_file_and_its_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "further").mkdir()
    (tmp_path / "further" / "third.yaml").write_text('name: third\nversion: "1"\nextends: ../own.yaml\ndrop: [more]\n')
    held = find_policy("further/third.yaml", tmp_path)
    assert "more" not in {rule.id for rule in held.rules}
    (tmp_path / "own.yaml").write_text(OWN.replace("dh_bits", "dh_bit"))
    with pytest.raises(BadConfiguration) as refused:
        find_policy("further/third.yaml", tmp_path)
    below = f"{tmp_path}/further/../own.yaml:7: rules[0].fact: no fact is called 'dh_bit'; did you mean dh_bits?"
    assert refused.value.mistakes == [f"{tmp_path}/further/third.yaml:3: extends: {below}"]


def test_files_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.yaml").write_text(f'name: {name}\nversion: "1"\nextends: ./{other}.yaml\n')
    with pytest.raises(BadConfiguration, match="extends itself"):
        find_policy("a.yaml", tmp_path)


def written_in_the_docs() -> str:
    blocks = PAGE.read_text("utf-8").split("\n\n")
    block = next(block for block in blocks if block.startswith("    name: "))
    return "\n".join(line.removeprefix("    ") for line in block.splitlines()) + "\n"


def test_the_ten_lines_in_the_documentation_are_a_policy_that_grades(tmp_path: Path) -> None:
    text = written_in_the_docs()
    assert len(text.splitlines()) == 10
    held = own(tmp_path, text)
    assert held.name == "partners"
    graded = grade(held, endpoint(tls_versions=["TLSv1.2"]))
    (finding,) = (finding for finding in graded.findings if finding.code == "tls-1.3")
    assert (finding.text, finding.level) == ("does not speak TLS 1.3, only TLSv1.2", "insufficient")
    assert "compression" not in {rule.id for rule in held.rules}
