"""The page: Datasette on a copy of the log, with templates, styles and questions of our own."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

import uvicorn
import yaml
from datasette.app import Datasette
from datasette.plugins import pm

from handler.cli.audit.web.report_tables import PAGE

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

_SETTINGS = {
    "default_page_size": 50,
    "max_returned_rows": 1000,
    "sql_time_limit_ms": 5000,
    "allow_csv_stream": False,
    "allow_download": False,
    "allow_facet": True,
    "suggest_facets": False,
    "default_cache_ttl": 0,
}


_DATA_BYTES = 1024**3


def site(copy: Path, *, own_sql: bool) -> Datasette:
    """Return the page of a copy of the log that nobody writes to any more.

    Args:
        copy: The SQLite file, `nightdrop.db`: its stem is what the page calls the database.
        own_sql: Whether queries of the visitor's own are run.
    """
    # Datasette's own handler prints a traceback for every error, also for a page that is not there.
    pm.unregister(name="datasette.handle_exception")
    return Datasette(
        [],
        immutables=[str(copy)],
        metadata=_metadata(),
        template_dir=str(PAGE / "templates"),
        plugins_dir=str(PAGE / "plugins"),
        static_mounts=[("page", str(PAGE / "static"))],
        settings={**_SETTINGS, "default_allow_sql": own_sql},
    )


def run(copy: Path, place: socket.socket, *, own_sql: bool) -> None:
    """Serve the page at a listening socket until a signal ends it, which is then raised again.

    The process then has at most 1 GiB of data: a result of many large rows ends in an error page.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _DATA_BYTES if hard == resource.RLIM_INFINITY else min(_DATA_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    app = site(copy, own_sql=own_sql).app()
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[place])


def _metadata() -> Mapping[str, Any]:
    text = (PAGE / "metadata.yaml").read_text()
    metadata: dict[str, Any] = yaml.safe_load(text)
    return metadata
