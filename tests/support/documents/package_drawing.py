"""The packages of `handler/` and their arrows, drawn from the imports; run it to print it."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.documents.code_size import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[3]
_GROUND = frozenset({"errors", "values"})


def drawing() -> str:
    """Return one line for each package, the highest floor first, with the arrows to lower ones.

    A floor is one above the highest floor that something on it imports. Left out are arrows to the
    ground, `errors` and `values`, and those that follow from others.
    """
    graph = arrows()
    below: dict[str, frozenset[str]] = {}
    floors: dict[str, int] = {}
    for part in TopologicalSorter(graph).static_order():
        below[part] = frozenset(graph[part]).union(*(below[one] for one in graph[part]))
        floors[part] = 1 + max((floors[one] for one in graph[part]), default=-1)
    lines = []
    for part in sorted(graph, key=lambda one: (-floors[one], one)):
        implied = frozenset[str]().union(*(below[one] for one in graph[part]))
        direct = sorted(graph[part] - implied - _GROUND)
        arrow = f" ─► {', '.join(direct)}" if direct else ""
        lines.append(f"{floors[part]:>2}  {part:<11}{arrow}".rstrip())
    return "\n".join(lines)


def arrows() -> Mapping[str, frozenset[str]]:
    """Return for each part of the package the parts that it imports when it runs."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "handler").rglob("*.py")):
        part = _part(path.relative_to(ROOT / "handler").with_suffix("").parts)
        if part:
            found.setdefault(part, set()).update(_imported(path))
    return {part: frozenset(found[part] & found.keys()) - {part} for part in found}


def _part(names: tuple[str, ...]) -> str:
    return "" if names[0] == "__init__" else names[0]


def _imported(path: Path) -> Iterator[str]:
    for node in imports(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = node.module.split(".")
            if names[0] == "handler":
                yield from names[1:2] or [alias.name for alias in node.names]


@cache
def imports(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """Return the imports of a module that run, wherever in it they stand."""
    found: list[ast.Import | ast.ImportFrom] = []
    waiting: list[ast.AST] = [parsed(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif not isinstance(node, ast.expr):
            waiting += ast.iter_child_nodes(node)
    return tuple(found)


if __name__ == "__main__":
    print(drawing())  # noqa: T201 - the drawing for handler/README.md
