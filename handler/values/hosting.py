"""Where the function runs: on FunctionGraph itself, or anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.settings import Settings


def in_cloud(environ: Mapping[str, str]) -> bool:
    """Return whether this is FunctionGraph itself, which presets these variables.

    Source: FunctionGraph user guide, "Environment Variables". Nothing that runs the function
    locally sets them: there one file serves all instances.
    """
    return "RUNTIME_CODE_ROOT" in environ or "RUNTIME_FUNC_NAME" in environ


def own_file_problem(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield why the audit log may not be a SQLite file here, if it may not.

    Instances have no file in common, so each would take every delivery for new.
    """
    if in_cloud(environ) and settings.audit.startswith("sqlite:") and not settings.audit_mount:
        yield (
            "NIGHTDROP_AUDIT: on FunctionGraph each instance has a file system of its own, so that "
            "each would keep another log and create jobs again; use obs://bucket/prefix/ or "
            "postgresql://host/database. Only if the file is on a mount that outlives instances "
            "and the function has one instance at most, set NIGHTDROP_AUDIT_MOUNT=single-instance"
        )
