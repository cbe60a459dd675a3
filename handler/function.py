"""The function: settings and services once per instance, one event per call, one reply."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from threading import Lock
from typing import TYPE_CHECKING, Any

from handler.audit.announced import AnnouncedLog
from handler.audit.grouped import GroupedLog
from handler.audit.stores import open_log
from handler.canonical import key_of
from handler.checkpointing import check as check_checkpoints
from handler.checkpointing import checkpoint
from handler.cloud.credentials import Credentials, credentials
from handler.cloud.ief import Ief
from handler.cloud.obs import Obs
from handler.cloud.transport import Transport
from handler.deadline import deadline
from handler.errors import (
    CredentialsError,
    DeliveriesError,
    EventRejectedError,
    NightdropError,
)
from handler.intake import reject_event
from handler.logline import attention_lines, log_line, write_stdout
from handler.pipeline import deliver
from handler.reading import Limits, check
from handler.reconcile import reconcile
from handler.reply import Answered, Result, reply
from handler.sending import Driver
from handler.services import Services
from handler.settings import Settings, doubts, load
from handler.triggers.delivery import Action
from handler.triggers.recognise import recognise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.audit.log import Log
    from handler.audit.record import Part, Record
    from handler.canonical import Json
    from handler.deadline import Deadline
    from handler.logline import Write
    from handler.triggers.delivery import Delivery, Refused

_BUILD = Lock()
_instance: Instance | None = None
"""The cache of what one instance opens once: settings, log and connections."""


@dataclass(frozen=True)
class Instance:
    """What is opened once and serves every call of an instance.

    Attributes:
        settings: What the operator set.
        log: The audit log.
        transport: Connections to the cloud, kept alive between calls.
        environ: The environment, for credentials on a desk and the time-out; never printed.
        write: Writes a log line.
    """

    settings: Settings
    log: Log
    transport: Transport
    environ: Mapping[str, str] = field(repr=False)
    write: Write

    def close(self) -> None:
        """Close the log and the connections."""
        self.log.close()
        self.transport.close()


def handler(event: object, context: object) -> dict[str, Json]:
    """Answer one event, as FunctionGraph calls it.

    Args:
        event: Any JSON value, parsed.
        context: The platform's context.

    Returns:
        `outcome`, `deliveries`, `jobs`, `errors` and the log's `head`.

    Raises:
        NightdropError: Nothing is promised yet and another try may succeed; the platform is to
            deliver the event again.
    """
    return handle(event, context, _instance_of(context))


def initializer(context: object) -> None:
    """Open settings, log and connections before the first event.

    Raises:
        SettingsError: A setting is missing or wrong.
        LogError: The audit log cannot be opened.
    """
    _instance_of(context)


def open_instance(
    context: object, environ: Mapping[str, str], write: Write = write_stdout
) -> Instance:
    """Open what an instance keeps: settings from user data and environment, log, connections."""
    settings = load(lambda name: _text(context, "getUserData", name) or None, environ)

    check_checkpoints(settings)
    for doubt in doubts(settings):
        write(log_line("settings.doubted", {"note": doubt}))

    def announce(records: Sequence[Record]) -> None:
        for line in attention_lines(records):
            write(line)

    return Instance(
        settings=settings,
        log=GroupedLog(AnnouncedLog(open_log(settings.audit), announce)),
        transport=Transport(timeout=settings.request_timeout, connections=settings.senders),
        environ=environ,
        write=write,
    )


def handle(event: object, context: object, instance: Instance) -> dict[str, Json]:
    """Answer one event with what an instance has open; `handler` tells the rest."""
    began = time.monotonic()
    services = services_of(context, instance)
    answered = _answered(event, services)
    answer = reply(answered, instance.log.read(lambda view: view.head))
    instance.write(_line(answer, services.function, began))
    return answer


def services_of(context: object, instance: Instance) -> Services:
    """Return what an invocation that begins now has at hand."""
    end = deadline(context, instance.environ)
    return _services(context, instance, end, _function(context))


def _answered(event: object, services: Services) -> Answered:
    tick = False
    try:
        fired = _recognised(event, services.settings)
        tick = isinstance(fired, Action)
        if isinstance(fired, Action):
            return reconcile(services)
        return Answered(_deliver_all(fired, services))
    except EventRejectedError as error:
        return Answered([_rejected(event, error, services.log, services.function)])
    finally:
        checkpoint(services, always=tick)


def _instance_of(context: object) -> Instance:
    global _instance  # noqa: PLW0603 - the cache named above
    with _BUILD:
        if _instance is None:
            _instance = open_instance(context, os.environ)
        return _instance


def _recognised(event: object, settings: Settings) -> Sequence[Delivery | Refused] | Action:
    value = check(event, Limits(max_bytes=settings.max_spec_bytes))
    return recognise(value, eventgrid_keys=settings.eventgrid_keys)


def _services(context: object, instance: Instance, end: Deadline, function: Part) -> Services:
    try:
        keys = credentials(context, instance.environ)
    except CredentialsError as error:
        keys = Credentials("", "", missing=str(error))
    settings, transport, log = instance.settings, instance.transport, instance.log
    project, ief_instance = settings.project_id, settings.ief_instance
    ief = Ief(settings.ief_endpoint, project, keys, transport, _now, ief_instance)
    return Services(
        settings=settings,
        log=log,
        ief=ief,
        obs=Obs(settings.obs_endpoint, keys, transport, _now),
        deadline=end,
        function=function,
        driver=Driver(log, ief, end),
    )


def _deliver_all(fired: Sequence[Delivery | Refused], services: Services) -> list[Result]:
    """Bring every delivery as far as it comes; only then raise what went wrong with any."""
    results: list[Result] = []
    failed: list[NightdropError] = []
    for delivery in fired:
        try:
            results.append(deliver(delivery, services))
        except NightdropError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise DeliveriesError(
            f"{len(failed)} of {len(fired)} deliveries could not be planned: "
            + "; ".join(sorted({str(error) for error in failed}))
        )
    return results


def _rejected(event: object, error: EventRejectedError, log: Log, function: Part) -> Result:
    try:
        key = key_of(event)  # type: ignore[arg-type] # anything else is caught
    except (AttributeError, TypeError, ValueError, RecursionError):
        key = key_of(str(function.get("request_id")))
    log.commit(reject_event(key, error.problems, source={"shape": "unknown"}, function=function))
    return Result(key, "rejected", errors=tuple(map(str, error.problems)))


def _line(answer: dict[str, Json], function: Part, began: float) -> str:
    deliveries, jobs = answer["deliveries"], answer["jobs"]
    return log_line(
        "function.answered",
        {
            "outcome": str(answer["outcome"]),
            "deliveries": len(deliveries) if isinstance(deliveries, list) else 0,
            "jobs": len(jobs) if isinstance(jobs, list) else 0,
            "milliseconds": round((time.monotonic() - began) * 1000),
            "request_id": str(function.get("request_id", "")),
        },
    )


def _function(context: object) -> Part:
    return {
        "name": _text(context, "getFunctionName") or None,
        "version": _text(context, "getVersion") or None,
        "request_id": _text(context, "getRequestID") or None,
    }


def _text(context: object, method: str, *arguments: str) -> str:
    call: Any = getattr(context, method, None)
    value = call(*arguments) if callable(call) else None
    return value if isinstance(value, str) else ""


def _now() -> datetime:
    return datetime.now(timezone.utc)
