"""The runtimes of FunctionGraph that a zip can be built for, and bytecode for them.

The platform mounts the code read-only and so keeps no bytecode: an instance without it compiles
everything at each cold start. Bytecode that is checked by its source's date would be stale, since
the dates in the zip are fixed; `unchecked-hash` (PEP 552) is not checked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterator

PLATFORM = "manylinux2014_x86_64"
"""The platform of compiled packages; FunctionGraph runs EulerOS on x86_64."""

_WHICH = (
    "import sys; print(*sys.version_info[:2], sep='.')\n"
    "print(sys.version.split()[0]); print(sys.executable)"
)

CODE_ROOT = "/opt/function/code"
"""Where FunctionGraph unpacks the zip, for the paths in tracebacks."""


@dataclass(frozen=True)
class Runtime:
    """A Python runtime of FunctionGraph; its version is such as `3.10`."""

    version: str

    @property
    def name(self) -> str:
        """Its name, which is also the command of its interpreter: `python3.10`."""
        return f"python{self.version}"

    @property
    def requirements(self) -> str:
        """The name of the file with its pinned requirements."""
        return f"requirements-{self.name}.txt"


RUNTIMES = {runtime.name: runtime for runtime in (Runtime("3.10"), Runtime("3.12"))}
"""Runtimes by name (support.huaweicloud.com, functiongraph_02_0502)."""


@dataclass(frozen=True)
class Interpreter:
    """An interpreter on this machine.

    Attributes:
        command: Its path.
        version: Its complete version, such as `3.10.13`.
    """

    command: str
    version: str


def interpreter(runtime: Runtime, command: str = "") -> Interpreter | None:
    """Return an interpreter of a runtime's version, or None if this machine has none.

    Without a path or name, the runtime's own name is searched, then the versions of pyenv.

    Raises:
        PackageError: The given command is not an interpreter of this version.
    """
    for candidate in (command,) if command else (runtime.name, *_pyenv(runtime)):
        found = _output([candidate, "-I", "-c", _WHICH]).splitlines()
        if found and found[0] == runtime.version:
            return Interpreter(command=found[2], version=found[1])
    if command:
        raise PackageError(f"{command} is not Python {runtime.version}; give another with --python")
    return None


def _pyenv(runtime: Runtime) -> Iterator[str]:
    """Yield the interpreters of pyenv: its command on the path runs only a selected version."""
    for version in _output(["pyenv", "whence", runtime.name]).split():
        yield _output(["pyenv", "which", runtime.name], PYENV_VERSION=version).strip()


def _output(command: list[str], **environ: str) -> str:
    """Return the output of a command; "" if it is missing or fails."""
    if not (found := shutil.which(command[0])):
        return ""
    done = subprocess.run(  # noqa: S603 - an interpreter, or pyenv, that the user has
        [found, *command[1:]],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode else done.stdout


def compiled(files: dict[str, bytes], interpreter: Interpreter) -> dict[str, bytes]:
    """Return the bytecode of every Python source, by its path beside the source.

    It holds no docstrings, which nothing of the function reads, and no assertions.

    Raises:
        PackageError: A source does not compile.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "code")  # not the working directory: it may shadow modules
        for name in (name for name in files if name.endswith(".py")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(files[name])
        done = subprocess.run(  # noqa: S603 - the interpreter that was looked up
            [
                *(interpreter.command, "-s", "-S", "-m", "compileall", "-q", "-o", "2"),
                *("--invalidation-mode", "unchecked-hash"),
                *("-s", str(folder), "-p", CODE_ROOT, str(folder)),
            ],
            cwd=scratch,
            env={"PYTHONHASHSEED": "0"},  # fixes the order of sets in the bytecode
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PackageError(f"a source does not compile: {done.stdout.strip()[-600:]}")
        # By this name it is found without the option -OO.
        return {
            path.relative_to(folder).as_posix().replace(".opt-2.", "."): path.read_bytes()
            for path in folder.rglob("*.pyc")
        }
