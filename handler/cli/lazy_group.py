"""A group of commands whose modules are imported only when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from handler.errors import NightdropError

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyCommand(NamedTuple):
    """A command's module below `handler.cli`, and its line in the help of its group.

    Attributes:
        module: The module.
        help: The sentence; it repeats the command's own `short_help`.
        attribute: The command's name in the module, if it is another than the command's.
    """

    module: str
    help: str
    attribute: str = ""


class LazyGroup(click.Group):
    """A group that imports a command when it is used, and reports the error that ends it."""

    def __init__(self, *, lazy: Mapping[str, LazyCommand], **options: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(**options)
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
        """Import and return a command; None if it does not exist."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        one = self.lazy[cmd_name]
        module = import_module(f"handler.cli.{one.module}")
        command: click.Command = getattr(module, one.attribute or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.help) for name, one in self.lazy.items()])
