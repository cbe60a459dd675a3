"""Which modules of the package the function imports, read from their source."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SKIPPED = "TYPE_CHECKING"
_OTHER = {".py", ".pyc", ".typed"}


def closure(package: Path) -> tuple[Path, ...]:
    """Return the files of a package that its `__init__` needs when it runs, in order.

    Imports count wherever they stand, inside functions too; those for type checkers do not. Files
    beside a module that are no Python, such as SQL, go with it.

    Args:
        package: The package's folder.
    """
    reached: set[Path] = set()
    waiting = [package / "__init__.py"]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        waiting += _imported(path, package)
    folders = {path.parent for path in reached}
    data = {
        path
        for folder in folders
        for path in folder.iterdir()
        if path.is_file() and path.suffix not in _OTHER
    }
    return tuple(sorted(reached | data))


def _imported(path: Path, package: Path) -> Iterator[Path]:
    for node in _running(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(alias.name, package)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from _files(node.module, package)
            for alias in node.names:
                yield from _files(f"{node.module}.{alias.name}", package)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) == _SKIPPED:
            continue
        yield child
        yield from _running(child)


def _files(module: str, package: Path) -> Iterator[Path]:
    """Yield a module's file and the packages around it; nothing for a module from elsewhere."""
    first, *rest = module.split(".")
    if first != package.name:
        return
    place = package.joinpath(*rest)
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            yield path
            parents = [place.parent, *place.parent.parents]
            for folder in parents[: len(rest)]:
                yield folder / "__init__.py"
