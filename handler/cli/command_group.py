"""A group of commands that are imported when they are used, so that the others cost no time."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from handler.errors import NightdropError
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Command(NamedTuple):
    """A command's module in `handler.cli`, and its line in the group's help."""

    module: str
    help: str


class CommandGroup(click.Group):
    """A group that imports a command when it is used, and reports the error that ends it.

    Args:
        lazy: The commands by their names. The module has each under its name, or with `_` after it.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, Command], **given: Any) -> None:  # noqa: ANN401 - as inherited
        super().__init__(*args, **given)
        self.lazy = lazy

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as inherited
        """Run a command; one that raises one of Nightdrop's errors exits with status 2."""
        try:
            return super().invoke(ctx)
        except NightdropError as error:
            from handler.cli.console import exit_with_error

            exit_with_error(str(error))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command with its line of help; None if it does not exist."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module = import_module(f"handler.cli.{self.lazy[cmd_name].module}")
        command = getattr(module, cmd_name, None) or getattr(module, f"{cmd_name}_")
        if not isinstance(command, click.Command):
            return None
        command.short_help = self.lazy[cmd_name].help
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return a command's name, the command and its arguments; name similar ones if none is so.

        Raises:
            click.UsageError: There is no such command.
        """
        if args[0] in self.list_commands(ctx) or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        close = get_close_matches(args[0], self.list_commands(ctx), 1)
        advice = f" Did you mean {close[0]}?" if close else ""
        raise click.UsageError(f"No such command {args[0]!r}.{advice}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.help) for name, one in self.lazy.items()])
