"""The command line: which commands there are. Each is a file in ``commands/``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mailtls import __version__
from mailtls.commands import accept, check, config, demo, doctor, history, run
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

app.command(epilog=check.ENDS)(check.check)
app.command(epilog=run.ENDS)(run.run)
app.command(epilog=history.ENDS)(history.history)
app.command(epilog=accept.ENDS)(accept.accept)
app.command(epilog=demo.ENDS)(demo.demo)
app.command(epilog=doctor.ENDS)(doctor.doctor)
app.add_typer(config_app, name="config")
config_app.command("check", epilog=config.CHECK_ENDS)(config.config_check)
config_app.command("schema", epilog=config.SCHEMA_ENDS)(config.config_schema)


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
