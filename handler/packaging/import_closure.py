"""Which files of the package the function needs, read from its modules' source."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SKIPPED = "TYPE_CHECKING"
_NAMED_BY = "with_name"


def closure(package: Path) -> tuple[Path, ...]:
    """Return the files of a package that its `__init__` needs when it runs, in order.

    Imports inside functions count too; those for type checkers do not. Other files, such as SQL,
    are included only if a module names them, as in `Path(__file__).with_name("sqlite.sql")`: any
    other file in a folder may be a secret.

    Args:
        package: The package's folder.
    """
    reached: set[Path] = set()
    data: set[Path] = set()
    waiting = [package / "__init__.py"]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        nodes = [*_running(ast.parse(path.read_bytes()))]
        waiting += _imported(nodes, package)
        data |= set(_named(nodes, path))
    return tuple(sorted(reached | data))


def _named(nodes: Iterable[ast.AST], module: Path) -> Iterator[Path]:
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Attribute(attr=attribute), args=[ast.Constant(value=str() as name)]
            ) if attribute == _NAMED_BY and module.with_name(name).is_file():
                yield module.with_name(name)


def _imported(nodes: Iterable[ast.AST], package: Path) -> Iterator[Path]:
    for node in nodes:
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
