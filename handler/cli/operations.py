"""Commands that ask the function for an operation, in the name of whoever runs them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from handler.cli.console import LATER, complain, exit_with_error
from handler.cli.shared_options import audit_option, operator
from handler.errors import NightdropError

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import View
    from handler.cli.existing_log import ReadableLog
    from handler.triggers.delivery import ActionName

T = TypeVar("T")

NOT_DONE = 1
"""The exit status of an operation that was refused."""

_reason_option = click.option(
    "--reason", default="", show_default="by hand", help="For the record."
)


def operation_command(
    group: str, argument: Callable[..., Any], statuses: str, names: tuple[str, str]
) -> Callable[[str, str], Callable[..., click.Command]]:
    """Return what makes a command of a group of one of its functions.

    Args:
        group: The group's name.
        argument: The click argument that names what the operation is about.
        statuses: A sentence about the exit statuses.
        names: Two names for the examples.
    """

    def named(name: str, text: str) -> Callable[..., click.Command]:
        help_text = (
            f"{text}\n\n{statuses}\n\n\b\n  nightdrop {group} {name} {names[0]}\n"
            f'  nightdrop {group} {name} {names[1]} --reason "ticket 4711"'
        )

        def decorate(function: Callable[..., None]) -> click.Command:
            with_options = audit_option(argument(_reason_option(function)))
            return click.command(name, help=help_text)(with_options)

        return decorate

    return named


def found_in(log: ReadableLog, find: Callable[[View, str], T], what: str) -> T:
    """Return what has a name in the log; exit with status 1 if none or several have it."""
    try:
        return log.read(lambda view: find(view, what))
    except LookupError as error:
        exit_with_error(str(error.args[0]), NOT_DONE)


def run_action(name: ActionName, address: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - the fields of `Action`
    """Run the function once with what an event asks for, in the name of the operator.

    Exits with the status of the reply, unless that is `completed`; with 2 if it cannot be run.

    Args:
        name: What is asked for.
        address: Where the log is.
        given: The other fields of the `Action`.

    Returns:
        The reply.
    """
    # Loaded where it is needed: an unknown name is answered without.
    from handler.cli.configuration.environment import cloud_environment
    from handler.function import handle
    from handler.invocation.instance import open_instance
    from handler.local.runtime.context import Context
    from handler.triggers.delivery import Action

    try:
        environ = {**cloud_environment(), "NIGHTDROP_AUDIT": address}
        context = Context.from_environment(environ)
        instance = open_instance(context, environ, lambda _line: None)
        try:
            reply = handle(Action(name, actor=operator(), **given), context, instance)
        finally:
            instance.close()
    except NightdropError as error:
        exit_with_error(str(error))
    for text in cast("list[str]", reply["errors"]):
        complain(text)
    if reply["outcome"] != "completed":
        sys.exit(LATER if reply["outcome"] == "deferred" else NOT_DONE)
    return reply
