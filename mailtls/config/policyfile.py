"""Policies by the names under which a configuration has them: one that ships, or a file of the operator's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.config import yamlfile
from mailtls.policy.grammar import NoSuchPolicy, read_policy
from mailtls.policy.shipped import NAMES, VERDICT, shipped
from mailtls.yamltext import BadConfiguration, locate

if TYPE_CHECKING:
    from pathlib import Path

    from mailtls.policy.rules import Policy

_MOST_BASES = 10


def is_file(name: str) -> bool:
    """Whether a name means a file: it ends in ``.yaml`` or ``.yml``, or has a slash in it."""
    return name.endswith((".yaml", ".yml")) or "/" in name


def find_policy(name: str, beside: Path, because: str = "") -> Policy:
    """Return a policy.

    Args:
        name: of one that ships, or the path of a file.
        beside: the directory from which such a path goes.
        because: the place that named it; it goes before the mistake where there is no such policy, or the file cannot be read.

    Raises:
        BadConfiguration: there is none, or it is wrong.

    """
    if is_file(name):
        return _own(beside / name, because, ())
    try:
        return _graded(name)
    except NoSuchPolicy as error:
        raise BadConfiguration([f"{because}{error}{'' if str(error).endswith('?') else ';'} a file of your own ends in .yaml"]) from error


def _graded(name: str) -> Policy:
    if name == VERDICT:
        raise NoSuchPolicy("the verdict is given to every domain, and is no policy to grade by")
    return shipped(name)


def _own(path: Path, because: str, through: tuple[Path, ...]) -> Policy:
    source, nodes = yamlfile.read(path, because)

    def base(name: str) -> Policy:
        if not is_file(name):
            return _graded(name)
        further = path.parent / name
        if further in (*through, path) or len(through) >= _MOST_BASES:
            raise NoSuchPolicy(f"{further} extends itself, by way of others or at once")
        try:
            return _own(further, "", (*through, path))
        except BadConfiguration as error:
            raise NoSuchPolicy(error.mistakes[0]) from error

    policy = read_policy(source, nodes, str(path), base)
    if policy.name in (*NAMES, VERDICT):
        line = locate(nodes, ["name"])[0]
        raise BadConfiguration([f"{path}:{line}: name: a policy that ships is called {policy.name}; give yours a name of its own"])
    return policy
