"""A socket with one deadline for a whole call.

`http.client` and `ssl` restart their time-out with each read, so that a server that sends a byte
now and then can hold a call without end. Here each read and write waits only for the time that is
left of the call.
"""

from __future__ import annotations

import io
import select
import socket
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext

_PIECE = 65_536


class ServerOrigin(NamedTuple):
    """The server of a connection."""

    scheme: str
    host: str
    port: int


class TimedSocket:
    """The part of a socket that `http.client` uses, with limits on time and received bytes.

    Attributes:
        sent: Whether any byte of the current call may have been sent.
    """

    def __init__(self, connected: socket.socket, clock: Callable[[], float]) -> None:
        self._socket = connected
        self._clock = clock
        self._end = 0.0
        self._most = 0
        self.sent = False

    def begin(self, end: float) -> None:
        """Start a call that must end at a time of the clock."""
        self._end = end
        self.sent = False

    def allow(self, most: int) -> None:
        """Set how many more bytes may be received."""
        self._most = most

    def sendall(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            OSError: Not all of them could be sent in time.
        """
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._left())
            self.sent = True
            rest = rest[self._socket.send(rest[:_PIECE]) :]

    def receive(self, buffer: memoryview) -> int:
        """Wait for bytes and copy them into a buffer.

        Raises:
            OSError: Nothing was received in time, or more than allowed.
        """
        self._socket.settimeout(self._left())
        received = self._socket.recv_into(buffer)
        self._most -= received
        if self._most < 0:
            raise OSError("the response is larger than allowed")
        return received

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader of the received bytes, for `http.client`."""
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Do nothing: `http.client` closes the socket before the response is read."""

    def hang_up(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._socket.close()

    def is_quiet(self) -> bool:
        """Return whether the idle connection has received nothing, not even its end."""
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return not poll.poll(0)

    def _left(self) -> float:
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError("the call has no time left")
        return left


class _Incoming(io.RawIOBase):
    """The raw stream of a buffered reader."""

    def __init__(self, timed: TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - what the base class takes
        return self._timed.receive(buffer)


def dial(
    origin: ServerOrigin, end: float, clock: Callable[[], float], context: SSLContext | None
) -> TimedSocket:
    """Return a new connection; `end` is the time of the clock to give up.

    The name is resolved on a thread: the system's resolver cannot be interrupted, so a slow look-up
    is abandoned and ends later.

    Raises:
        OSError: There is no connection; nothing was sent.
    """
    addresses = _addresses(origin, end - clock())
    error: OSError = TimeoutError("no time was left to connect")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        left = (end - clock()) / (len(addresses) - number)
        if left <= 0:
            break
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.settimeout(left)
            connecting.connect(address)
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return TimedSocket(_secured(connecting, origin, end - clock(), context), clock)
        except OSError as failed:
            connecting.close()
            error = failed
        except BaseException:
            connecting.close()
            raise
    raise error


def _secured(
    connected: socket.socket, origin: ServerOrigin, left: float, context: SSLContext | None
) -> socket.socket:
    if context is None:
        return connected
    secured = context.wrap_socket(
        connected, server_hostname=origin.host, do_handshake_on_connect=False
    )
    try:
        # One call: its time-out is that of the whole handshake.
        secured.settimeout(max(left, 0.001))
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


def _addresses(origin: ServerOrigin, left: float) -> list[tuple[Any, ...]]:
    found: SimpleQueue[list[tuple[Any, ...]] | OSError] = SimpleQueue()

    def look_up() -> None:
        try:
            # A text would be encoded as IDNA, whose tables take a millisecond to load.
            host = origin.host.encode("ascii") if origin.host.isascii() else origin.host
            found.put(socket.getaddrinfo(host, origin.port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.put(error)
        except UnicodeError:
            found.put(socket.gaierror(socket.EAI_NONAME, "no such host name"))

    try:
        Thread(target=look_up, name="resolver", daemon=True).start()
    except RuntimeError as error:
        raise OSError("no thread is available to resolve the host name") from error
    try:
        answer = found.get(timeout=max(left, 0.001))
    except Empty:
        raise TimeoutError("the host name was not resolved in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
