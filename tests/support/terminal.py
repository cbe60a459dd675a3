"""What a command prints on a terminal of some width."""

from __future__ import annotations

import os
import pty
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def plain_on_terminal(columns: int, show: Callable[[], object]) -> list[str]:
    """Return the lines that are printed on a terminal, without styles and blanks at their ends."""
    lines = (_STYLE.sub("", line).rstrip() for line in on_terminal(columns, show))
    return [line for line in lines if line]


def on_terminal(columns: int, show: Callable[[], object], **environ: str) -> list[str]:
    """Return the lines that are printed on a terminal, with their escape sequences."""
    ours, its = pty.openpty()
    wanted = {"COLUMNS": str(columns), "TERM": "xterm-256color", **environ}
    with (
        open(its, "w") as terminal,  # noqa: PTH123 - it has no path
        redirect_stdout(terminal),
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in wanted.items():
            patch.setenv(name, value)
        show()
    output = b""
    while chunk := _read(ours):
        output += chunk
    os.close(ours)
    return [line for line in output.decode().splitlines() if line]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux reports the end of a terminal as an error
        return b""
