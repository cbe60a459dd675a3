"""Collects the files of the zip, of our own package those that it imports; writes the zip."""

from __future__ import annotations

import ast
import io
import zipfile
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from handler.packaging.wheels import Wheel

_NEVER = ("*.pyi", "*/py.typed", "*/tests/*", "*.dist-info/*", "*.data/*")

_LEFT_OUT = {
    "annotated-types": ("annotated_types/test_cases.py",),
    "pydantic": ("pydantic/v1/*", "pydantic/mypy.py"),
    "pyyaml": ("_yaml/*",),
}
"""Files that are never imported, of packages that are otherwise included whole."""

_KEPT = {
    # The signer only: the rest of the SDK's core needs requests, urllib3, simplejson and bson.
    "huaweicloudsdkcore": (
        "huaweicloudsdkcore/__init__.py",
        "huaweicloudsdkcore/sdk_request.py",
        "huaweicloudsdkcore/signer/*",
        "huaweicloudsdkcore/exceptions/__init__.py",
        "huaweicloudsdkcore/exceptions/exceptions.py",
        "huaweicloudsdkcore/utils/__init__.py",
        "huaweicloudsdkcore/utils/six_utils.py",
    )
}
"""The only files that are included of these packages."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o100644 << 16
_LEVEL = 9

_LICENCE_NAMES = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "AUTHORS*")

_SKIPPED = "TYPE_CHECKING"
_NAMED_BY = "with_name"


def contents(package: Path, entry: Path, wheels: Iterable[Wheel]) -> dict[str, bytes]:
    """Return the files of the zip by path, without bytecode and manifest.

    The entry file is at the zip's root.
    """
    files = {entry.name: entry.read_bytes()}
    for path in closure(package):
        files[f"{package.name}/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    for wheel in wheels:
        files |= {name: data for name, data in wheel.files.items() if _needed(name, wheel.name)}
        files |= licences(wheel)
    return files


def licences(wheel: Wheel) -> dict[str, bytes]:
    """Return the licence texts of a wheel, by their path under `licences/`."""
    return {
        f"licences/{wheel.name}/{PurePosixPath(name).name}": data
        for name, data in wheel.files.items()
        if ".dist-info/" in name and _matches(PurePosixPath(name).name, _LICENCE_NAMES)
    }


def _needed(name: str, package: str) -> bool:
    if _matches(name, _NEVER) or _matches(name, _LEFT_OUT.get(package, ())):
        return False
    return package not in _KEPT or _matches(name, _KEPT[package])


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files by path: sorted, one date, one mode, one level of compression."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as target:
        for name in sorted(files):
            item = zipfile.ZipInfo(name, _EPOCH)
            item.create_system = _UNIX
            item.external_attr = _READABLE
            target.writestr(item, files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    return output.getvalue()


def closure(package: Path) -> tuple[Path, ...]:
    """Return the files of a package that its `__init__` needs when it runs, in order.

    Imports inside functions count too; those for type checkers do not. Other files, such as SQL,
    are included only if a module names them, as in `Path(__file__).with_name("sqlite.sql")`: any
    other file in a folder may be a secret.
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
    waiting = [tree]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if not (isinstance(child, ast.If) and ast.unparse(child.test) == _SKIPPED):
                yield child
                waiting.append(child)


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
