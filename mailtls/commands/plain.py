"""A command whose usage and help name its arguments as one writes them, whatever the version of typer makes of their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperCommand

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter


class PlainCommand(TyperCommand):
    """``DOMAIN...`` in usage and help, and mistakes in our own words."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the arguments; what is wrong is said without the words of the library that found it."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """Return the words of the usage line."""
        arguments = [param for param in self.get_params(ctx) if isinstance(param, TyperArgument)]
        return [self.options_metavar or "", *(_named(argument) if argument.required else f"[{_named(argument)}]" for argument in arguments)]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the lists of arguments and options."""
        arguments, options = [], []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, TyperArgument):
                arguments.append((_named(param), record[1].removesuffix("[required]").rstrip()))
            elif record is not None:
                options.append(record)
        for title, records in (("Arguments", arguments), ("Options", options)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _named(argument: Any) -> str:
    return f"{argument.metavar}{'' if argument.nargs == 1 else '...'}"
