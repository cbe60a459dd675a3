"""Fuzz target: any answer of a server to one of our calls, over real sockets."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from handler.errors import CloudError
from tests.fuzz.engine import run
from tests.hostile.answers.answers_http import HTTP
from tests.hostile.answers.answers_ief import CREATED, LISTED, SHOWN
from tests.hostile.answers.answers_obs import APPENDED, READ
from tests.hostile.answers.answers_obs import LISTED as BUCKET
from tests.hostile.asking import OPERATIONS

LONGEST = 4000
SECONDS = 5


class Server:
    """A server that answers each request with the bytes it was given last, and hangs up."""

    def __init__(self) -> None:
        self.answer = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):  # the client has hung up
                connection.settimeout(SECONDS)
                connection.recv(65_536)
                connection.sendall(self.answer)


def seeds() -> list[bytes]:
    """Return the hostile answers that are short, one for each operation."""
    groups = [CREATED, LISTED, SHOWN, READ, APPENDED, BUCKET]
    answers = [(at, one) for at, group in enumerate(groups) for one in group.values()]
    answers += [(0, one) for one in HTTP.values()]
    return [bytes([at]) + one.sent + one.drip for at, one in answers if len(one.sent) < LONGEST]


def main() -> None:
    """Run the target until the time is over."""
    server = Server()
    operations = list(OPERATIONS.values())

    def target(data: bytes) -> None:
        """Make a call; only a value or one of our errors may result."""
        server.answer = data[1:]
        try:
            found = operations[data[0] % len(operations) if data else 0](server.url)
        except CloudError as error:
            assert str(error).isprintable()  # noqa: PT017 - either outcome is right
            return
        assert repr(found).isprintable()

    run(target, seeds())


if __name__ == "__main__":
    main()
