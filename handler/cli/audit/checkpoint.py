"""`nightdrop audit checkpoint` and `key`: a checkpoint on demand, and the key that signs them."""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from typing import TYPE_CHECKING

import click

from handler.audit.checkpoints.signed_note import new_key
from handler.audit.record import part
from handler.cli.configuration.environment import cloud_environment
from handler.cli.console import LATER, exit_with_error, printable, prose
from handler.cli.shared_options import FILE
from handler.errors import LogBusyError, LogUnreachableError, SettingsError
from handler.invocation.checkpoint_writer import checkpoint as write_checkpoint
from handler.invocation.instance import invocation_of, open_instance
from handler.local.runtime.context import Context

if TYPE_CHECKING:
    from pathlib import Path

    from handler.audit.record import Record

_SEED_BYTES = 32


@click.command()
def checkpoint() -> None:
    """Write a checkpoint of the log's head now; settings come from the environment.

    Exit status: 0 written, 2 wrong settings, 75 not written; try again later.

    \b
      NIGHTDROP_CHECKPOINTS=checkpoints/ nightdrop audit checkpoint
      nightdrop --profile production audit checkpoint
    """
    try:
        fields = _write_checkpoint().fields
    except (LogBusyError, LogUnreachableError) as error:
        exit_with_error(f"the checkpoint is not on record: {error}", LATER)
    if fields["action"] != "log.checkpointed":
        exit_with_error(f"the checkpoint was not written: {fields.get('note', '')}", LATER)
    click.echo(printable(part(fields, "checkpoint")["name"]))
    if fields.get("note"):
        click.echo(prose(fields["note"]))


def _write_checkpoint() -> Record:
    """Write a checkpoint and return its record: that of this call, whoever records beside it."""
    environ = cloud_environment()
    context = Context.from_environment(environ)
    with closing(open_instance(context, environ, lambda _line: None)) as instance:
        if not instance.settings.checkpoints:
            raise SettingsError("set NIGHTDROP_CHECKPOINTS to a folder or obs://bucket/prefix/")
        record = write_checkpoint(invocation_of(context, instance), every=0)
        if record is None:
            raise SettingsError("the log is empty: there is nothing to write a checkpoint of")
        return record


@click.command()
@click.argument("name")
@click.option(
    "--output",
    type=FILE,
    help="Write the private key to this new file, for its owner alone, instead of printing it.",
)
def key(name: str, output: Path | None) -> None:
    """Generate a key pair that signs checkpoints; NAME names it, such as example.org/nightdrop.

    Prints the private key, for the function's encrypted user data, and the public key, for
    whoever verifies. Neither is stored, except in the file that --output names.

    \b
      nightdrop audit key example.org/nightdrop
      nightdrop audit key example.org/nightdrop --output checkpoint-key.env
    """
    try:
        new = new_key(name, secrets.token_bytes(_SEED_BYTES))
        private, public = new.encoded(), str(new.public)
    except ImportError:
        exit_with_error(
            "keys are made with cryptography; in a checkout, `make .venv/.dev` installs it"
        )
    setting = f"NIGHTDROP_CHECKPOINT_KEY={private}"
    if output:
        _write(output, setting)
    click.echo(f"private  {f'in {printable(output)}' if output else setting}")
    click.echo(f"public   nightdrop audit verify --key {public}")


def _write(path: Path, setting: str) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            opened.write(f"{setting}\n")
    except FileExistsError:
        exit_with_error(f"{path} is there already, and no key is replaced; name another file")
    except OSError as error:
        exit_with_error(f"{path} cannot be written: {error.strerror}")
