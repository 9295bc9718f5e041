"""Containerfiles, read as far as ours goes: instructions with their words, arguments put in, step by step."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATH = ROOT / "deploy/container/Containerfile"
UNBOUND = ROOT / "deploy/compose/unbound/Containerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its name, and what follows as it stands there."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words, of the form with brackets or of the plain one."""
        found: list[str] = json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)
        return found


@dataclass(frozen=True, slots=True)
class Step:
    """What follows a FROM: on what it stands, its name or nothing, and the rest."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[Instruction]:
        """Return the instructions of one kind."""
        return [each for each in self.instructions if each.name == name]

    def last(self, name: str) -> Instruction:
        """Return the instruction of that kind which counts."""
        return self.all(name)[-1]


def instructions(text: str) -> list[Instruction]:
    """Return what a file says, line by line."""
    kept = "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    lines = re.sub(r"\\\n", " ", kept).splitlines()
    return [Instruction(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def steps(path: Path = PATH) -> list[Step]:
    """Return the steps of a Containerfile, by default of that which makes the image of mailtls."""
    found: list[Step] = []
    for each in instructions(path.read_text("utf-8")):
        if each.name == "FROM":
            base, _, name = each.text.partition(" AS ")
            found.append(Step(base, name, ()))
        elif found:
            last = found.pop()
            found.append(Step(last.base, last.name, (*last.instructions, each)))
    return found
