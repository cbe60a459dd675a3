"""The commands that the pages show: read out, run in a scratch folder, compared with what is shown.

A `console` block below `<!-- run -->` is run, and what its `$` lines print must be what the page
shows. A block below `<!-- file: NAME -->` is written into the folder first. All of a page is one
shell; below `<!-- run with an emulator -->` it has the settings that point at one, below `<!-- run
with dev -->` those of a `nightdrop dev` that runs meanwhile. A line `…` stands for any lines.
`python -m tests.support.documents.pages [PAGE…]` writes into them what has
changed: all outputs of a page, so that they are those of one run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from handler.emulator.server import Emulator
from handler.local.env_file import read_env_file
from tests.support.preloaded_command import preloaded_command

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
FOLDERS = ("events", "handler", "infra", "tests")
LEFT_OUT = "…"

_MARK = re.compile(r"<!-- (run|run with an emulator|run with dev|file: (\S+)) -->")
_END = "::end of a command::"
_SECONDS = 120
_VARYING = (
    (r"\+[0-9a-f]{8}\+(…|[A-Za-z0-9+/]+={0,2})", "+KEY"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\b\w+day \d+ \w+ \d{4}, [\d:]+ UTC", "TIME"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+\d\d:\d\d)?", "TIME"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\b20\d{6}T\d{6,12}Z", "TIME"),
    (r"\b\d+\.\d+ s\b", "0.0 s"),
    (r"[+]?[A-Za-z0-9+/]{42,}={0,2}", "BASE64"),
    (r"\b[0-9a-f]{16,64}\b", "HASH"),
    (r"\bnd-[a-z2-7]{26}\b", "MARK"),
    (r"\b[a-z2-7]{16}\b", "KEY"),
    (r"-[a-z2-7]{8}\b", "-SUFFIX"),
    (r"\b(Python|SQLite) \d+(\.\d+)+\b", r"\1 VERSION"),
    (r"(?<=\S) +", " "),
)
"""What differs between runs: ids, ports, times, signatures, hashes, keys, names, versions."""


@dataclass(frozen=True)
class Block:
    """A marked block of a page.

    Attributes:
        first: The index of its first line in the page, below the fence.
        lines: What is in it.
        file: The file it is written to, None for commands.
        needs: What its commands need to run: `an emulator`, `dev`, or "".
    """

    first: int
    lines: tuple[str, ...]
    file: str | None
    needs: str


@dataclass(frozen=True)
class Step:
    """One command and its output, line by line."""

    command: tuple[str, ...]
    output: tuple[str, ...]


def pages() -> list[Path]:
    """Return every page of the repository."""
    below = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))
    return [*sorted(ROOT.glob("*.md")), *sorted(below)]


def blocks(text: str) -> Iterator[Block]:
    """Yield the marked blocks of a page in their order."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if mark := _MARK.fullmatch(line):
            first = number + 2
            end = lines.index("```", first)
            needs = mark[1].removeprefix("run").removeprefix(" with ")
            yield Block(first, tuple(lines[first:end]), mark[2], "" if mark[2] else needs)


def steps(lines: tuple[str, ...]) -> list[Step]:
    """Split a block into its commands, each with the output below it."""
    found: list[tuple[list[str], list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(([line], []))
        elif not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line)
        else:
            found[-1][1].append(line)
    return [Step(tuple(command), tuple(output)) for command, output in found]


def run(text: str, commands: Path) -> list[list[Step]]:
    """Run the marked blocks of a page, and return for each block its commands' real output.

    Args:
        text: The page.
        commands: The folder with the `preloaded_command`.
    """
    marked = [*blocks(text)]
    with TemporaryDirectory() as name, Emulator(speed=600.0) as emulator, ExitStack() as stack:
        folder = Path(name)
        shutil.copytree(ROOT / "events", folder / "events")
        environ = _environ(folder, commands)
        needs = {block.needs for block in marked}
        if "an emulator" in needs:
            environ |= emulator.environment()
        if "dev" in needs:
            environ |= stack.enter_context(_dev(folder, environ))
        asked = [steps(block.lines) for block in marked if not block.file]
        for block in marked:
            if block.file:
                (folder / block.file).write_text("\n".join(block.lines) + "\n")
        outputs = iter(_outputs([step for part in asked for step in part], folder, environ))
    return [[Step(step.command, next(outputs)) for step in part] for part in asked]


@contextmanager
def _dev(folder: Path, environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """Run `nightdrop dev` in a folder, and yield the settings for commands against it."""
    command = [sys.executable, "-m", "handler.cli", "dev", "--speed", "600"]
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            ready = any("ready:" in line for line in process.stdout or ())
            assert ready, "nightdrop dev did not start"
            yield read_env_file(folder / "dev" / "operator.env")
        finally:
            process.terminate()
            process.communicate(timeout=_SECONDS)


def _environ(folder: Path, commands: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NIGHTDROP", "HUAWEICLOUD", "PYTEST"))
    }
    path = os.pathsep.join(map(str, (commands, Path(sys.executable).parent, kept["PATH"])))
    return {**kept, "PATH": path, "HOME": str(folder), "NO_COLOR": "1"}


def _outputs(asked: list[Step], folder: Path, environ: dict[str, str]) -> list[tuple[str, ...]]:
    shell = [("\n".join(step.command)[2:]) + f"\necho '{_END}'" for step in asked]
    done = subprocess.run(
        ["/bin/bash", "-c", "exec 2>&1\n" + "\n".join(shell)],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    parts = done.stdout.split(f"{_END}\n")[: len(asked)]
    return [tuple(line.rstrip() for line in part.strip("\n").splitlines()) for part in parts]


def masked(line: str) -> str:
    """Return a line without the values that vary between runs."""
    for pattern, word in _VARYING:
        line = re.sub(pattern, word, line)
    return line.rstrip()


def agrees(shown: tuple[str, ...], real: tuple[str, ...]) -> bool:
    """Return whether a page shows a command's output, but for omitted lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line == LEFT_OUT else re.escape(masked(line)) + r"\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(f"{masked(line)}\n" for line in real)) is not None


def recorded(text: str, commands: Path) -> str:
    """Return a page with the outputs that its commands have now, all of one run, if any differs."""
    lines = text.splitlines()
    marked = [block for block in blocks(text) if not block.file]
    ran = [
        (block, [*zip(steps(block.lines), real, strict=True)])
        for block, real in zip(marked, run(text, commands), strict=True)
    ]
    if all(agrees(shown.output, step.output) for _, pairs in ran for shown, step in pairs):
        return text
    for block, pairs in reversed(ran):
        now: list[str] = []
        for shown, step in pairs:
            is_kept = LEFT_OUT in shown.output and agrees(shown.output, step.output)
            now += [*step.command, *(shown if is_kept else step).output]
        lines[block.first : block.first + len(block.lines)] = now
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with preloaded_command() as commands:
        for page in [*map(Path, sys.argv[1:])] or pages():
            if any(blocks(page.read_text())):
                page.write_text(recorded(page.read_text(), commands))
