"""A connection whose every wait ends at one moment, whatever the other side sends and how slowly.

`http.client` and `ssl` count a time-out anew for each read, so that one byte now and then holds a
call for as long as the other side likes. Here the moment is kept beneath them: each read and each
write of the socket waits for no longer than what is left of the call, and fails once nothing is.
"""

from __future__ import annotations

import io
import select
import socket
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext

_PIECE = 65_536


class Origin(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int


class TimedSocket:
    """What `http.client` needs of a socket, bounded in time and in bytes received.

    Args:
        connected: The socket; it is closed by `hang_up` alone.
        clock: Monotonic seconds.

    Attributes:
        sent: Whether any byte of the present call may have left.
    """

    def __init__(self, connected: socket.socket, clock: Callable[[], float]) -> None:
        self._socket = connected
        self._clock = clock
        self._end = 0.0
        self._most = 0
        self.sent = False

    def begin(self, end: float) -> None:
        """Begin a call that is to be over at a moment of the clock."""
        self._end = end
        self.sent = False

    def allow(self, most: int) -> None:
        """Set how many bytes may still be received."""
        self._most = most

    def sendall(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            OSError: They could not all be sent in time.
        """
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._left())
            self.sent = True
            rest = rest[self._socket.send(rest[:_PIECE]) :]

    def receive(self, buffer: memoryview) -> int:
        """Fill a buffer with what has arrived, waiting until something has.

        Raises:
            OSError: Nothing came in time, or more than is allowed.
        """
        self._socket.settimeout(self._left())
        received = self._socket.recv_into(buffer)
        self._most -= received
        if self._most < 0:
            raise OSError("more was sent than is allowed")
        return received

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader of what arrives, as `http.client` asks for it."""
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Do nothing: `http.client` closes what it may still read from."""

    def hang_up(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._socket.close()

    def is_quiet(self) -> bool:
        """Return whether nothing has arrived that nobody asked for, not even the end."""
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return not poll.poll(0)

    def _left(self) -> float:
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError("the time for this call is over")
        return left


class _Incoming(io.RawIOBase):
    """The stream that a buffered reader wants to be given."""

    def __init__(self, timed: TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - what the base class takes
        return self._timed.receive(buffer)


def dial(
    origin: Origin, end: float, clock: Callable[[], float], context: SSLContext | None
) -> TimedSocket:
    """Return a new connection.

    The name is looked up on a thread of its own: the system's resolver cannot be interrupted, so a
    look-up that takes too long is left behind and ends by itself.

    Args:
        origin: Where to.
        end: When to give up, by the clock.
        clock: Monotonic seconds.
        context: What to check certificates with; None for a connection without TLS.

    Raises:
        OSError: There is no connection; nothing of a request has left.
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
    connected: socket.socket, origin: Origin, left: float, context: SSLContext | None
) -> socket.socket:
    if context is None:
        return connected
    secured = context.wrap_socket(
        connected, server_hostname=origin.host, do_handshake_on_connect=False
    )
    try:
        # One call, whose time-out holds for the handshake as a whole.
        secured.settimeout(max(left, 0.001))
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


def _addresses(origin: Origin, left: float) -> list[tuple[Any, ...]]:
    found: SimpleQueue[list[tuple[Any, ...]] | OSError] = SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.put(error)
        except UnicodeError:
            found.put(socket.gaierror(socket.EAI_NONAME, "no such host name"))

    try:
        Thread(target=look_up, name="resolver", daemon=True).start()
    except RuntimeError as error:
        raise OSError("no thread is left to resolve a name with") from error
    try:
        answer = found.get(timeout=max(left, 0.001))
    except Empty:
        raise TimeoutError("the host's name was not resolved in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
