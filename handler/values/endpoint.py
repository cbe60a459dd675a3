"""Endpoints of cloud services: a scheme and a host."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def checked_endpoint(text: str) -> str:
    """Return an endpoint without a slash at its end.

    Raises:
        ValueError: The text is not a scheme and a host, or it would send requests in the clear.
            It is not quoted, since it may hold a secret.
    """
    if not (text.isascii() and text.isprintable()):
        raise ValueError("has a character that no address has, such as a line break; remove it")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a valid address") from None  # the cause quotes the text
    loopback = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ValueError("must start with https:// (http:// only for this machine)")
    host = parts.hostname or ""
    if not loopback and not host.rpartition(".")[2].isalpha():
        raise ValueError("must have a host name, not an IP address")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(
            "must be a scheme and a host only, such as https://ief.cn-north-4.example.com"
        )
    return f"{parts.scheme}://{parts.netloc}"
