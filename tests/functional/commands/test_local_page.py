"""What the pages show of `nightdrop dev` and of the function over HTTP, started as they show it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from handler.local.processes.subprocesses import free_port, listens
from tests.support.documents.pages import ROOT, agrees, masked
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "handler/local/README.md").read_text()
CLOCK = re.compile(r"\b\d\d:\d\d:\d\d\b")
SHORT_ID = re.compile(r"\b[0-9a-f]{8}\b")
LATER = re.compile(r"(?:Running    0|Successful 1) of 1")
"""How the first line of a job ends if it is listed late."""


def block(beginning: str) -> tuple[list[str], list[str]]:
    """Return the words of the command that begins so on the page, and the lines shown below it."""
    start = PAGE.index(f"$ {beginning}")
    lines = PAGE[start : PAGE.index("\n```", start)].splitlines()
    size = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
    return shlex.split("\n".join(lines[:size])[2:].replace("\\\n", " ")), lines[size:]


@contextmanager
def running(words: list[str], folder: Path, **environ: str) -> Iterator[Path]:
    """Run a command in a folder until the block ends, and yield the file with its output."""
    kept = {name: value for name, value in os.environ.items() if "NIGHTDROP" not in name}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    output = folder / "printed.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**kept, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder), **environ},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield output
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        process.wait(30)


def plain(line: str) -> str:
    """Return a line of `nightdrop dev` without times, ids and ports."""
    return SHORT_ID.sub("ID", CLOCK.sub("TIME", masked(line)))


def test_the_function_over_http_answers_as_its_page_shows(tmp_path: Path) -> None:
    """The command and the request of the page, on a free port."""
    serve, _ = block("nightdrop emulator -- functions-framework")
    curl, shown = block("curl -s -H 'Content-Type: application/json' -d @events/timer-nightly")
    header, body = curl[curl.index("-H") + 1].split(": "), curl[curl.index("-d") + 1]
    port = free_port()
    source = serve.index("--source") + 1
    serve[source] = str(ROOT / serve[source])
    audit = {"NIGHTDROP_AUDIT": "sqlite:///my.db"}
    with running([*serve, "--port", str(port)], tmp_path, **audit):
        wait_for(lambda: listens(port))
        answer = urllib3.request(
            "POST",
            f"http://127.0.0.1:{port}/",
            body=(ROOT / body.removeprefix("@")).read_bytes(),
            headers=dict([header]),
        )
    assert agrees(tuple(shown), (answer.data.decode(),)), answer.data.decode()


def test_dev_prints_the_lines_of_its_page_up_to_the_first_job(tmp_path: Path) -> None:
    """The addresses, the timer's event, and the job on the fleet; ids, ports and times vary.

    The function's reply and the fleet's list are read side by side, so either may come first. On a
    loaded machine the job may run, or be done, before the list is read.
    """
    words, shown = block("nightdrop dev --start")
    first = next(number for number, line in enumerate(shown) if "Waiting" in line)
    with running(words, tmp_path) as output:
        wait_for(lambda: "submitted" in (text := output.read_text()) and "of 1 done" in text)
        printed = LATER.sub("Waiting    0 of 1", output.read_text()).splitlines()
    lines, expected = ([plain(line) for line in one[: first + 1]] for one in (printed, shown))
    assert lines[:-2] == expected[:-2]
    assert sorted(lines[-2:]) == sorted(expected[-2:])
