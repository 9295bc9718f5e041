"""How many examples hypothesis makes up: a quarter in `make unit`, all of them with `PROFILE=thorough make unit`, as what lands is tested."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

settings.register_profile("thorough", max_examples=100, deadline=None)
settings.register_profile("fast", settings.get_profile("thorough"), max_examples=25)


def examples(thorough: int, **more: Any) -> settings:
    """Return settings with so many examples where the profile is thorough, and fewer in proportion where it is not."""
    profile = settings()
    return settings(profile, max_examples=thorough * profile.max_examples // 100, **more)
