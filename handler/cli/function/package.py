"""`nightdrop package`: build the zip that FunctionGraph runs."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from zipfile import is_zipfile

import click

import handler
from handler.cli.bundled_files import bundled
from handler.cli.console import complain, exit_with_error
from handler.cli.shared_options import FILE
from handler.errors import PackageError
from handler.packaging.build import Built, Sources, build, lock
from handler.packaging.python_runtime import RUNTIMES, interpreter
from handler.packaging.requirements_file import EXTRAS

_MIB = 1024 * 1024


@click.command()
@click.option("--runtime", "name", type=click.Choice(sorted(RUNTIMES)), required=True)
@click.option("-o", "--output", type=FILE, help="The zip to write.")
@click.option(
    "--with",
    "extras",
    type=click.Choice(sorted(EXTRAS)),
    multiple=True,
    help="Include packages for a log in PostgreSQL, or to sign checkpoints.",
)
@click.option("--python", default="", help="Interpreter of the runtime, for compiling.")
@click.option("--no-bytecode", is_flag=True, help="Do not compile the sources.")
@click.option("--lock", "locking", is_flag=True, help="Write the locked requirements, no zip.")
def package(  # noqa: PLR0913 - one for each option
    *,
    name: str,
    output: Path | None,
    extras: tuple[str, ...],
    python: str,
    no_bytecode: bool,
    locking: bool,
) -> None:
    """Build the function's zip from a checkout: the same input gives the same bytes.

    Packages come from infra/requirements-RUNTIME.txt and are checked by hash. A bill of materials
    is written beside the zip. Exit status: 0 built, 2 not built.

    \b
      nightdrop package --runtime python3.10 -o nightdrop.zip
      nightdrop package --runtime python3.10 --lock    # after a change of infra/requirements.in
    """
    runtime, sources = RUNTIMES[name], _sources()
    try:
        if locking:
            (sources.infra / runtime.requirements).write_text(
                lock(sources.infra, runtime), encoding="utf-8"
            )
            return
        compiler = None if no_bytecode else interpreter(runtime, python)
        built = build(sources, runtime, extras, compiler)
    except OSError as error:
        exit_with_error(
            f"the zip cannot be built: {error.strerror}; free space for temporary files"
        )
    try:
        _write(built, output or Path(f"nightdrop-{name}.zip"))
    except OSError as error:
        exit_with_error(f"the zip cannot be written: {error.strerror}; name another file with -o")
    if compiler is None and not no_bytecode:
        complain(
            f"{name} is not installed: the zip has no bytecode and starts slower; use --python"
        )


def _sources() -> Sources:
    folder = Path(handler.__file__).resolve().parent
    return Sources(folder, bundled("infra"), version("nightdrop"))


def _write(built: Built, output: Path) -> None:
    bill = output.with_suffix(".cdx.json")
    if output.exists() and not is_zipfile(output):
        raise PackageError(f"{output} exists and is not a zip; name another file with -o")
    if bill.exists() and b"CycloneDX" not in bill.read_bytes():
        raise PackageError(
            f"{bill} exists and is not a bill of materials; name another zip with -o"
        )
    output.write_bytes(built.zip)
    bill.write_bytes(built.bill)
    click.echo(f"{output}  {len(built.zip) / _MIB:.1f} MiB, {built.unpacked / _MIB:.1f} unpacked")
    click.echo(f"sha256  {built.sha256}")
    click.echo(f"code    {built.code}")
    click.echo(f"{bill}  the packages in it")
