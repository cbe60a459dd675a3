"""How the command starts and ends, whatever it runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from handler.cli.audit import COMMANDS as AUDIT_COMMANDS
from handler.cli.audit import audit
from handler.cli.main import COMMANDS, main

if TYPE_CHECKING:
    from handler.cli.command_group import CommandGroup

INTERRUPTED = """
import os, signal, sys

module = sys.argv.pop(1)

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
from handler.cli.entry import run
run()
"""
FULL = Path("/dev/full")


def command(
    *arguments: str,
    stdout: int | None = None,
    code: str = "from handler.cli.entry import run; run()",
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("group", "name"),
    [*((main, name) for name in COMMANDS), *((audit, name) for name in AUDIT_COMMANDS)],
)
def test_help_says_of_a_command_what_the_command_says(group: CommandGroup, name: str) -> None:
    """The list is written without loading any of them."""
    loaded = group.get_command(click.Context(group), name)
    assert loaded is not None
    assert loaded.name == name
    assert loaded.get_short_help_str(limit=200) == group.lazy[name].help


NETWORK = {"huaweicloudsdkcore", "urllib3", "http.client", "ssl", "handler.cloud", "flask"}
HEAVY = NETWORK | {"pydantic", "rich", "yaml", "sqlite_utils", "handler.function"}


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        ("--help", HEAVY),
        ("--version", HEAVY),
        ("audit --help", HEAVY),
        ("validate events/specs/nightly-upgrade.yaml", NETWORK | {"sqlite_utils"}),
        ("audit list --audit sqlite:///nowhere.db", NETWORK | {"pydantic", "yaml"}),
        ("audit show x --audit sqlite:///nowhere.db", NETWORK | {"pydantic", "yaml"}),
        ("config show", NETWORK | {"sqlite_utils"}),
    ],
)
def test_a_command_loads_only_what_it_needs(words: str, unwanted: set[str]) -> None:
    """Imports are nearly all of the time until the first output."""
    code = (
        "import sys\nfrom handler.cli.entry import run\n"
        "try:\n    run()\nfinally:\n    import json; print(json.dumps([*sys.modules]))"
    )
    loaded = {*json.loads(command(*words.split(), code=code).stdout.splitlines()[-1])}
    assert "handler.cli.main" in loaded
    assert unwanted & loaded == set()


def test_without_click_it_says_what_to_install() -> None:
    """The wheel without its extra has the function, not the command."""
    done = command(
        code="import sys; sys.modules['click'] = None\nfrom handler.cli.entry import run; run()"
    )
    assert done.returncode == 2
    assert done.stderr == "nightdrop: click is missing; install the wheel with its extra `local`\n"


def test_ctrl_c_while_modules_are_imported_ends_in_silence() -> None:
    """As the signal itself would end the process."""
    done = command("handler.cli.main", "--help", code=INTERRUPTED)
    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == ("", "")


def test_ctrl_c_in_a_command_ends_with_status_130() -> None:
    """Without a message, and without a traceback."""
    done = command("handler.cli.specs.schema", "schema", code=INTERRUPTED)
    assert done.returncode == 130
    assert done.stderr.strip() == ""


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_full_output_fails_with_one_sentence() -> None:
    """And a status of its own, at whatever line it happens."""
    with FULL.open("w") as full:
        done = command("schema", stdout=full.fileno())
    assert done.returncode == 74
    assert done.stderr == "nightdrop: cannot write: No space left on device\n"


@pytest.mark.parametrize(
    ("arguments", "status"), [((), 2), (("--version",), 0), (("nonsense",), 2), (("schema",), 0)]
)
def test_the_status_is_the_commands_own(arguments: tuple[str, ...], status: int) -> None:
    """Usage errors are 2, as click has them."""
    done = command(*arguments)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
