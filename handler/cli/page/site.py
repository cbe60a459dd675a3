"""The page: Datasette on a copy of the log, with templates, styles and questions of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn
import yaml
from datasette.app import Datasette

from handler.cli.facts import PAGE

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

_SETTINGS = {
    "default_page_size": 50,
    "max_returned_rows": 5000,
    "sql_time_limit_ms": 10_000,
    "allow_download": False,
    "allow_facet": True,
    "suggest_facets": False,
    "default_cache_ttl": 0,
}


def site(copy: Path) -> Datasette:
    """Return the page of a copy of the log that nobody writes to any more.

    Args:
        copy: The SQLite file, `nightdrop.db`: its stem is what the page calls the database.
    """
    return Datasette(
        [],
        immutables=[str(copy)],
        metadata=_metadata(),
        template_dir=str(PAGE / "templates"),
        plugins_dir=str(PAGE / "plugins"),
        static_mounts=[("page", str(PAGE / "static"))],
        settings=_SETTINGS,
    )


def run(copy: Path, place: socket.socket) -> None:
    """Serve the page at a listening socket until a signal ends it, which is then raised again."""
    uvicorn.Server(uvicorn.Config(site(copy).app(), log_level="warning")).run(sockets=[place])


def _metadata() -> Mapping[str, Any]:
    text = (PAGE / "metadata.yaml").read_text()
    metadata: dict[str, Any] = yaml.safe_load(text)
    return metadata
