"""Collects the files of the zip, and writes them reproducibly."""

from __future__ import annotations

import io
import zipfile
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from handler.packaging.import_closure import closure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from handler.packaging.wheels import Wheel

_NEVER = ("*.pyi", "*/py.typed", "*/tests/*", "*.dist-info/*", "*.data/*")

_LEFT_OUT = {
    "annotated-types": ("annotated_types/test_cases.py",),
    "pydantic": ("pydantic/v1/*", "pydantic/mypy.py"),
    "pyyaml": ("_yaml/*",),
    "urllib3": ("urllib3/contrib/*",),
}
"""Files that are never imported, of packages that are otherwise included whole."""

_KEPT = {
    # The signer only: the rest of the SDK's core needs requests, simplejson and bson.
    "huaweicloudsdkcore": (
        "huaweicloudsdkcore/__init__.py",
        "huaweicloudsdkcore/sdk_request.py",
        "huaweicloudsdkcore/signer/*",
        "huaweicloudsdkcore/exceptions/*",
        "huaweicloudsdkcore/utils/__init__.py",
        "huaweicloudsdkcore/utils/six_utils.py",
    ),
}
"""The only files that are included of these packages."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o100644 << 16
_LEVEL = 9

_LICENCE_NAMES = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "AUTHORS*")


def contents(package: Path, entry: Path, wheels: Iterable[Wheel]) -> dict[str, bytes]:
    """Return the files of the zip by path, without bytecode and manifest.

    Args:
        package: The folder of the function's own package.
        entry: The entry file, which belongs at the zip's root.
        wheels: The packages that it needs.
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
