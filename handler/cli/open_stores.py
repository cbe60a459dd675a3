"""Opens OBS, and the log at any address, from the environment without the other settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.open_log import open_log, open_source
from handler.cli.configuration.environment import cloud_environment
from handler.errors import CredentialsError, LogError, SettingsError
from handler.values.canonical_json import utc_now
from handler.values.endpoint import checked_endpoint
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.audit.log import Log
    from handler.audit.verification.sources.source import RecordSource
    from handler.cloud.obs.client import Obs
    from handler.cloud.obs.prefix_store import ObsFolders

_TIMEOUT = 10.0
_CONNECTIONS = 16


def open_any_log(address: str, environ: Mapping[str, str] | None = None) -> Log:
    """Open the log at an address, as `open_log` does.

    Raises:
        LogError: The address names no store, or the store cannot be used.
    """
    return open_log(address, obs_folders(environ) if address.startswith(OBS) else None)


def open_any_source(address: str) -> RecordSource:
    """Open the records at an address for verification, as `open_source` does.

    Raises:
        LogError: The address names no store, or the store has no log.
    """
    return open_source(address, obs_folders() if address.startswith(OBS) else None)


def obs_folders(environ: Mapping[str, str] | None = None) -> ObsFolders:
    """Return access to OBS, configured by an environment; by that of the command if it is None.

    Raises:
        LogError: A setting is missing or invalid.
    """
    from handler.cloud.credentials import CurrentCredentials
    from handler.cloud.obs.prefix_store import ObsFolders

    try:
        obs = open_obs(cloud_environment() if environ is None else environ)
    except (SettingsError, CredentialsError) as error:
        raise LogError(f"a log in OBS cannot be reached: {error}") from error
    return ObsFolders(obs, CurrentCredentials(obs.credentials))


def open_obs(environ: Mapping[str, str]) -> Obs:
    """Return OBS with the endpoint and the keys in the environment.

    Raises:
        SettingsError: There is no valid endpoint.
        CredentialsError: There are no keys.
    """
    from handler.cloud.credentials import credentials
    from handler.cloud.http_transport import Transport
    from handler.cloud.obs.client import Obs

    region = environ.get("NIGHTDROP_REGION", "").strip()
    address = environ.get("NIGHTDROP_OBS_ENDPOINT", "").strip()
    if not (region or address):
        raise SettingsError("NIGHTDROP_REGION is missing (or set NIGHTDROP_OBS_ENDPOINT)")
    try:
        endpoint = checked_endpoint(address or f"https://obs.{region}.myhuaweicloud.com")
    except ValueError as error:
        raise SettingsError(f"NIGHTDROP_OBS_ENDPOINT {error}") from None
    transport = Transport(timeout=_TIMEOUT, connections=_CONNECTIONS)
    return Obs(endpoint, credentials(None, environ), transport, utc_now)
