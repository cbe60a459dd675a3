"""Opens the log at any address; OBS is configured from the environment."""

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


def open_any_log(address: str, environ: Mapping[str, str] = os.environ) -> SearchedLog:
    """Open the log at an address, as `open_log` does.

    Args:
        address: The address.
        environ: Has the endpoint or region and the keys of OBS, for an address in OBS.

    Raises:
        LogError: The address names no store, or the store cannot be used.
    """
    return open_log(address, obs_folders(environ) if address.startswith(OBS) else None)


def open_any_source(address: str, environ: Mapping[str, str] = os.environ) -> RecordSource:
    """Open the records at an address for verification, as `open_source` does.

    Args:
        address: The address.
        environ: As for `open_any_log`.

    Raises:
        LogError: The address names no store, or the store has no log.
    """
    return open_source(address, obs_folders(environ) if address.startswith(OBS) else None)


def obs_folders(environ: Mapping[str, str] = os.environ) -> ObsFolders:
    """Return access to OBS, configured by an environment.

    Raises:
        LogError: A setting is missing or invalid.
    """
    try:
        obs = open_obs(environ)
    except (SettingsError, CredentialsError) as error:
        raise LogError(f"a log in OBS cannot be reached: {error}") from error
    return ObsFolders(obs, CurrentCredentials(obs.credentials))
