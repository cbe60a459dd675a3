"""Bytecode of the zip's sources, compiled by the runtime's own interpreter.

The platform mounts the code read-only, so nothing it compiles is ever kept: an instance would
compile everything anew at each cold start. Bytecode that is tied to its source by date would be
stale, since the dates in the zip are fixed; `unchecked-hash` (PEP 552) is taken as it is.
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
"""Where FunctionGraph unpacks the zip; it stands in tracebacks."""

_COMPILE = """
import py_compile, sys
for name in sys.stdin.read().splitlines():
    py_compile.compile(name, dfile=f"{sys.argv[1]}/{name}", doraise=True,
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


def compiled(files: dict[str, bytes], interpreter: Interpreter) -> dict[str, bytes]:
    """Return the bytecode of every Python source, by the path it belongs at.

    Args:
        files: Sources and other files, by path.
        interpreter: An interpreter of the runtime's version.

    Raises:
        PackageError: A source cannot be compiled by it.
    """
    sources = sorted(name for name in files if name.endswith(".py"))
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        for name in sources:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(files[name])
        done = subprocess.run(  # noqa: S603 - the interpreter that was looked up
            [interpreter.command, "-s", "-S", "-c", _COMPILE, CODE_ROOT],
            cwd=folder,
            input="\n".join(sources),
            env={"PYTHONHASHSEED": "0"},  # the order of sets stands in the bytecode
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PackageError(f"a source does not compile: {done.stderr.strip()[-600:]}")
        return {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.pyc")
        }
