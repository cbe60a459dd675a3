"""How the command starts and ends, whatever it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
import pytest

from handler.cli.audit import COMMANDS as AUDIT_COMMANDS
from handler.cli.audit import audit
from handler.cli.main import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Mapping

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
ONE_AFTER_THE_OTHER = """
import sys
from contextlib import suppress
from handler.cli.entry import run

for words in sys.argv[1:]:
    sys.argv = ["nightdrop", *words.split()]
    with suppress(SystemExit):
        run()
import json
print(json.dumps([*sys.modules]))
"""
FULL = Path("/dev/full")


def command(
    *arguments: str,
    stdout: int | None = None,
    code: str = "from handler.cli.entry import run; run()",
    environ: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environ},
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("group", "name"),
    [*((main, name) for name in COMMANDS), *((audit, name) for name in AUDIT_COMMANDS)],
)
def test_a_command_that_is_listed_is_there(group: CommandGroup, name: str) -> None:
    """The list is written without loading any of them; completion shows the same sentence."""
    loaded = group.get_command(click.Context(group), name)
    assert loaded is not None
    assert loaded.name == name
    assert loaded.get_short_help_str(limit=200) == group.lazy[name].help


NETWORK = {"huaweicloudsdkcore", "urllib3", "http.client", "ssl", "handler.cloud", "flask"}
HEAVY = NETWORK | {"pydantic", "rich", "yaml", "sqlite_utils", "handler.function"}


@pytest.mark.parametrize(
    ("commands", "unwanted"),
    [
        (("--help", "--version", "audit --help"), HEAVY),
        (
            ("validate events/specs/nightly-upgrade.yaml", "config show"),
            NETWORK | {"sqlite_utils"},
        ),
        (
            (
                "audit list --audit sqlite:///nowhere.db",
                "audit show x --audit sqlite:///nowhere.db",
            ),
            NETWORK | {"pydantic", "yaml"},
        ),
    ],
    ids=["help", "specs", "log"],
)
def test_a_command_loads_only_what_it_needs(commands: tuple[str, ...], unwanted: set[str]) -> None:
    """Imports are nearly all of the time until the first output.

    What none of some commands may load, they do not load one after the other either.
    """
    loaded = {*json.loads(command(*commands, code=ONE_AFTER_THE_OTHER).stdout.splitlines()[-1])}
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


@pytest.mark.parametrize("words", ["--version", "schema", "config show", "init site", "emulator"])
def test_a_reader_that_has_left_ends_the_command_in_silence(words: str, tmp_path: Path) -> None:
    """With the status that a shell sees of a program that SIGPIPE ended, however it prints."""
    reading, writing = os.pipe()
    os.close(reading)
    code = f"import os; os.chdir({str(tmp_path)!r})\nfrom handler.cli.entry import run; run()"
    done = command(*words.split(), stdout=writing, code=code)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize(
    ("arguments", "status"), [((), 2), (("--version",), 0), (("nonsense",), 2), (("schema",), 0)]
)
def test_the_status_is_the_commands_own(arguments: tuple[str, ...], status: int) -> None:
    """Usage errors are 2, as click has them."""
    done = command(*arguments)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Settings with which Python reads and writes ASCII."""


def test_what_an_encoding_does_not_have_is_escaped() -> None:
    """The work is done, so that it cannot end in an error."""
    done = command("validate", "events/specs/nightly-upgrade.yaml", environ=ASCII)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "\\u2713 events/specs/nightly-upgrade.yaml: 1 job\n"


def test_a_log_is_the_same_in_every_locale(tmp_path: Path) -> None:
    """One that is created in the one is valid in the other."""
    none: Mapping[str, str] = {}
    for created, verified in ((ASCII, none), (none, ASCII)):
        address = f"sqlite:///{tmp_path}/{len(created)}.db"
        code = f"from handler.audit.open_log import open_log; open_log({address!r}).close()"
        assert command(code=code, environ=created).returncode == 0
        done = command("audit", "verify", "--audit", address, environ=verified)
        assert done.stdout.startswith("chain valid"), done.stdout


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_closed_stream_changes_no_status(closed: tuple[int, ...]) -> None:
    """What would be printed is nobody's to read."""
    code = (
        f"import os\nfor fd in {closed}: os.close(fd)\n"
        "import sys; arguments = [sys.executable, '-m', 'handler.cli', '--version']\n"
        "os.execv(sys.executable, arguments)"
    )
    assert command(code=code).returncode == 0


def test_a_file_on_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    """Neither a part of it nor a traceback."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"import os; os.chdir({str(tmp_path)!r})\n"
        "from handler.cli.entry import run; run()"
    )
    done = command("init", "site", code=code)
    assert done.returncode == 74
    assert "nightdrop: site/nightdrop.schema.json cannot be written: File too large" in done.stderr
    assert not [*tmp_path.rglob("*schema.json*")]
