"""Options and errors that several commands share."""

from __future__ import annotations

import getpass
import math
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handler.cli.configuration.environment import configuration
from handler.cli.console import exit_with_error
from handler.cli.entry import WRITE_ERRORS
from handler.cli.listing import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


def _named(address: str | None) -> str:
    if not address:
        raise click.UsageError("no log named: use --audit or set NIGHTDROP_AUDIT")
    return address


class SettingOption(click.Option):
    """An option that a setting may give instead: the variable that `envvar` names."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the setting's value.

        Raises:
            SettingsError: The env file or nightdrop.toml is invalid.
        """
        if ctx.resilient_parsing:  # for tab completion, which prints no errors
            return None
        return configuration(ctx).environ.get(str(self.envvar)) or None


audit_option = click.option(
    "--audit",
    "address",
    cls=SettingOption,
    envvar="NIGHTDROP_AUDIT",
    callback=lambda _context, _option, address: _named(address),
    help="Where the log is, such as sqlite:///nightdrop.db.  [NIGHTDROP_AUDIT]",
)

policy_option = click.option(
    "--policy",
    "address",
    default="",
    cls=SettingOption,
    envvar="NIGHTDROP_POLICY",
    metavar="FILE",
    help="The policy: a path, obs://bucket/key, or built-in.  [NIGHTDROP_POLICY]",
)


FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class NumberRange(click.FloatRange):
    """A number in a range; NaN is an error, too."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number.

        Raises:
            click.BadParameter: It is out of range or NaN.
        """
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a number in the range {self._describe_range()}.", param, ctx)
        return number


def format_choice(*formats: str) -> Callable[[F], F]:
    """Return the option `-o`, passed as `output`; the first format is the default."""
    return click.option(
        *("-o", "--format", "output"),
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="The format of the output.",
    )


format_option = format_choice(*FORMATS)
"""`-o` of a list that `print_rows` prints."""


def operator() -> Mapping[str, str]:
    """Return whoever runs the command, as records name an actor."""
    return {"kind": "operator", "name": getpass.getuser()}


MALFORMED_RECORD_ERRORS = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
"""Errors of reading a record that Nightdrop did not write."""


_DAMAGED = (
    "the log is not Nightdrop's, is damaged, or was never finished because its disk was full; name "
    "another file, run the function once more, or see `nightdrop audit verify`"
)


def confirm(question: str) -> None:
    """Return if the answer is yes; exit with status 1 if it is no, 2 if there is no input."""
    try:
        if click.confirm(question):
            return
    except (click.Abort, RuntimeError) as error:
        # Ctrl-C aborts, too. Python raises RuntimeError if standard input was closed.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise
        click.echo(err=True)
        exit_with_error(
            "nothing was done: there is no answer on standard input; use --yes to skip the question"
        )
    sys.exit(1)


def write_files(folder: Path, texts: Mapping[str, str], *, yes: bool) -> None:
    """Write texts into a folder; a file with other content is replaced after a question, or `yes`.

    All questions come before the first file is written. Prints a line per file. Exits with status 1
    if an answer is no, 2 if a file or folder cannot be used.

    Raises:
        OSError: Nothing can be written, as on a full disk.
    """
    path = folder
    try:
        wanted = {folder / name: text for name, text in texts.items()}
        same = {path for path, text in wanted.items() if _has(path, text)}
        for path in wanted:
            if path.exists() and path not in same and not yes:
                confirm(f"{path} exists. Replace it?")
        for path, text in wanted.items():
            if path in same:
                click.echo(f"{path} is up to date")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, text)
            click.echo(f"{path} written")
    except OSError as error:
        error.filename = path
        if error.errno in WRITE_ERRORS:
            raise
        exit_with_error(f"{path} cannot be written: {error.strerror}")


def _has(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def exit_on_log_error() -> Iterator[None]:
    """Print an error and exit with status 2 if the log cannot be read."""
    import sqlite3

    from handler.audit.sql.sqlite_reading import is_damage

    try:
        yield
    except sqlite3.DatabaseError as error:
        exit_with_error(_DAMAGED if is_damage(error) else f"the audit log cannot be read: {error}")
    except MALFORMED_RECORD_ERRORS:
        exit_with_error(_DAMAGED)
    except LookupError as error:
        exit_with_error(str(error.args[0]))
