"""How large `handler/` is, and what it costs to import; run it with folders that hold one.

`git archive REV handler | tar -x -C FOLDER` puts an earlier one into a folder.
"""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[3]
_RUNS = 9
_IMPORT = """
import sys, time
began = time.process_time()
from handler import handler
print(sum(name.split(".")[0] == "handler" for name in sys.modules), time.process_time() - began)
"""


def measured(root: Path) -> dict[str, str]:
    """Return the figures of the package in a folder, by what they are of."""
    paths = sorted((root / "handler").rglob("*.py"))
    lines = {path: len(path.read_text().splitlines()) for path in paths}
    importers = _importers(root, paths)
    folders = Counter(path.parent for path in paths)
    folder, size = folders.most_common(1)[0]
    loaded, milliseconds = _import_cost(root)
    once = [path for path in paths if path.name != "__init__.py" and importers[path] == 1]
    return {
        "files": str(len(paths)),
        "lines": f"{sum(lines.values()):,}",
        "modules with one importer": str(len(once)),
        "of these shorter than 40 lines": str(sum(lines[path] < 40 for path in once)),
        "files in the largest folder": f"{size} ({folder.relative_to(root)})",
        "public names of several modules": str(len(shared_names(paths))),
        "own modules that `from handler import handler` loads": loaded,
        "milliseconds of processor time for that": milliseconds,
    }


def shared_names(paths: Iterable[Path]) -> set[str]:
    """Return the public names that more than one module defines."""
    modules = Counter(name for path in paths for name in _public_names(path))
    return {name for name, number in modules.items() if number > 1}


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module; searches for garbage while it grows would find none."""
    text, enabled = path.read_text(encoding="utf-8"), gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        if enabled:
            gc.enable()


@cache
def _public_names(path: Path) -> frozenset[str]:
    """Return the public names that a module defines, without commands and type variables.

    A command may be called like the function that it runs.
    """
    found: set[str] = set()
    for node in parsed(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            is_command = any("command" in ast.unparse(one) for one in node.decorator_list)
            found |= set() if is_command else {node.name}
        elif isinstance(node, ast.Assign) and "TypeVar(" not in ast.unparse(node.value):
            found |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return frozenset(name for name in found if not name.startswith("_"))


def _importers(root: Path, paths: Iterable[Path]) -> Mapping[Path, int]:
    found: Counter[Path] = Counter()
    for path in paths:
        names: set[str] = set()
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
            elif isinstance(node, ast.Import):
                names |= {one.name for one in node.names}
        files = {(root / name.replace(".", "/")).with_suffix(".py") for name in names}
        found.update(files - {path})
    return found


def _import_cost(root: Path) -> tuple[str, str]:
    """Return how many own modules an import of the handler loads, and its processor time."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", _IMPORT], cwd=root, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(_RUNS)
    ]
    return printed[0][0], f"{median(float(seconds) for _, seconds in printed) * 1000:.0f}"


if __name__ == "__main__":
    columns = [measured(Path(folder).resolve()) for folder in sys.argv[1:] or [str(ROOT)]]
    for name in columns[0]:
        print(f"| {name} | {' | '.join(column[name] for column in columns)} |")  # noqa: T201 - its output
