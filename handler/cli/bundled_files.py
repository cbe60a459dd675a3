"""Files beside the package in a checkout, and inside it once it is installed."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def bundled(name: str) -> Path:
    """Return the folder `events` or `infra`: that of the checkout, else the installed copy.

    The wheel has the copies (`force-include` in pyproject.toml).
    """
    checkout = _PACKAGE.parent
    is_checkout = (checkout / "pyproject.toml").is_file()
    return checkout / name if is_checkout else _PACKAGE / "bundled" / name
