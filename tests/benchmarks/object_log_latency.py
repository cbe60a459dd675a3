"""How long an event on a log in OBS takes, cold and warm, while OBS answers slowly.

    python tests/benchmarks/object_log_latency.py [--seconds 0.1]

The emulator answers at once, and each answer of OBS is held back for that time: what is left of a
ratio above the number of requests is Nightdrop's own.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from handler.cloud.http_transport import Transport
from tests.benchmarks.object_log_cost import Site, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.cloud.http_transport import Answer, Request


def main() -> None:
    """Measure, and print a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.1)
    latency = parser.parse_args().seconds
    with ExitStack() as stack:
        site = Site(stack.enter_context(counted()), stack)
        site.fill(2, 40)
        stack.enter_context(slow(latency))
        began = time.perf_counter()
        site.first_event()
        between = time.perf_counter()
        site.event()
        ended = time.perf_counter()
    sys.stdout.write(
        f"{latency:g} s for each answer of OBS: a cold start and its event "
        f"{between - began:.2f} s, a warm event {ended - between:.2f} s\n"
    )


@contextmanager
def slow(latency: float) -> Iterator[None]:
    """Hold back every answer but those of the fleet's API."""
    real = Transport.send

    def send(self: Transport, request: Request, **limits: Any) -> Answer:  # noqa: ANN401 - as given
        answer = real(self, request, **limits)
        time.sleep(0 if "/v2/" in request.url else latency)
        return answer

    Transport.send = send  # type: ignore[method-assign] # every connection is slow
    try:
        yield
    finally:
        Transport.send = real  # type: ignore[method-assign] # as before


if __name__ == "__main__":
    main()
