"""The help of every command: two examples, and they are right."""

from __future__ import annotations

import shlex
from itertools import takewhile
from typing import TYPE_CHECKING

import click
import pytest

from handler.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(
    command: click.Command = main, parent: click.Context | None = None
) -> Iterator[click.Context]:
    """Yield a context for every command and group."""
    context = click.Context(command, parent, "nightdrop" if parent is None else command.name)
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, context)


COMMANDS = {context.command_path: context.command for context in commands()}
each_command = pytest.mark.parametrize("path", COMMANDS)


def examples(command: click.Command) -> list[list[str]]:
    """Return the words behind each `nightdrop` of the examples in a command's help."""
    text = (command.help or "").replace("\\\n", " ")
    lines = [line for part in text.split("\b")[1:] for line in part.split("\n\n")[0].split("\n")]
    return [words for line in lines for words in calls(line)]


def calls(line: str) -> Iterator[list[str]]:
    """Yield the words behind each `nightdrop` in a line of shell, up to the next operator."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&<>()")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # prose
        return
    for at, word in enumerate(words):
        if word == "nightdrop":
            yield list(takewhile(lambda one: one[0] not in ";|&<>()", words[at + 1 :]))


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> str:
    """Parse the words of a command line, and return the path of the command that they call.

    Raises:
        click.UsageError: They are not right; whether files exist is not looked at.
    """
    context = click.Context(command, parent, "nightdrop" if parent is None else command.name)
    options, rest, _ = command.make_parser(context).parse_args(list(words))
    for one in command.get_params(context):
        value = options.get(str(one.name))
        if not isinstance(one.type, (click.Path, click.File)) and isinstance(value, (str, tuple)):
            one.type_cast_value(context, value)
        if one.required and isinstance(one, click.Argument) and one.value_is_missing(value):
            raise click.MissingParameter(ctx=context, param=one)
    if not isinstance(command, click.Group) or not rest:
        return context.command_path
    below = command.get_command(context, rest[0])
    if below is None:
        raise click.UsageError(f"no such command: {rest[0]}")
    return parse(below, rest[1:], context)


@each_command
def test_the_help_of_a_command_has_two_examples_of_it(path: str) -> None:
    """That of a group has examples of its commands."""
    called = [parse(main, words) for words in examples(COMMANDS[path])]
    assert len([one for one in called if f"{one} ".startswith(f"{path} ")]) >= 2


@pytest.mark.parametrize("path", ["nightdrop init", "nightdrop infra"])
def test_a_command_that_writes_files_has_the_status_of_a_full_disk(path: str) -> None:
    """It is not that of other errors."""
    text = " ".join((COMMANDS[path].help or "").split())
    assert "2 a file or folder cannot be used, 74 nothing can be written, as on a full disk" in text


@pytest.mark.parametrize(
    "words",
    [["audit", "lst"], ["hold", "--raeson", "x"], ["invoke"], ["audit", "list", "-o", "xml"]],
)
def test_a_slip_in_an_example_is_noticed(words: list[str]) -> None:
    """An unknown command or option, a missing argument, a wrong choice."""
    with pytest.raises(click.UsageError):
        parse(main, words)
