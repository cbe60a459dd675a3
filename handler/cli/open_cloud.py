"""Opens IEF and OBS for a command, with the settings and keys of its environment."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from handler.cli.configuration.environment import cloud_environment
from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs, obs_beside
from handler.errors import SettingsError
from handler.invocation.invocation import ief_of
from handler.runtime.deadline import Deadline
from handler.settings import Settings, load
from handler.values.canonical_json import utc_now
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.cloud.ief.client import Ief

NO_LOG = "sqlite:///none"
"""An address for a command that opens no log, so that none need be set."""

NO_CLOUD = "to try it without a cloud: nightdrop emulator -- nightdrop …, or nightdrop dev"
"""What to do where no cloud is set."""


class Cloud(NamedTuple):
    """The services that a command calls, and the settings that say where they are."""

    settings: Settings
    ief: Ief
    obs: Obs


def names_cloud(environ: Mapping[str, str]) -> bool:
    """Return whether an environment says which cloud is meant."""
    return bool(environ.get("NIGHTDROP_REGION") or environ.get("NIGHTDROP_IEF_ENDPOINT"))


@contextmanager
def open_cloud(seconds: float | None = None) -> Iterator[Cloud]:
    """Open IEF and OBS; NIGHTDROP_AUDIT need not be set.

    Args:
        seconds: How long all requests together may take; None for no limit but that of each.

    Raises:
        SettingsError: A setting is missing or wrong.
        CredentialsError: There are no keys.
    """
    environ = cloud_environment()
    if not names_cloud(environ):
        raise SettingsError(
            "no cloud is set: NIGHTDROP_REGION and NIGHTDROP_PROJECT_ID, or a profile in "
            f"nightdrop.toml; {NO_CLOUD}"
        )
    address = environ.get("NIGHTDROP_AUDIT") or NO_LOG
    settings = load(lambda _name: None, {**environ, "NIGHTDROP_AUDIT": address})
    keys = credentials(None, environ)
    timeout = min(settings.request_timeout, seconds or settings.request_timeout)
    deadline = Deadline(time.monotonic() + seconds, time.monotonic) if seconds else None
    with closing(Transport(timeout=timeout)) as transport:
        ief = ief_of(settings, keys, transport, utc_now, deadline)
        yield Cloud(settings, ief, obs_beside(ief, settings.obs_endpoint))
