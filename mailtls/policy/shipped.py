"""The policies that ship: data beside this module, read once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mailtls.policy.grammar import NoSuchPolicy, read_policy
from mailtls.policy.paths import nearest
from mailtls.policy.reader import shown
from mailtls.policy.telling import read_data
from mailtls.yamltext import BadConfiguration, parse, quickly

if TYPE_CHECKING:
    from mailtls.policy.rules import Policy

VERDICT = "verdict"
"""The name of the policy that says what a domain is called."""
NAMES = ("rfc9325", "ncsc-nl-2025", "mozilla-6.0-intermediate", "mozilla-6.0-modern", "pledge-2013")
"""Of those that domains can be graded by."""


@cache
def shipped(name: str) -> Policy:
    """Return a policy that ships.

    Raises:
        NoSuchPolicy: none is called so.

    """
    if name not in (*NAMES, VERDICT):
        raise NoSuchPolicy(f"no policy that ships is called {shown(name)}{nearest(name, NAMES)}")
    file = f"{name}.yaml"
    text = read_data(f"data/{file}")
    try:
        return read_policy(quickly(text), None, file, shipped, shipped=True)
    except BadConfiguration:
        return read_policy(*parse(text, file), file, shipped, shipped=True)  # raises it again, with its lines
