"""The function behind functions-framework: how it is served, and where its server's files go."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = Path(__file__).parents[1] / "main.py"
"""The file that functions-framework serves."""


def framework(port: int) -> list[str]:
    """Return the arguments that serve the function on a port of 127.0.0.1."""
    target = ["--source", str(MAIN), "--target", "invoke", "--signature-type", "http"]
    return ["-m", "functions_framework", *target, "--host", "127.0.0.1", "--port", str(port)]


@contextmanager
def server_files() -> Iterator[dict[str, str]]:
    """Yield environment variables that keep the server's own files in a folder that is removed.

    functions-framework is served by gunicorn, which opens a control socket in `XDG_RUNTIME_DIR`, or
    else in `~/.gunicorn` (its setting `control_socket`, which functions-framework does not pass
    on), in place of that of any other gunicorn.
    """
    with TemporaryDirectory(prefix="nightdrop-") as folder:
        yield {"XDG_RUNTIME_DIR": folder}
