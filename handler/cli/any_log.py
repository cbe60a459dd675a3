"""The log at any address; what one in OBS needs besides comes from the environment."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from handler.audit.stores import OBS, open_log, open_stored
from handler.cloud.credentials import credentials
from handler.cloud.key_ring import KeyRing
from handler.cloud.obs import Obs
from handler.cloud.obs_folder import ObsFolders
from handler.cloud.transport import Transport
from handler.errors import CredentialsError, LogError
from handler.settings import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.audit.log import Log
    from handler.audit.stored import Stored

_TIMEOUT = 10.0


def any_log(address: str, environ: Mapping[str, str] = os.environ) -> Log:
    """Open the log at an address, as `open_log` does.

    Args:
        address: The address.
        environ: Names OBS's endpoint or region, and keys, for an address in OBS.

    Raises:
        LogError: The address names no store, or the store cannot be used.
    """
    return open_log(address, folders(environ) if address.startswith(OBS) else None)


def any_stored(address: str, environ: Mapping[str, str] = os.environ) -> Stored:
    """Open what stands at an address to verify it, as `open_stored` does.

    Args:
        address: The address.
        environ: As for `any_log`.

    Raises:
        LogError: The address names no store, or there is no log in it.
    """
    return open_stored(address, folders(environ) if address.startswith(OBS) else None)


def folders(environ: Mapping[str, str] = os.environ) -> ObsFolders:
    """Return OBS as an environment describes it: `NIGHTDROP_OBS_ENDPOINT` or a region, and keys.

    Raises:
        LogError: It does not, or not so that it could be used.
    """
    region = environ.get("NIGHTDROP_REGION", "").strip()
    address = environ.get("NIGHTDROP_OBS_ENDPOINT", "").strip()
    if not (region or address):
        raise LogError("a log in OBS needs NIGHTDROP_REGION, or NIGHTDROP_OBS_ENDPOINT")
    checked: TypeAdapter[str] = TypeAdapter(Endpoint)
    try:
        endpoint = checked.validate_python(address or f"https://obs.{region}.myhuaweicloud.com")
        keys = credentials(None, environ)
    except ValidationError as error:
        raise LogError(f"NIGHTDROP_OBS_ENDPOINT {error.errors()[0]['msg']}") from None
    except CredentialsError as error:
        raise LogError(str(error)) from error
    return ObsFolders(Obs(endpoint, keys, Transport(timeout=_TIMEOUT), _now), KeyRing(keys))


def _now() -> datetime:
    return datetime.now(timezone.utc)
