"""Spec files on this machine, and where they are dropped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handler.values.display import display
from handler.values.named_tuple import NamedTuple
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from handler.settings import Settings

LARGEST_PAYLOAD = 6 * 1024 * 1024
"""Bytes of the largest payload that FunctionGraph accepts."""

SPEC_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
"""The type of an argument that names a spec file, or - for standard input."""


class SpecFile(NamedTuple):
    """A spec file: its name without folders, and its bytes, one more than are taken at most."""

    name: str
    data: bytes


def read_spec_file(path: str) -> SpecFile:
    """Return a spec file; `-` is standard input, which is named as YAML."""
    if path == "-":
        return SpecFile("standard-input.yaml", sys.stdin.buffer.read(LARGEST_PAYLOAD))
    try:
        with Path(path).open("rb") as opened:
            return SpecFile(Path(path).name, opened.read(LARGEST_PAYLOAD))
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from error


def drop_address(settings: Settings, key: str) -> str:
    """Return the address of a key in the bucket that files are dropped into.

    Raises:
        click.UsageError: No bucket is set, or no object should have such a key.
    """
    if key.startswith("/") or {".", ".."} & set(key.split("/")):
        raise click.UsageError(
            f"{display(key)} is no key; leave out the / at its start, and . and .. as steps"
        )
    if not settings.buckets:
        raise click.UsageError("no bucket to drop files into: set NIGHTDROP_BUCKETS")
    return f"{OBS}{settings.buckets[0]}/{key}"
