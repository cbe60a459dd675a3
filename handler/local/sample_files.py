"""The sample events and job specs: beside the package in a checkout, inside it once installed."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def sample(name: str) -> Path:
    """Return a sample's path, such as `sample("specs/deploy-camera.yaml")`.

    Raises:
        FileNotFoundError: There is no such sample.
    """
    for folder in (_PACKAGE.parent / "events", _PACKAGE / "samples"):
        path = folder / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"no sample {name}")
