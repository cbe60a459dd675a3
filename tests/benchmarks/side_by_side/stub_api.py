"""An API that answers each create request at once, or after a fixed time, with an id of its own.

    python stub_api.py --seconds 0.05

It checks no signature, so that the measured handler is the slow part. The first line it prints is
its port.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from itertools import count

_CREATED = "HTTP/1.1 201 Created"
_FOUND = "HTTP/1.1 200 OK"


class Api(asyncio.Protocol):
    """One connection, whose requests are answered one after the other.

    Args:
        seconds: How long an answer takes.
        numbers: Counts the jobs of all connections.
    """

    def __init__(self, seconds: float, numbers: count[int]) -> None:
        self._seconds, self._numbers = seconds, numbers
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection to answer on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each complete request; a client sends the next one after the answer."""
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._received = body[_length(head) :]
        if head.startswith(b"POST"):
            answer = self._created(json.loads(body[: _length(head)])["job_name"])
            asyncio.get_running_loop().call_later(self._seconds, self._send, answer)
        else:
            self._send(_response(_FOUND, {"jobs": []}))

    def _created(self, name: str) -> bytes:
        job_id = f"6f1c0c52-7a3e-4f0e-8d57-{next(self._numbers):012x}"
        return _response(_CREATED, {"job_id": job_id, "job_name": name, "created_at": 0})

    def _send(self, answer: bytes) -> None:
        if self._transport:
            self._transport.write(answer)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _response(status: str, value: dict[str, object]) -> bytes:
    body = json.dumps(value)
    head = f"{status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.0)
    seconds, numbers = parser.parse_args().seconds, count(1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Api(seconds, numbers), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
