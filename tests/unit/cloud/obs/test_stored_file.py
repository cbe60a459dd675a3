"""A file of the operator's, at a path or in OBS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.cloud.credentials import credentials
from handler.cloud.obs.client import Obs
from handler.cloud.obs.stored_file import MOST_BYTES, read_stored_file
from handler.errors import ObjectError
from handler.values.canonical_json import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from handler.cloud.http_transport import Transport
    from handler.emulator.server import Emulator

BUCKET = "nightdrop-drop"


@pytest.fixture
def obs(emulator: Emulator, transport: Transport) -> Obs:
    """A client with the emulator's keys."""
    return Obs(emulator.url, credentials(None, emulator.environment()), transport, utc_now)


def no_obs() -> Obs:
    """Stand for a client that nobody asks for."""
    raise AssertionError


@pytest.mark.parametrize("place", ["path", "obs"])
def test_a_file_is_read_up_to_its_largest_size(
    place: str, tmp_path: Path, emulator: Emulator, obs: Obs
) -> None:
    """One byte more is an error, which names the file and no setting that has no effect."""
    path = tmp_path / "file.yaml"
    address = str(path) if place == "path" else f"obs://{BUCKET}/file.yaml"
    for size in (MOST_BYTES, MOST_BYTES + 1):
        path.write_bytes(b"x" * size)
        emulator.state.put_object(BUCKET, "file.yaml", b"x" * size)
        if size == MOST_BYTES:
            assert len(read_stored_file(address, lambda: obs)) == size
    with pytest.raises(ObjectError) as caught:
        read_stored_file(address, lambda: obs)
    assert str(caught.value) == f"{address} is larger than {MOST_BYTES} bytes"


def test_a_missing_file_is_named(tmp_path: Path, obs: Obs) -> None:
    """With what the system or OBS says."""
    path = tmp_path / "none.yaml"
    with pytest.raises(ObjectError, match=f"{path} cannot be read: No such file or directory"):
        read_stored_file(str(path), no_obs)
    with pytest.raises(ObjectError, match=r"none\.yaml: no such object"):
        read_stored_file("obs://nightdrop-drop/none.yaml", lambda: obs)
