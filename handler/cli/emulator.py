"""`nightdrop emulator`: a cloud on a desk."""

from __future__ import annotations

from pathlib import Path

import click

from handler.emulator.server import serve


@click.command(short_help="Answer for IEF and OBS on this machine.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 is any."
)
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Written once it listens: NAME=value lines that point a function at it.",
)
def emulator(port: int, env_file: Path | None) -> None:
    """Answer for IEF and OBS on this machine until Ctrl-C; what they hold is in memory.

    Signatures are checked. GET /_emulator/state shows everything it holds, POST /_emulator/reset
    empties it, POST /_emulator/faults makes it misbehave.

    \b
      nightdrop emulator --port 8071 --env-file emulator.env
      curl -s http://127.0.0.1:8071/_emulator/state
    """
    try:
        serve(port, env_file, lambda url: click.echo(f"the emulator listens at {url}"))
    except OSError as error:
        raise click.ClickException(f"the emulator cannot start: {error.strerror}") from error
