"""mailtls checks, all the time, whether mail providers keep their promise of encrypted delivery."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """Return ``__version__``, looked up when it is asked for: finding it out takes longer than a hello and its answer."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import version  # noqa: PLC0415 - see above

    return version("mailtls")
