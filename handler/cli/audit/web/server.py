"""The page: Datasette on a copy of the log, with our own templates, styles and queries."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import uvicorn
import yaml
from datasette.app import Datasette
from datasette.plugins import pm

from handler.cli.audit.web.report_tables import WEB_FOLDER

if TYPE_CHECKING:
    import socket
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


def build_site(copy: Path, *, own_sql: bool) -> Datasette:
    """Return the Datasette application for a copy of the log that does not change.

    The copy is named `nightdrop.db`: Datasette names the database after its stem. `own_sql` lets
    visitors run queries of their own.
    """
    # Datasette's handler prints a traceback for every error, also for a page that does not exist.
    pm.unregister(name="datasette.handle_exception")
    return Datasette(
        [],
        immutables=[str(copy)],
        metadata=yaml.safe_load((WEB_FOLDER / "metadata.yaml").read_text(encoding="utf-8")),
        template_dir=str(WEB_FOLDER / "templates"),
        plugins_dir=str(WEB_FOLDER / "plugins"),
        static_mounts=[("page", str(WEB_FOLDER / "static"))],
        settings={**_SETTINGS, "default_allow_sql": own_sql},
    )


def run_page(copy: Path, listener: socket.socket, *, own_sql: bool) -> None:
    """Serve the page on a listening socket until a signal arrives, and raise that signal again.

    Limits the data of this process to 1 GiB: a result that is too large ends in an error page.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _DATA_BYTES if hard == resource.RLIM_INFINITY else min(_DATA_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    app = build_site(copy, own_sql=own_sql).app()
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])
