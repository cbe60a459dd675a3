"""Checks the keys and the project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.doctor.finding import fail, ok, warn

if TYPE_CHECKING:
    from handler.cloud.credentials import Credentials
    from handler.doctor.finding import Finding

_PROJECT = re.compile(r"[0-9a-f]{32}")


def keys_finding(keys: Credentials, *, in_cloud: bool) -> Finding:
    """Return the finding about the keys; their rights are checked elsewhere."""
    if keys.missing:
        reason, _, remedy = keys.missing.partition(": ")
        return fail("credentials", reason, remedy)
    if in_cloud and not keys.token:
        return warn(
            "credentials",
            "requests are signed with a permanent key from the function's environment",
            "give the function an execution agency (app_agency), and remove the key",
        )
    return ok("credentials", "temporary keys" if keys.token else "a permanent key")


def project_finding(project: str, own: str) -> Finding:
    """Return the finding about the project of the fleet.

    Args:
        project: The project in the settings.
        own: The project that the function runs in; "" if unknown.
    """
    if not _PROJECT.fullmatch(project):
        return warn(
            "project",
            "NIGHTDROP_PROJECT_ID does not look like a project's id, which is 32 hex digits",
            "copy the id, not the name, from My Credentials",
        )
    if own and own != project:
        return warn(
            "project",
            "the fleet's project differs from the function's",
            "check that the agency's role for IEF is granted in the fleet's project",
        )
    return ok("project", "the id has the right format")
