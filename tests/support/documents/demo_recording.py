"""A recording of `nightdrop demo` as SVG: `python -m tests.support.documents.demo_recording F`."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[3]
WIDTH = 114
_LEFT_OUT = re.compile(r"((?:.*document \d, line.*\n){4})(?:.*document \d, line.*\n)+")
_RECORDS = re.compile(r".*What the audit log says.*\n(?:.+\n)+\n")
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def demo_output() -> str:
    """Run the demo as a terminal sees it, and return its output, with its colours."""
    colours = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "handler.cli", "demo"],
            cwd=folder,
            env={**os.environ, **colours, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    return done.stdout


def shortened(text: str) -> str:
    """Return the output without most errors of the broken file, and without the log's records."""
    return _RECORDS.sub("", _LEFT_OUT.sub(r"\1  …\n", text))


def recording(text: str) -> str:
    """Return an output as an SVG that loads nothing from elsewhere."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in text.splitlines():
        console.print(Text.from_ansi(line), overflow="crop", no_wrap=True)
    return _FONTS.sub("", console.export_svg(title="make demo", unique_id="demo"))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(recording(shortened(demo_output())))
