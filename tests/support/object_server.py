"""A log in OBS for the tests: an emulator for each module, a folder for each test.

A plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "nightdrop-drop"


@pytest.fixture(scope="module")
def object_server() -> Iterator[Emulator]:
    """An emulated OBS that runs for the tests of one module."""
    with Emulator() as running:
        yield running


@pytest.fixture
def obs_address(object_server: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty audit log in OBS, as this process and its children reach it."""
    for name, value in object_server.environment().items():
        monkeypatch.setenv(name, value)
    object_server.faults.set([])
    return f"obs://{BUCKET}/audit/{uuid4().hex}"
