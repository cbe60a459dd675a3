"""What every answer of the page goes through: who may ask, what the page may load, and failures."""

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
"""No inline script, no inline style, no eval, and nothing from elsewhere."""

_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
# Datasette's `Link` repeats the address, and with it the text of a query.
_TAKEN_OFF = frozenset({b"link", *(name for name, _ in _HEADERS)})


def guarded(app: Asgi) -> Asgi:
    """Return an application that refuses foreign hosts and pages and marks each of its answers.

    A page elsewhere could otherwise have its own name lead to this machine and read along, or
    have its visitors run queries.
    """

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kept = [one for one in message["headers"] if one[0].lower() not in _TAKEN_OFF]
                message = {**message, "headers": [*kept, *_HEADERS]}
            await send(message)

        refused = refusal(scope["method"], lambda name: _values(scope, name))
        if refused:
            told = Response.text(f"{refused.reason}\n", status=refused.status)
            await told.asgi_send(send_guarded)
            return
        await app(scope, receive, send_guarded)

    return answer


def _values(scope: dict[str, Any], name: str) -> list[str]:
    wanted = name.encode()
    return [value.decode("latin-1") for known, value in scope["headers"] if known == wanted]
