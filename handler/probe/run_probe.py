"""Runs the probe: read-only first, then with a job and in a prefix, if the operator named them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.ief.fleet import LIST_NODES, list_nodes
from handler.errors import CloudError, cloud_error_of
from handler.probe.create_checks import create_facts, delete_facts
from handler.probe.fact import Fact, compared, merged, unseen
from handler.probe.list_checks import list_facts, signature_facts
from handler.probe.object_checks import object_facts
from handler.probe.rate_check import rate_fact
from handler.probe.right_checks import right_fact, unseen_rights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handler.audit.objects.object_store import ObjectStore
    from handler.probe.client import ObservedTransport, ProbeClient
    from handler.probe.create_checks import ProbeJob


def run_probe(
    client: ProbeClient,
    transport: ObservedTransport,
    job: ProbeJob | None = None,
    objects: ObjectStore | None = None,
    rate: int = 0,
) -> tuple[Fact, ...]:
    """Return every fact of IEF and OBS, each once.

    Args:
        client: IEF.
        transport: The transport of the client, for what it observed.
        job: The job to create, twice; it is deleted, also after an error. None changes nothing.
        objects: The prefix to write in; None writes no object.
        rate: How many lists are asked for in a row, at most, to be limited.
    """
    found = merged(_facts(client, job, objects))
    return (*found, rate_fact(client, transport, rate))


def _facts(
    client: ProbeClient, job: ProbeJob | None, objects: ObjectStore | None
) -> Iterable[Fact]:
    error = client.dated(0)
    yield right_fact("ief:batchjob:list", error)
    yield from unseen_rights()
    if error:
        yield compared(
            "list jobs",
            "allowed",
            str(error),
            same=False,
            change="run `nightdrop doctor`: nothing else of IEF could be seen",
        )
    else:
        yield right_fact(
            LIST_NODES, cloud_error_of(lambda: client.call(lambda: list_nodes(client.ief)))
        )
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
