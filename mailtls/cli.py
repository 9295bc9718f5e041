"""The command line: which commands there are. Each is a file in ``commands/``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mailtls import __version__
from mailtls.commands import accept, check, config, demo, doctor, history, publish, run, verify
from mailtls.commands.plain import PlainCommand
from mailtls.streams import end_with

app = typer.Typer(
    name="mailtls",
    help="Checks whether mail providers keep their promise of encrypted delivery. Silence is never a verdict.",
    epilog="Each command's --help says what its exit status means.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)
config_app = typer.Typer(help="Check a configuration file, or print its schema.", no_args_is_help=True, rich_markup_mode=None)

app.command(cls=PlainCommand, epilog=check.ENDS)(check.check)
app.command(cls=PlainCommand, epilog=run.ENDS)(run.run)
app.command(cls=PlainCommand, epilog=history.ENDS)(history.history)
app.command(cls=PlainCommand, epilog=publish.ENDS)(publish.publish)
app.command(cls=PlainCommand, epilog=verify.ENDS)(verify.verify)
app.command(cls=PlainCommand, epilog=accept.ENDS)(accept.accept)
app.command(cls=PlainCommand, epilog=demo.ENDS)(demo.demo)
app.command(cls=PlainCommand, epilog=doctor.ENDS)(doctor.doctor)
app.add_typer(config_app, name="config")
config_app.command("check", cls=PlainCommand, epilog=config.CHECK_ENDS)(config.config_check)
config_app.command("schema", cls=PlainCommand, epilog=config.SCHEMA_ENDS)(config.config_schema)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"mailtls {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    _shown: Annotated[
        bool, typer.Option("--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    sys.exit(end_with(app))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
