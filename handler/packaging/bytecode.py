"""Bytecode of the zip's sources, compiled by the runtime's own interpreter.

The platform mounts the code read-only and so keeps no bytecode: an instance without it compiles
everything at each cold start. Bytecode that is checked by its source's date would be stale, since
the dates in the zip are fixed; `unchecked-hash` (PEP 552) is not checked.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import PackageError

if TYPE_CHECKING:
    from handler.packaging.python_runtime import Interpreter

CODE_ROOT = "/opt/function/code"
"""Where FunctionGraph unpacks the zip, for the paths in tracebacks."""


def compiled(files: dict[str, bytes], interpreter: Interpreter) -> dict[str, bytes]:
    """Return the bytecode of every Python source, by its path beside the source.

    Args:
        files: Sources and other files, by path.
        interpreter: An interpreter of the runtime's version.

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
                *(interpreter.command, "-s", "-S", "-m", "compileall", "-q"),
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
        return {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.pyc")
        }
