"""Guards every response of the page: refuses foreign requests, adds security headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datasette.utils.asgi import Response

from handler.values.loopback import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
        await app(scope, receive, send_guarded)

    return respond


def _header_values(scope: dict[str, Any], name: str) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name.encode()]
