"""Which callers may use a port on this machine."""

from __future__ import annotations

import pytest

from handler.values.loopback import refusal


def status(method: str = "POST", *, takes_json: bool = True, **headers: str) -> int | None:
    """Return the status that a request with these headers is refused with; | parts two values."""
    named = {name.replace("_", "-"): value.split("|") for name, value in headers.items()}
    found = refusal(method, lambda name: named.get(name, []), takes_json=takes_json)
    return found.status if found else None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST", "drop.obs.localhost:1"],
)
def test_a_program_on_this_machine_is_answered(host: str) -> None:
    """By any of the machine's own names, buckets in front of it included."""
    assert status(host=host, content_type="application/json") is None
    assert status(content_type="application/json; charset=utf-8") is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8080",
        "127.0.0.1.evil.example:8080",
        "localhost.evil.example",
        "evil.example/localhost",
        "127.0.0.1:8080|evil.example",
        "127.0.0.1:8080|127.0.0.1:8080",
        "10.0.0.1:8080",
        "",
        "localhost:",
        "@localhost",
    ],
)
def test_another_host_is_refused(host: str) -> None:
    """A foreign name that leads to this machine makes its page the same origin."""
    assert status("GET", host=host) == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://localhost:8080", "http://localhost:3000", ""]
)
def test_another_origin_is_refused(origin: str) -> None:
    """Whatever the method, and whatever it sends."""
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert (
            status(method, host="localhost:8080", origin=origin, content_type="application/json")
            == 403
        )


def test_the_ports_own_pages_are_answered() -> None:
    """An origin is the same when scheme, host and port are."""
    own = "http://localhost:8080"
    assert status(host="localhost:8080", origin=own, content_type="application/json") is None
    assert status("GET", host="localhost:8080", sec_fetch_site="same-origin") is None
    assert status("GET", host="localhost:8080", sec_fetch_site="none") is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_of_a_browser_for_another_page_is_refused(site: str) -> None:
    """An image or a link elsewhere sends no origin, but says where it stands."""
    assert status("GET", host="localhost:8080", sec_fetch_site=site) == 403


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json|text/plain",
        "",
    ],
)
def test_a_post_of_anything_but_json_is_refused(kind: str) -> None:
    """What a page may send without asking."""
    assert status(host="localhost:8080", content_type=kind) == 415
    assert status(host="localhost:8080", content_type=kind, takes_json=False) is None


def test_a_post_that_does_not_say_what_it_is_is_refused() -> None:
    """Same reason."""
    assert status(host="localhost:8080") == 415
