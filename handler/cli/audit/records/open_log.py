"""The log at any address; what one in OBS needs besides comes from the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from handler.audit.open_log import open_log, open_source
from handler.cli.obs_from_environment import open_obs
from handler.cloud.credentials import CurrentCredentials
from handler.cloud.obs.prefix_store import ObsFolders
from handler.errors import CredentialsError, LogError, SettingsError
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.audit.log import SearchedLog
    from handler.audit.verification.sources.source import RecordSource


def any_log(address: str, environ: Mapping[str, str] = os.environ) -> SearchedLog:
    """Open the log at an address, as `open_log` does.

    Args:
        address: The address.
        environ: Names OBS's endpoint or region, and keys, for an address in OBS.

    Raises:
        LogError: The address names no store, or the store cannot be used.
    """
    return open_log(address, folders(environ) if address.startswith(OBS) else None)


def any_source(address: str, environ: Mapping[str, str] = os.environ) -> RecordSource:
    """Open what stands at an address to verify it, as `open_source` does.

    Args:
        address: The address.
        environ: As for `any_log`.

    Raises:
        LogError: The address names no store, or there is no log in it.
    """
    return open_source(address, folders(environ) if address.startswith(OBS) else None)


def folders(environ: Mapping[str, str] = os.environ) -> ObsFolders:
    """Return OBS as an environment describes it: `NIGHTDROP_OBS_ENDPOINT` or a region, and keys.

    Raises:
        LogError: It does not, or not so that it could be used.
    """
    try:
        obs = open_obs(environ)
    except (SettingsError, CredentialsError) as error:
        raise LogError(f"a log in OBS cannot be reached: {error}") from error
    return ObsFolders(obs, CurrentCredentials(obs.credentials))
