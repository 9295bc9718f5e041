"""mailtls checks, all the time, whether mail providers keep their promise of encrypted delivery."""

from importlib.metadata import version

__version__ = version("mailtls")
