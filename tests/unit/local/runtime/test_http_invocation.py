"""Invocations over HTTP, against a served stand-in for the function."""

from __future__ import annotations

import json
import sys
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from flask import Flask, Response, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.serving import make_server

from handler.local.runtime.context import Context
from handler.local.runtime.http_invocation import Initializer, decode_event, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[..., urllib3.BaseHTTPResponse]


def behave(event: object, context: object) -> object:
    """Replace the function: do what the event says."""
    assert isinstance(context, Context)
    request_body = event.get("request_body") if isinstance(event, dict) else None
    if request_body == "raise":
        raise LookupError("no such thing")
    if request_body == "exit":
        sys.exit(3)
    replies = {"nothing": None, "bytes": b"x", "nan": float("nan"), "much": "x" * 6 * 2**20}
    return (
        replies[request_body]
        if request_body in replies
        else {"event": event, "id": context.getRequestID()}
    )


def ready(_context: object) -> None:
    """Replace an initializer that has nothing to do."""


def unready(_context: object) -> None:
    """Replace an initializer that fails."""
    raise OSError("no disk")


@pytest.fixture
def environ() -> dict[str, str]:
    """The environment of the contexts."""
    return {}


@pytest.fixture(params=[ready])
def post(request: pytest.FixtureRequest, environ: dict[str, str]) -> Iterator[Answer]:
    """Serve the stand-in on loopback and return how to POST to it."""
    server = make_server("127.0.0.1", 0, _app(request.param, environ), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    with urllib3.PoolManager(retries=False) as pool:
        url = f"http://127.0.0.1:{server.server_port}/"
        yield lambda body=b"{}", **headers: pool.request("POST", url, body=body, headers=headers)
    server.shutdown()
    thread.join()
    server.server_close()


def _app(initializer: Callable[[object], None], environ: dict[str, str]) -> Flask:
    app, once = Flask(__name__), Initializer(initializer)

    def new_context(request_id: str) -> Context:
        return Context.from_environment(environ, request_id, lambda: 0.0)

    @app.post("/")
    def root() -> Response:
        return serve(request, behave, once, new_context)

    return app


def request_body(what: str) -> bytes:
    """Return a body that asks the stand-in for something."""
    return json.dumps({"request_body": what}).encode()


def test_the_reply_is_the_body(post: Answer) -> None:
    """What the function returns is HTTP 200 and JSON."""
    response = post(b'{"kind": "x"}')
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["event"] == {"kind": "x"}


def test_a_given_request_id_is_used_and_echoed(post: Answer) -> None:
    """The context has it, and so has the answer."""
    response = post(**{"X-Cff-Request-Id": "3f6c-1"})
    assert response.json()["id"] == response.headers["X-Cff-Request-Id"] == "3f6c-1"


@pytest.mark.parametrize("given_id", ["", "a b", "x" * 65, "<script>"])
def test_without_a_usable_request_id_a_new_one_is_made(post: Answer, given_id: str) -> None:
    """What comes from outside is not repeated unless it looks like an id."""
    response = post(**{"X-Cff-Request-Id": given_id})
    assert uuid.UUID(response.headers["X-Cff-Request-Id"]).version == 4


@pytest.mark.parametrize(("asked", "kind"), [("raise", "LookupError"), ("exit", "SystemExit")])
def test_an_exception_is_a_500_with_the_platforms_error(
    post: Answer, asked: str, kind: str
) -> None:
    """The body has the three fields, the headers say that the function failed."""
    response = post(request_body(asked))
    error = response.json()
    assert response.status == 500
    assert sorted(error) == ["errorMessage", "errorType", "stackTrace"]
    assert error["errorType"] == kind
    assert error["stackTrace"][-1].endswith("in behave")
    assert response.headers["X-Func-Err-Code"] == "4001"
    assert response.headers["X-Is-Func-Err"] == "true"


@pytest.mark.parametrize("body", [b"{", b"\xff", b'"text"', b"[" * 100_000])
def test_a_body_that_is_not_json_reaches_the_function_as_text(post: Answer, body: bytes) -> None:
    """The function refuses it itself, so that the log shows what was tried."""
    response = post(body)
    assert response.status == 200
    assert response.json()["event"] == body.decode("utf-8", "replace")


@pytest.mark.parametrize(("asked", "code"), [("bytes", "4007"), ("nan", "4007"), ("much", "4004")])
def test_a_reply_that_the_platform_would_refuse_is_a_500(
    post: Answer, asked: str, code: str
) -> None:
    """Otherwise it would only be noticed in the cloud."""
    response = post(request_body(asked))
    assert response.status == 500
    assert response.headers["X-Func-Err-Code"] == code


def test_no_reply_is_the_empty_text(post: Answer) -> None:
    """The platform turns None into it."""
    assert post(request_body("nothing")).json() == ""


@pytest.mark.parametrize("post", [unready], indirect=True)
def test_a_failed_initializer_is_a_500(post: Answer) -> None:
    """The function is not called."""
    response = post()
    assert response.status == 500
    assert response.headers["X-Func-Err-Code"] == "4009"
    assert response.json()["errorMessage"] == "no disk"


def test_a_wrong_setting_is_a_500(post: Answer, environ: dict[str, str]) -> None:
    """No context can be made."""
    environ["RUNTIME_TIMEOUT"] = "soon"
    assert post().json()["errorType"] == "SettingsError"


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (b"", {}),
        (b"null", {}),
        (b'"null"', {}),
        (b"[1]", [1]),
        (b"7", 7),
        (b'"{\\"a\\": 1}"', {"a": 1}),
        (b'"\\"x\\""', "x"),
    ],
)
def test_bodies_are_parsed_as_the_platform_does_it(body: bytes, event: Any) -> None:  # noqa: ANN401 - any JSON
    """A text is parsed once more, null is an empty object."""
    assert decode_event(body) == event


@given(st.binary())
def test_any_body_is_an_event(body: bytes) -> None:
    """Nothing is raised; null is an empty object."""
    assert decode_event(body) is not None
