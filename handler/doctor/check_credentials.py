"""Who the function is to the cloud: its keys and its project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.doctor.finding import fail, ok, warn

if TYPE_CHECKING:
    from handler.cloud.credentials import Credentials
    from handler.doctor.finding import Finding

_PROJECT = re.compile(r"[0-9a-f]{32}")


def keys_finding(keys: Credentials, *, in_cloud: bool) -> Finding:
    """Return how it is with the keys, without looking at what they open."""
    if keys.missing:
        reason, _, remedy = keys.missing.partition(": ")
        return fail("credentials", reason, remedy)
    if in_cloud and not keys.token:
        return warn(
            "credentials",
            "requests are signed with a permanent key from the function's environment",
            "give the function an execution agency (app_agency), and take the key away",
        )
    return ok("credentials", "temporary keys" if keys.token else "a permanent key")


def project_finding(project: str, own: str) -> Finding:
    """Return how it is with the project of the fleet.

    Args:
        project: The one that is set.
        own: The one that the function runs in; "" where nobody says.
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
            "the fleet's project is another than the function's",
            "see that the agency's role for IEF is granted in the fleet's project",
        )
    return ok("project", "an id of the right form")
