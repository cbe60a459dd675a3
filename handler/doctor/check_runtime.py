"""Checks the interpreter, the libraries, and the platform's limits.

Sources: "Notes and Constraints" of the FunctionGraph user guide (functiongraph_01_0150): user data
of 20 entries and 4,096 characters; a time-out of 3 s unless it is set.
"""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile
from typing import TYPE_CHECKING

from handler.audit.sql.sqlite import OLDEST_SQLITE
from handler.doctor.finding import fail, ok, warn
from handler.runtime.deadline import timeout_of
from handler.runtime.startup_record import read_startup
from handler.settings import in_cloud

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from handler.doctor.finding import Finding
    from handler.settings import Settings

OLDEST = {
    "pydantic": (2, 11),
    "PyYAML": (6, 0, 1),
    "huaweicloudsdkcore": (3, 1, 111),
}
"""The oldest release of each library that works."""

MOST_ENTRIES, MOST_CHARACTERS = 20, 4096
"""Limits of function user data."""

_MODULES = {"PyYAML": "yaml"}
_IN_SQLITE = ("sqlite:", "obs:")
_RECORDING_SECONDS = 2.0


@dataclass(frozen=True)
class Host:
    """The runtime of the function.

    Unknown versions are "", an unknown time-out is 0 seconds. `conflicting_packages` are libraries
    of the zip that were loaded from elsewhere, a sentence each. `entries` and `characters` are
    counts of the settings in user data, or in the environment of a local run.
    """

    python: str
    sqlite: str
    libraries: Mapping[str, str]
    conflicting_packages: tuple[str, ...]
    in_cloud: bool
    timeout: int
    entries: int
    characters: int


def read_host(root: Path, environ: Mapping[str, str]) -> Host:
    """Read the runtime of this process; of the environment only the sizes of values are stored."""
    cloud = in_cloud(environ)
    user_data = _user_data(environ) if cloud else _settings(environ)
    return Host(
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        libraries={name: _version(name) for name in OLDEST},
        conflicting_packages=read_startup(root, sys.modules).conflicting_packages,
        in_cloud=cloud,
        timeout=timeout_of(environ),
        entries=len(user_data),
        characters=sum(len(name) + len(value) for name, value in user_data.items()),
    )


def runtime_findings(host: Host, settings: Settings) -> Iterator[Finding]:
    """Yield findings about the runtime."""
    yield from _library_findings(host, settings)
    yield _timeout_finding(host, settings)
    yield _size_finding(host)
    if host.in_cloud and settings.audit.startswith("sqlite:") and settings.audit_mount:
        yield warn(
            "log's place",
            "the audit log is a SQLite file on a mount for one instance (NIGHTDROP_AUDIT_MOUNT); a "
            "second instance, or a lost mount, would create jobs twice",
            "check that max_instance_num is 1 and the mount exists, or use a log in OBS",
        )
    elif host.in_cloud and settings.audit.startswith("sqlite:"):
        yield fail(
            "log's place",
            "the audit log is in this instance's own file system and is lost with it",
            "set NIGHTDROP_AUDIT to a log that all instances share",
        )


def _library_findings(host: Host, settings: Settings) -> Iterator[Finding]:
    faults = [
        fail(
            "libraries",
            f"{name} is {found}, older than {_dotted(OLDEST[name])}",
            "rebuild the zip from the pinned requirements, and check that its copy is loaded",
        )
        for name, found in host.libraries.items()
        if found and _numbers(found) < OLDEST[name]
    ]
    if _numbers(host.sqlite) < OLDEST_SQLITE and settings.audit.startswith(_IN_SQLITE):
        needed = _dotted(OLDEST_SQLITE[:2])
        faults.append(
            fail(
                "libraries",
                f"SQLite is {host.sqlite}, and the audit log needs {needed}",
                "choose a later runtime of the platform, or keep the log in PostgreSQL",
            )
        )
    yield from faults
    for clash in host.conflicting_packages:
        yield warn(
            "libraries", clash, "remove the platform's copy from the function's dependencies"
        )
    if not faults and not host.conflicting_packages:
        versions = {"Python": host.python, "SQLite": host.sqlite, **host.libraries}
        yield ok(
            "libraries", ", ".join(f"{name} {found}".strip() for name, found in versions.items())
        )


def _timeout_finding(host: Host, settings: Settings) -> Finding:
    needed = settings.request_timeout + _RECORDING_SECONDS
    if not host.timeout:
        return ok(
            "time-out", f"the function's is unknown here; it must be at least {3 * needed:g} s"
        )
    if host.timeout <= needed:
        return fail(
            "time-out",
            f"{host.timeout} s are shorter than one request and its record ({needed:g} s): nothing "
            "is ever sent",
            f"set the function's time-out to {3 * needed:g} s or more",
        )
    if host.timeout < 3 * needed:
        return warn(
            "time-out",
            f"{host.timeout} s are short for reading, sending and reporting",
            f"set the function's time-out to {3 * needed:g} s or more",
        )
    return ok("time-out", f"{host.timeout} s")


def _size_finding(host: Host) -> Finding:
    size = (
        f"{host.entries} of {MOST_ENTRIES} entries, "
        f"{host.characters} of {MOST_CHARACTERS} characters"
    )
    if host.entries > MOST_ENTRIES or host.characters > MOST_CHARACTERS:
        return fail(
            "user data",
            f"{size}: the platform accepts no more",
            "remove settings that have their default value",
        )
    return ok("user data", size)


def _user_data(environ: Mapping[str, str]) -> Mapping[str, str]:
    try:
        user_data = json.loads(environ.get("RUNTIME_USERDATA", "{}"))
    except ValueError:
        return {}
    if not isinstance(user_data, dict):
        return {}
    return {name: str(value) for name, value in user_data.items()}


def _settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in environ.items() if name.startswith("NIGHTDROP_")}


def _version(name: str) -> str:
    loaded = getattr(sys.modules.get(_MODULES.get(name, name)), "__version__", None)
    if isinstance(loaded, str):
        return loaded
    try:
        return version(name)
    except PackageNotFoundError:  # the zip contains no metadata
        return ""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in takewhile(str.isdigit, text.split(".")))


def _dotted(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))
