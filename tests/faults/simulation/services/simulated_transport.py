"""The network between the function and the services: what is lost on it, and what comes late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from handler.cloud.http_transport import MAX_ANSWER_BYTES, Answer
from handler.errors import NoAnswerError, NotSentError, OutOfTimeError
from tests.faults.simulation.function.story import pause

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from handler.cloud.http_transport import Request
    from handler.runtime.deadline import Deadline
    from tests.faults.simulation.simulated_time import Schedule

TIMEOUT = 10.0
"""How many seconds an invocation waits for one answer."""


@dataclass(frozen=True)
class Network:
    """What happens on the way to a service.

    Attributes:
        lost: How often a request or an answer is lost.
        late: How often a request is under way for long.
        longest: For how many seconds at most.
        log_busy: How often the log cannot be written.
    """

    lost: float
    late: float
    longest: float
    log_busy: float


class Service(Protocol):
    """A service of the cloud, as the network reaches it."""

    def arrived(self, request: Request) -> Answer | None:
        """Return why a request that changes something is refused as it arrives; else None."""

    def carried_out(self, request: Request) -> Answer:
        """Do what a request asks for that was let in, and answer it."""

    def looked_up(self, request: Request) -> Answer:
        """Answer a request that changes nothing.

        Raises:
            NoAnswerError: It is not answered.
        """


@dataclass(frozen=True)
class SimulatedTransport:
    """What the clients of an invocation send their requests through.

    Attributes:
        schedule: The invented time.
        network: What lies between.
        services: Each service, by the end of its hosts' names.
    """

    schedule: Schedule
    network: Network
    services: Mapping[str, Service]

    def send(
        self,
        request: Request,
        *,
        max_bytes: int = MAX_ANSWER_BYTES,
        deadline: Deadline | None = None,
    ) -> Answer:
        """Send a request once and return the response.

        Raises:
            NotSentError: It was not sent.
            OutOfTimeError: No time was left for it.
            NoAnswerError: It may have been received.
        """
        left = min(TIMEOUT, deadline.left()) if deadline else TIMEOUT
        if left <= 0:
            raise OutOfTimeError("no time was left")
        host = urlsplit(request.url).hostname or ""
        service = next(one for end, one in self.services.items() if host.endswith(end))
        send = self._looked_up if request.method == "GET" else self._changed
        answer = send(service, request, left)
        assert len(answer.body) <= max_bytes
        return answer

    def _looked_up(self, service: Service, request: Request, left: float) -> Answer:
        if self._strikes("look lost", self.network.lost / 4):
            pause(left)
            raise NoAnswerError("no answer")
        pause(min(left, self._brief()))
        answer = service.looked_up(request)
        # What is answered stands still while the answer is under way: the worst it can do.
        is_late = self._strikes("answer late", self.network.late)
        pause(min(left, self.schedule.random.uniform(1, TIMEOUT) if is_late else self._brief()))
        return answer

    def _changed(self, service: Service, request: Request, left: float) -> Answer:
        draw = self.schedule.random.uniform
        if self._strikes("no connection", self.network.lost / 2):
            pause(min(left, draw(0, 3)))
            raise NotSentError("no connection")
        if self._strikes("request lost", self.network.lost):
            pause(left)
            raise NoAnswerError("no answer")
        came: list[Answer] = []
        transit, carrying = self._under_way()
        self.schedule.start(self._flight(service, request, (transit, carrying), came), None)
        pause(min(left, transit + carrying + draw(0.01, 0.5)))
        if not came or self._strikes("answer lost", self.network.lost):
            raise NoAnswerError("no answer")
        return came[0]

    def _under_way(self) -> tuple[float, float]:
        draw = self.schedule.random.uniform
        transit = draw(0.01, 1.0)
        if self._strikes("request late", self.network.late):
            transit = draw(1.0, self.network.longest)
        carrying = draw(1.0, 20.0) if self._strikes("commit late", self.network.late) else 0.1
        return transit, carrying

    @staticmethod
    def _flight(
        service: Service, request: Request, seconds: tuple[float, float], came: list[Answer]
    ) -> Generator[float, None, None]:
        transit, carrying = seconds
        yield transit
        refused = service.arrived(request)
        if refused:
            came.append(refused)
            return
        yield carrying
        came.append(service.carried_out(request))

    def _brief(self) -> float:
        return self.schedule.random.uniform(0.01, 0.2)

    def _strikes(self, name: str, probability: float) -> bool:
        struck = self.schedule.happens(probability)
        self.schedule.struck[name] += struck
        return struck
