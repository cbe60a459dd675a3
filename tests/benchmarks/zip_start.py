"""How large the zip is, and how long a fresh process takes to import it.

Run: python tests/benchmarks/zip_start.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from handler.errors import PackageError  # noqa: E402 - found by the line above
from handler.packaging.build import Built, Sources, build  # noqa: E402 - same reason
from handler.packaging.python_runtime import RUNTIMES, Interpreter, interpreter  # noqa: E402 - same reason

RUNS = 11
SOURCES = Sources(ROOT / "handler", ROOT / "infra", "0.1.0")


def start(python: Interpreter, code: str, *arguments: str) -> float:
    """Return the median of how long a fresh process takes, in milliseconds."""
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(
            [python.command, "-ISB", "-c", code, *arguments],
            check=True,
            env={"PATH": os.environ["PATH"]},
        )
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def imported(built: Built, python: Interpreter) -> float:
    """Return how long an import of the zip's entry file takes, the process's own start included."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import index"
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        (folder / "made.zip").write_bytes(built.zip)
        with zipfile.ZipFile(folder / "made.zip") as packed:
            packed.extractall(folder / "code")
        return start(python, code, str(folder / "code"))


def main() -> None:
    """Print a line for each runtime."""
    for runtime in RUNTIMES.values():
        python = interpreter(runtime)
        if python is None:
            sys.stdout.write(f"{runtime.name}: no interpreter here\n")
            continue
        try:
            built, plain = (build(SOURCES, runtime, (), with_) for with_ in (python, None))
        except PackageError as error:
            sys.exit(str(error))
        size, unpacked = (count / 1024 / 1024 for count in (len(built.zip), built.unpacked))
        sys.stdout.write(
            f"{runtime.name}: {size:.1f} MiB ({unpacked:.1f} unpacked), imported in "
            f"{imported(built, python):.0f} ms; {imported(plain, python):.0f} ms without bytecode; "
            f"bare interpreter {start(python, 'pass'):.0f} ms\n"
        )


if __name__ == "__main__":
    main()
