"""Opens OBS from the environment, without the other settings of the function."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs
from handler.errors import SettingsError
from handler.settings import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT = 10.0
_CONNECTIONS = 16


def open_obs(environ: Mapping[str, str]) -> Obs:
    """Return OBS with the endpoint and the keys in the environment.

    Raises:
        SettingsError: There is no valid endpoint.
        CredentialsError: There are no keys.
    """
    region = environ.get("NIGHTDROP_REGION", "").strip()
    address = environ.get("NIGHTDROP_OBS_ENDPOINT", "").strip()
    if not (region or address):
        raise SettingsError("NIGHTDROP_REGION is missing (or set NIGHTDROP_OBS_ENDPOINT)")
    try:
        adapter: TypeAdapter[str] = TypeAdapter(Endpoint)
        endpoint = adapter.validate_python(address or f"https://obs.{region}.myhuaweicloud.com")
    except ValidationError:
        raise SettingsError(
            "NIGHTDROP_OBS_ENDPOINT must be https:// and a host (http:// only for this machine)"
        ) from None
    transport = Transport(timeout=_TIMEOUT, connections=_CONNECTIONS)
    return Obs(endpoint, credentials(None, environ), transport, _now)


def _now() -> datetime:
    return datetime.now(timezone.utc)
