"""Runs the probe: read-only first, then with a job and in a prefix, if the operator named them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.errors import CloudError
from handler.probe.create_checks import create_facts, delete_facts
from handler.probe.fact import Fact, compared, unseen
from handler.probe.list_checks import list_facts, signature_facts
from handler.probe.object_checks import object_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handler.audit.objects.object_store import ObjectStore
    from handler.probe.client import ObservedTransport, ProbeClient
    from handler.probe.create_checks import ProbeJob
    from handler.probe.fact import FactVerdict

_BEST_LAST: tuple[FactVerdict, ...] = ("not seen", "as assumed", "differs")


def run_probe(
    client: ProbeClient,
    transport: ObservedTransport,
    job: ProbeJob | None = None,
    objects: ObjectStore | None = None,
) -> tuple[Fact, ...]:
    """Return every fact, each once: one that differs counts before one that does not.

    Args:
        client: IEF.
        transport: The transport of the client, for what it observed.
        job: The job to create, twice; it is deleted, also after an error. None changes nothing.
        objects: The prefix to write in; None writes no object.
    """
    facts: dict[str, Fact] = {}
    for fact in _facts(client, job, objects):
        before = facts.get(fact.name)
        if not before or _BEST_LAST.index(fact.verdict) > _BEST_LAST.index(before.verdict):
            facts[fact.name] = fact
    return (*facts.values(), _rate(transport), _refusals(client))


def _facts(
    client: ProbeClient, job: ProbeJob | None, objects: ObjectStore | None
) -> Iterable[Fact]:
    error = client.dated(0)
    if error:
        yield compared(
            "list jobs",
            "allowed",
            str(error),
            same=False,
            change="run `nightdrop doctor`: nothing else could be seen",
        )
    else:
        yield from signature_facts(client)
        yield from _with_job(client, job)
    if objects:
        yield from object_facts(objects)


def _with_job(client: ProbeClient, job: ProbeJob | None) -> Iterator[Fact]:
    try:
        if job:
            yield from create_facts(client, job)
        try:
            yield from list_facts(client)
        except CloudError as error:
            yield unseen("list of jobs", "can be read", str(error))
    finally:
        # Collected first: whoever stops the probe may not wait for these facts.
        deleted = list(delete_facts(client, job)) if job else []
    yield from deleted


def _rate(transport: ObservedTransport) -> Fact:
    name, assumed = "rate limit", "429, Retry-After in seconds"
    if not transport.pauses:
        return unseen(name, assumed, "no request of the probe was limited")
    given = [pause for pause in transport.pauses if pause.isdigit()]
    return compared(
        name,
        assumed,
        f"{len(transport.pauses)} answers 429, {len(given)} with Retry-After in seconds",
        same=len(given) == len(transport.pauses),
        change="nothing: without it, senders wait for a second",
    )


def _refusals(client: ProbeClient) -> Fact:
    name, assumed = "refusals", "none"
    if not client.refusals:
        return compared(name, assumed, "none", same=True)
    seen = ", ".join(f"{count} times {code}" for code, count in sorted(client.refusals.items()))
    return compared(
        name,
        assumed,
        seen,
        same=False,
        change="403 is a right that is missing: compare with the table of rights",
    )
