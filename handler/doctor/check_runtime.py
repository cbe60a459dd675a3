"""What the function runs on: the interpreter, the libraries, and the platform's limits.

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

from handler.doctor.finding import fail, ok, warn
from handler.runtime.startup_record import start
from handler.settings import in_cloud

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from handler.doctor.finding import Finding
    from handler.settings import Settings

OLDEST = {
    "urllib3": (2, 2),
    "pydantic": (2, 11),
    "PyYAML": (6, 0, 1),
    "huaweicloudsdkcore": (3, 1, 111),
}
"""The first release of each library that does what is asked of it here."""

OLDEST_SQLITE = (3, 37)
"""The first release with STRICT tables."""

MOST_ENTRIES, MOST_CHARACTERS = 20, 4096
"""What function user data may hold."""

_MODULES = {"PyYAML": "yaml"}
_IN_SQLITE = ("sqlite:", "obs:")
_RECORDING_SECONDS = 2.0


@dataclass(frozen=True)
class Host:
    """What the function runs on.

    Attributes:
        python: The interpreter's version.
        sqlite: SQLite's version.
        libraries: The version of each library in `OLDEST`; "" where it cannot be told.
        clashes: Libraries of the zip that were loaded from elsewhere, a sentence each.
        in_cloud: Whether this is FunctionGraph.
        timeout: Seconds that an invocation may take; 0 where nobody says.
        entries: How many settings user data holds, or would hold.
        characters: How long they are, names included.
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
    """Return what this process runs on.

    Args:
        root: The folder of the code.
        environ: The environment; only sizes of its values are kept.
    """
    cloud = in_cloud(environ)
    timeout = environ.get("RUNTIME_TIMEOUT", "")
    user_data = _user_data(environ) if cloud else _settings(environ)
    return Host(
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        libraries={name: _version(name) for name in OLDEST},
        conflicting_packages=start(root, sys.modules).conflicting_packages,
        in_cloud=cloud,
        timeout=int(timeout) if timeout.isascii() and timeout.isdigit() else 0,
        entries=len(user_data),
        characters=sum(len(name) + len(value) for name, value in user_data.items()),
    )


def runtime_findings(host: Host, settings: Settings) -> Iterator[Finding]:
    """Yield what is to be said of the host, with what is set."""
    yield from _library_findings(host, settings)
    yield _timeout_finding(host, settings)
    yield _size_finding(host)
    if host.in_cloud and settings.audit.startswith("sqlite:") and settings.audit_mount:
        yield warn(
            "log's place",
            "the audit log is a SQLite file on a mount, said to be for one instance (NIGHTDROP_"
            "AUDIT_MOUNT); a second instance, or a lost mount, creates jobs twice",
            "see that max_instance_num is 1 and the mount is there, or use a log in OBS",
        )
    elif host.in_cloud and settings.audit.startswith("sqlite:"):
        yield fail(
            "log's place",
            "the audit log lies in this instance's own file system and is lost with it",
            "set NIGHTDROP_AUDIT to a log that all instances share",
        )


def _library_findings(host: Host, settings: Settings) -> Iterator[Finding]:
    faults = [
        fail(
            "libraries",
            f"{name} is {found}, older than {_dotted(OLDEST[name])}",
            "build the zip anew from the pinned requirements, and see that its copy is loaded",
        )
        for name, found in host.libraries.items()
        if found and _numbers(found) < OLDEST[name]
    ]
    if _numbers(host.sqlite) < OLDEST_SQLITE and settings.audit.startswith(_IN_SQLITE):
        needed = _dotted(OLDEST_SQLITE)
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
            "libraries", clash, "leave the platform's copy out of the function's dependencies"
        )
    if not faults and not host.conflicting_packages:
        told = {"Python": host.python, "SQLite": host.sqlite, **host.libraries}
        yield ok("libraries", ", ".join(f"{name} {found}".strip() for name, found in told.items()))


def _timeout_finding(host: Host, settings: Settings) -> Finding:
    needed = settings.request_timeout + _RECORDING_SECONDS
    if not host.timeout:
        return ok(
            "time-out", f"set the function's to {3 * needed:g} s or more; it is not known here"
        )
    if host.timeout <= needed:
        return fail(
            "time-out",
            f"{host.timeout} s end before one request and its record are done ({needed:g} s), "
            "so that nothing is ever sent",
            f"set the function's time-out to {3 * needed:g} s or more",
        )
    if host.timeout < 3 * needed:
        return warn(
            "time-out",
            f"{host.timeout} s are little for reading, sending and reporting",
            f"set the function's time-out to {3 * needed:g} s or more",
        )
    return ok("time-out", f"{host.timeout} s")


def _size_finding(host: Host) -> Finding:
    said = (
        f"{host.entries} of {MOST_ENTRIES} entries, "
        f"{host.characters} of {MOST_CHARACTERS} characters"
    )
    if host.entries > MOST_ENTRIES or host.characters > MOST_CHARACTERS:
        return fail(
            "user data",
            f"{said}: the platform takes no more",
            "leave out settings that are at their default",
        )
    return ok("user data", said)


def _user_data(environ: Mapping[str, str]) -> Mapping[str, str]:
    try:
        said = json.loads(environ.get("RUNTIME_USERDATA", "{}"))
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {name: str(value) for name, value in said.items()}


def _settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in environ.items() if name.startswith("NIGHTDROP_")}


def _version(name: str) -> str:
    said = getattr(sys.modules.get(_MODULES.get(name, name)), "__version__", None)
    if isinstance(said, str):
        return said
    try:
        return version(name)
    except PackageNotFoundError:  # the zip holds no metadata
        return ""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in takewhile(str.isdigit, text.split(".")))


def _dotted(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))
