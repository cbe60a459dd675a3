"""How the API answers a caller that asks too often: by read-only calls, as many as were allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.http_transport import TOO_MANY
from handler.errors import ApiError, CloudError
from handler.probe.client import JOB_TYPES
from handler.probe.fact import Fact, compared, unseen

if TYPE_CHECKING:
    from handler.probe.client import ObservedTransport, ProbeClient


def rate_fact(client: ProbeClient, transport: ObservedTransport, most: int) -> Fact:
    """Return how a limit on requests is told, by all the answers of the probe.

    Args:
        client: IEF.
        transport: The transport of the client, for what it observed.
        most: How many lists of one job are asked for in a row, until one is limited; 0 for none.
    """
    name, assumed = "rate limit", "429, Retry-After in seconds"
    seen = _until_limited(client, most) if most else ""
    if not transport.pauses:
        return unseen(
            name, assumed, seen or "no request of the probe was limited; --rate 200 tells"
        )
    given = [pause for pause in transport.pauses if pause.isdigit()]
    counted = f"{len(transport.pauses)} answers 429, {len(given)} with Retry-After in seconds"
    return compared(
        name,
        assumed,
        f"{seen}; {counted}" if seen else counted,
        same=len(given) == len(transport.pauses),
        change="nothing: without it, senders wait for a second",
    )


def _until_limited(client: ProbeClient, most: int) -> str:
    began = client.ticks()
    for number in range(1, most + 1):
        try:
            client.ief.list_jobs(JOB_TYPES[0], limit=1, offset=0)
        except CloudError as error:
            after = f"list {number} in a row, {client.ticks() - began:.1f} s after the first"
            if isinstance(error, ApiError) and error.status == TOO_MANY:
                return f"{after}: 429 {error.code or 'without a code'}"
            return f"{after}: {error}"
    return f"{most} lists in a row within {client.ticks() - began:.1f} s, and none was limited"
