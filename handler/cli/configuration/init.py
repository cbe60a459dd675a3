"""`nightdrop init`: a first spec, a profile, and the schema that an editor checks specs with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from handler.cli.configuration.environment import FILE_NAME
from handler.cli.shared_options import FOLDER, write_files
from handler.cli.specs.schema import job_spec_schema

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA_FILE = "nightdrop.schema.json"
_PROFILE = """\
# Settings of nightdrop, without the prefix NIGHTDROP_; `nightdrop config show` prints all of them.
# No secrets belong here: keys come from the environment or from ~/.huaweicloud/credentials.
default = "local"

[profile.local]
audit = "sqlite:///nightdrop.db"
"""
_SPEC = f"""\
# yaml-language-server: $schema={_SCHEMA_FILE}
kind: node_upgrade
name: first-upgrade
targets:
  nodes: [gateway-north-1]
"""


@click.command()
@click.argument("folder", type=FOLDER, default=".")
@click.option("--yes", is_flag=True, help="Replace files without asking.")
def init(folder: Path, *, yes: bool) -> None:
    """Write into FOLDER a first spec, nightdrop.toml with a profile, and the schema of specs.

    The first line of the spec names the schema for editors. A file that is there is only replaced
    after a question. Exit status: 0 written, 1 the answer was no, 2 a file or folder cannot be
    used, 74 nothing can be written, as on a full disk or a read-only medium.

    \b
      nightdrop init
      nightdrop init my-fleet && cd my-fleet && nightdrop validate upgrade.yaml
    """
    files = {
        FILE_NAME: _PROFILE,
        "upgrade.yaml": _SPEC,
        _SCHEMA_FILE: json.dumps(job_spec_schema(), indent=2) + "\n",
    }
    write_files(folder, files, yes=yes)
