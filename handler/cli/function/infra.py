"""`nightdrop infra`: write the Terraform of a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from handler.cli.bundled_files import bundled
from handler.cli.shared_options import FOLDER, write_files

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--yes", is_flag=True, help="Replace files without asking.")
def infra(folder: Path, *, yes: bool) -> None:
    """Write the Terraform of a deployment into FOLDER: the module, and examples that use it.

    A file that is there is only replaced after a question. Exit status: 0 written, 1 the answer
    was no, 2 a file or folder cannot be used, 74 nothing can be written, as on a full disk or a
    read-only medium.

    \b
      nightdrop infra terraform
      nightdrop infra terraform && terraform -chdir=terraform/examples/minimal init
    """
    source = bundled("infra")
    files = sorted(path for path in source.rglob("*.tf") if ".terraform" not in path.parts)
    texts = {str(path.relative_to(source)): path.read_text(encoding="utf-8") for path in files}
    write_files(folder, texts, yes=yes)
