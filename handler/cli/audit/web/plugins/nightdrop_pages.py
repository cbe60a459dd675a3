"""Datasette plugin for the log: the overview, links, cells, error pages, and the guard.

The guard refuses foreign requests and adds security headers to every response.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from datasette.utils.asgi import Forbidden, Response
from datasette.views.base import DatasetteError
from markupsafe import Markup
from pluggy import HookimplMarker

from handler.audit.export.formats import harmless_csv
from handler.cli.audit.records.delivery_timeline import shown_outcome
from handler.cli.audit.records.record_row import format_minute, format_span, format_time
from handler.cli.audit.web.charts import draw_charts
from handler.cli.audit.web.rollout_charts import nodes_bar, wave_runs, waves_over_time
from handler.values.canonical_json import short_key
from handler.values.display import display
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from sqlite3 import Connection

    from datasette.app import Datasette

    Asgi = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script, no inline style, no eval, and nothing from other hosts."""

_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
# Datasette's `Link` header repeats the URL, and with it the text of a query.
_REMOVED = frozenset({b"link", *(name for name, _ in _HEADERS)})

DATABASE = "nightdrop"
hookimpl = HookimplMarker("datasette")
_KINDS = {"deliveries": "delivery", "jobs": "job"}
_TIME_COLUMNS = frozenset(
    {
        *("at", "since", "first", "latest", "received_at", "fired_at", "planned_at", "created_at"),
        *("changed_at", "started_at", "finished_at"),
    }
)
_STATE_COLUMNS = frozenset({"state", "outcome", "ended"})
_HEAP_BYTES = 128 * 1024 * 1024
_SERVER_ERROR = 500
_TITLES = {400: "Not understood", 403: "Not allowed", 404: "Not found"}
_MESSAGES = {
    403: "Queries of your own are off; start the page with --sql to allow them.",
    404: "There is no such page.",
}


def guard(app: Asgi) -> Asgi:
    """Return an application that refuses foreign hosts and origins and adds the security headers.

    Otherwise a foreign page could point its own host name at this machine (DNS rebinding) to read
    the log, or have its visitors run queries.
    """

    async def respond(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [one for one in message["headers"] if one[0].lower() not in _REMOVED]
                message = {**message, "headers": [*headers, *_HEADERS]}
            await send(message)

        refused = refusal(scope["method"], lambda name: _header_values(scope, name))
        if refused:
            response = Response.text(f"{refused.reason}\n", status=refused.status)
            await response.asgi_send(send_guarded)
            return
        if scope["path"].endswith(".csv"):
            await _send_csv(app, scope, receive, send_guarded)
            return
        await app(scope, receive, send_guarded)

    return respond


async def _send_csv(app: Asgi, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
    """Answer with Datasette's CSV, and nothing in it that a spreadsheet would run."""
    start: dict[str, Any] = {}
    body = bytearray()

    async def collect(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, collect)
    is_csv = any(value.startswith((b"text/plain", b"text/csv")) for _, value in start["headers"])
    data = harmless_csv(body.decode()).encode() if is_csv else bytes(body)
    headers = [one for one in start["headers"] if one[0].lower() != b"content-length"]
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def _header_values(scope: dict[str, Any], name: str) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name.encode()]


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Response]]]]:
    """Make the overview the front page."""
    return [("^/$", overview)]


async def overview(datasette: Datasette, request: object) -> Response:
    """Render the overview."""
    [row] = await _run_query(datasette, "SELECT content FROM first_view")
    charts = await draw_charts(partial(_run_query, datasette))
    context = {"charts": charts, "now": json.loads(row["content"])}
    text = await datasette.render_template("overview.html", context, request=request)
    return Response.html(text)


@hookimpl
def handle_exception(
    datasette: Datasette, request: object, exception: Exception
) -> Callable[[], Awaitable[Response]]:
    """Render an error as one sentence, without a traceback and without the text of a query."""

    async def respond() -> Response:
        status = int(getattr(exception, "status", 500))
        if isinstance(exception, DatasetteError) and status == _SERVER_ERROR:
            status = 400  # an invalid request, such as sorting by an unknown column
        context = {
            "title": _TITLES.get(status, "Not answered"),
            "error": _message(exception, status),
        }
        page = await datasette.render_template("error.html", context, request=request)
        return Response.html(page, status=status)

    return respond


def _message(exception: Exception, status: int) -> str:
    if status in _MESSAGES:
        return _MESSAGES[status]
    if isinstance(exception, MemoryError):
        return "This query takes more memory than the page may use."
    reason = display(str(exception).rstrip(".") or type(exception).__name__)
    return f"This cannot be answered: {reason}."


@hookimpl
def forbidden(datasette: Datasette, request: object) -> Callable[[], Awaitable[Response]]:
    """Say what is off, and how to turn it on."""
    return handle_exception(datasette, request, Forbidden("execute-sql"))


@hookimpl
def prepare_connection(conn: Connection) -> None:
    """Limit the memory of a query; the limit of the process covers the rows of its result."""
    conn.execute(f"PRAGMA hard_heap_limit = {_HEAP_BYTES}")


@hookimpl
def render_cell(value: object, column: str, table: str | None, row: object) -> Markup | None:
    """Return the HTML of a cell, or None for that of Datasette."""
    raw = cast("dict[str, object]", value)["value"] if isinstance(value, dict) else value
    if raw is None or raw == "":
        return None
    kind = _KINDS.get(table or "") if column == "key" else column
    if kind in {"delivery", "job"}:
        return link(kind, str(raw), _label(value, str(raw)))
    if column == "rollout":
        address = f"/{DATABASE}/rollouts/{raw}"
        return Markup('<a href="{}">{}</a>').format(address, _label(value, str(raw)))
    if column in {"name", "subject"}:
        return _name_link(table, str(raw), row)
    return _text(column, str(raw))


def _text(column: str, text: str) -> Markup | None:
    if column in _TIME_COLUMNS:
        return Markup("<time>{}</time>").format(format_time(text))
    if column in _STATE_COLUMNS:
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
    """Give templates the query function and the formatters."""
    return {
        "run_query": partial(_run_query, datasette),
        "format_span": format_span,
        "format_time": format_time,
        "format_minute": format_minute,
        "shown": short_key,
        "timeline_link": link,
        "shown_outcome": shown_outcome,
        "nodes_bar": nodes_bar,
        "wave_runs": wave_runs,
        "waves_over_time": waves_over_time,
    }


@hookimpl
def asgi_wrapper(datasette: Datasette) -> Callable[[Asgi], Asgi]:
    """Put the guard in front of Datasette."""
    del datasette
    return guard


async def _run_query(
    datasette: Datasette, sql: str, values: Mapping[str, object] | None = None
) -> Sequence[Any]:
    result = await datasette.get_database(DATABASE).execute(sql, values or {})
    return cast("Sequence[Any]", result.rows)


def _label(value: object, key: str) -> str:
    label = value.get("label") if isinstance(value, dict) else None
    return str(label) if label and label != key else short_key(key)


def _name_link(table: str | None, name: str, row: object) -> Markup | None:
    cells = dict(cast("Mapping[str, object]", row))
    own = _KINDS.get(table or "")
    if own:
        return link(own, str(cells["key"]), name)
    kind = "job" if cells.get("job") else "delivery"
    return link(kind, str(cells[kind]), name) if cells.get(kind) else None
