"""Clients for an emulated cloud."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.emulator.server import Emulator


@pytest.fixture
def obs(emulator: Emulator) -> Iterator[Obs]:
    """OBS with the emulator's keys."""
    transport = Transport(timeout=5)
    keys = credentials(None, emulator.environment())
    yield Obs(emulator.url, keys, transport, lambda: datetime.now(timezone.utc))
    transport.close()
