"""A zip that is the same, byte for byte, for the same content."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o100644 << 16
_LEVEL = 9


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files by path: sorted, one date, one mode, one level of compression."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as target:
        for name in sorted(files):
            item = zipfile.ZipInfo(name, _EPOCH)
            item.create_system = _UNIX
            item.external_attr = _READABLE
            target.writestr(item, files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    return output.getvalue()
