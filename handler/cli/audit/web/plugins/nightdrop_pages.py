"""What Datasette learns about the log: where things lead, how they look, who may ask."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from datasette.utils.asgi import Forbidden, Response
from datasette.views.base import DatasetteError
from markupsafe import Markup
from pluggy import HookimplMarker

from handler.cli.audit.records.delivery_timeline import format_span, shown_outcome
from handler.cli.audit.web.charts import charts
from handler.cli.audit.web.guard import guarded
from handler.values.canonical_json import shown
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from sqlite3 import Connection

    from datasette.app import Datasette

    from handler.cli.audit.web.guard import Asgi

DATABASE = "nightdrop"
hookimpl = HookimplMarker("datasette")
_KEYS = frozenset({"delivery", "job"})
_MOMENTS = frozenset(
    {"at", "since", "first", "latest", "received_at", "fired_at", "planned_at", "created_at"}
)
_WORDS = frozenset({"state", "outcome", "ended"})
_HEAP_BYTES = 128 * 1024 * 1024
_OURS = 500
_FAILED = "This cannot be answered: {}."


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Response]]]]:
    """Have the front page be the overview."""
    return [("^/$", overview)]


async def overview(datasette: Datasette, request: object) -> Response:
    """Answer with the overview."""
    drawn = await charts(partial(_asked, datasette))
    text = await datasette.render_template("overview.html", {"charts": drawn}, request=request)
    return Response.html(text)


@hookimpl
def handle_exception(
    datasette: Datasette, request: object, exception: Exception
) -> Callable[[], Awaitable[Response]]:
    """Answer in one sentence: no traceback, and no text of a query in it."""

    async def answer() -> Response:
        status = int(getattr(exception, "status", 500))
        if isinstance(exception, DatasetteError) and status == _OURS:
            status = 400  # a question that cannot be asked, such as an order by no column
        told = {"title": _title(status), "error": _sentence(exception, status)}
        page = await datasette.render_template("error.html", told, request=request)
        return Response.html(page, status=status)

    return answer


def _title(status: int) -> str:
    return {400: "Not understood", 403: "Not allowed", 404: "Not found"}.get(status, "Not answered")


def _sentence(exception: Exception, status: int) -> str:
    if status in {403, 404}:
        return {
            403: "Queries of your own are off; start the page with --sql to allow them.",
            404: "There is no such page.",
        }[status]
    if isinstance(exception, MemoryError):
        return "This query takes more memory than the page may use."
    return _FAILED.format(display(str(exception).rstrip(".") or type(exception).__name__))


@hookimpl
def forbidden(datasette: Datasette, request: object) -> Callable[[], Awaitable[Response]]:
    """Say what is off and how to turn it on."""
    return handle_exception(datasette, request, Forbidden("execute-sql"))


@hookimpl
def prepare_connection(conn: Connection) -> None:
    """Let no query take much memory; what a result takes altogether is the process's limit."""
    conn.execute(f"PRAGMA hard_heap_limit = {_HEAP_BYTES}")


@hookimpl
def render_cell(value: object, column: str, table: str | None, row: object) -> Markup | None:
    """Return how a cell looks, where that is not how Datasette shows it."""
    known = cast("dict[str, object]", value)["value"] if isinstance(value, dict) else value
    if known is None or known == "":
        return None
    kind = {"deliveries": "delivery", "jobs": "job"}.get(table or "") if column == "key" else column
    if kind in _KEYS:
        return link(kind, str(known), _named(value, str(known)))
    if column in {"name", "subject"}:
        return _name_link(table, str(known), row)
    return _text(column, str(known))


def _text(column: str, text: str) -> Markup | None:
    if column in _MOMENTS:
        return Markup("<time>{}</time>").format(text[:19].replace("T", " "))
    if column in _WORDS:
        return Markup('<span class="word word-{}">{}</span>').format(text.lower(), text)
    if column == "record":
        indented = json.dumps(json.loads(text), indent=2)
        return Markup('<pre class="record">{}</pre>').format(indented)
    return None


def link(kind: str, key: str, text: str) -> Markup:
    """Return a link to the timeline of a delivery or a job."""
    address = f"/{DATABASE}/{kind}?{urlencode({kind: key})}"
    return Markup('<a href="{}" title="{}">{}</a>').format(address, key, text)


@hookimpl
def extra_template_vars(datasette: Datasette) -> dict[str, Any]:
    """Give templates a way to ask the copy, and to say a span of time."""
    return {
        "ask": partial(_asked, datasette),
        "format_span": format_span,
        "shown": shown,
        "timeline_link": link,
        "shown_outcome": shown_outcome,
    }


@hookimpl
def asgi_wrapper(datasette: Datasette) -> Callable[[Asgi], Asgi]:
    """Answer only who asks for this machine by its own name, and let pages load nothing else."""
    del datasette
    return guarded


async def _asked(
    datasette: Datasette, sql: str, values: Mapping[str, object] | None = None
) -> Sequence[Any]:
    found = await datasette.get_database(DATABASE).execute(sql, values or {})
    return cast("Sequence[Any]", found.rows)


def _named(value: object, key: str) -> str:
    label = value.get("label") if isinstance(value, dict) else None
    return str(label) if label and label != key else shown(key)


def _name_link(table: str | None, name: str, row: object) -> Markup | None:
    named = dict(cast("Mapping[str, object]", row))
    own = {"jobs": "job", "deliveries": "delivery"}.get(table or "")
    if own:
        return link(own, str(named["key"]), name)
    kind = "job" if named.get("job") else "delivery"
    return link(kind, str(named[kind]), name) if named.get(kind) else None
