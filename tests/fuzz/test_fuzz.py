"""Every parser of what strangers send has a fuzz target, and every target holds for its seeds and for what is made of them."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from examples import examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

import mailtls.readable
import mailtls.smtp
import mailtls.tls
import mailtls.trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("fuzz_*.py") if path.stem != "fuzz_seeds")
TARGETS = [importlib.import_module(name) for name in NAMES]
EXAMPLES = 300
FROM_THE_WIRE = {"wire", "octets", "der", "body", "chain", "presentation"}
"""How a parameter is named that holds bytes from a stranger, or his text."""
NO_GRAMMAR = {"mailtls.tls.wire"}
"""Modules whose functions take such bytes, and are the tools of parsers; their own tests take any bytes as well."""


@st.composite
def made_of(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Draw a seed, and change, drop, repeat or insert some of its octets; or draw any bytes."""
    if not draw(st.integers(0, 5)):
        return draw(st.binary(max_size=120))
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, min(len(data), 400)))
        match draw(st.integers(0, 4)):
            case 0:
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del data[place : place + draw(st.integers(1, 8))]
            case 2:
                data[place:place] = draw(st.binary(max_size=6))
            case 3:
                data[place:place] = data[place : place + draw(st.integers(1, 60))]
            case 4:
                del data[place:]
    return bytes(data)


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_a_target_holds_for_its_seeds_and_their_beginnings(target: ModuleType) -> None:
    seeds = target.seeds()
    assert seeds
    for seed in seeds:
        target.one(seed)
        target.one(seed[: len(seed) // 2])
    target.one(b"")


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_a_target_holds_for_what_is_made_of_its_seeds(target: ModuleType) -> None:
    @examples(EXAMPLES, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(made_of(target.seeds()))
    def run(data: bytes) -> None:
        target.one(data)

    run()


def parsers() -> Iterator[str]:
    """Yield every public function and method of the floor of TLS, SMTP and trust, and of what shows bytes, that takes what strangers send."""
    yield from _in_body(ast.parse(Path(mailtls.readable.__file__).read_text("utf-8")), mailtls.readable.__name__)
    for package in (mailtls.tls, mailtls.smtp, mailtls.trust):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name not in NO_GRAMMAR:
                source = Path(package.__path__[0], f"{module.name.rpartition('.')[2]}.py").read_text("utf-8")
                yield from _in_body(ast.parse(source), module.name)


def _in_body(scope: ast.Module | ast.ClassDef, name: str) -> Iterator[str]:
    for node in scope.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _in_body(node, f"{name}.{node.name}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            if any(a.arg in FROM_THE_WIRE and a.annotation is not None and re.search("bytes|str", ast.unparse(a.annotation)) for a in arguments):
                yield f"{name}.{node.name}"


def test_every_parser_of_bytes_from_the_wire_has_a_target() -> None:
    covered = {f"{function.__module__}.{function.__qualname__}" for target in TARGETS for function in target.COVERS}
    found = set(parsers())
    assert {"mailtls.tls.answer.AnswerReader.feed", "mailtls.smtp.reply.read_reply", "mailtls.tls.certificate.read_certificate"} <= found
    assert {"mailtls.trust.tlsa.parse_tlsa", "mailtls.trust.dane.vouch"} <= found
    assert found == covered


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_a_target_says_in_two_lines_what_it_holds(target: ModuleType) -> None:
    assert len((target.one.__doc__ or "").splitlines()) == 2
