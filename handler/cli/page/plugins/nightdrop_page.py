"""What Datasette learns about the log: where things lead, how they look, who may ask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from datasette.utils.asgi import Response
from markupsafe import Markup
from pluggy import HookimplMarker

from handler.canonical import shown
from handler.cli.story import span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from datasette.app import Datasette

    Asgi = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

DATABASE = "nightdrop"
hookimpl = HookimplMarker("datasette")
_HOME = "/-/dashboards/nightdrop"
_KEYS = frozenset({"delivery", "job"})
_MOMENTS = frozenset(
    {"at", "since", "first", "latest", "received_at", "fired_at", "planned_at", "created_at"}
)
_WORDS = frozenset({"state", "outcome", "ended"})
# Vega compiles its charts with eval; Datasette's own pages have scripts and styles within them.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)


@hookimpl
def register_routes() -> list[tuple[str, Callable[[], Response]]]:
    """Lead from the front door to the dashboard."""
    return [("^/$", lambda: Response.redirect(_HOME))]


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
        indented = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return Markup('<pre class="record">{}</pre>').format(indented)
    return None


def link(kind: str, key: str, text: str) -> Markup:
    """Return a link to the timeline of a delivery or a job."""
    address = f"/{DATABASE}/{kind}?{urlencode({kind: key})}"
    return Markup('<a href="{}" title="{}">{}</a>').format(address, key, text)


@hookimpl
def extra_template_vars(datasette: Datasette) -> dict[str, Any]:
    """Give templates a way to ask the copy, and to say a span of time."""

    async def ask(sql: str, values: Mapping[str, object] | None = None) -> Sequence[Any]:
        found = await datasette.get_database(DATABASE).execute(sql, values or {})
        return cast("Sequence[Any]", found.rows)

    return {"ask": ask, "span": span, "shown": shown, "timeline_link": link}


@hookimpl
def asgi_wrapper(datasette: Datasette) -> Callable[[Asgi], Asgi]:
    """Answer only who asks for this machine by its own name, and let pages load nothing else."""
    del datasette
    return guarded


def guarded(app: Asgi) -> Asgi:
    """Return an application that refuses foreign host names and says what pages may load.

    A page elsewhere could otherwise have its own name lead to this machine and read along.
    """

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if host.rpartition(":")[0] not in {"127.0.0.1", "localhost"}:
            await Response.text("ask for 127.0.0.1", status=403).asgi_send(send)
            return

        async def send_guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"content-security-policy", _POLICY.encode())]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, send_guarded)

    return answer


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
