"""What one instance of the function opens once, and the dependencies of each invocation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.audit.instance_log import InstanceLog
from handler.audit.open_log import log_warnings, open_log
from handler.cloud.credentials import (
    CurrentCredentials,
    known_credentials,
)
from handler.cloud.http_transport import Transport
from handler.invocation.invocation import RECORDING_SECONDS, Invocation, ief_of
from handler.jobs.effect_runner import EffectRunner
from handler.runtime.deadline import deadline
from handler.runtime.startup_record import read_startup, record_start
from handler.runtime.structured_log import attention_lines, log_line, tolerant, write_stdout
from handler.settings import Settings, load, settings_warnings
from handler.values.canonical_json import utc_now
from handler.values.named_tuple import NamedTuple
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.audit.record import Part, Record
    from handler.runtime.structured_log import Write


class Instance(NamedTuple):
    """What is opened once and serves every call of an instance.

    Attributes:
        settings: What the operator set; `settle_after` is longer if the facts ask for it.
        log: The audit log.
        transport: Connections to the cloud, kept alive between calls.
        environ: The environment, for local credentials and the time-out; never printed.
        write: Writes a log line.
        keys: The keys of the latest call, which a log in OBS signs with.
        absent_doubt: Why no job is declared absent, by the facts; "" if jobs are.
    """

    settings: Settings
    log: InstanceLog
    transport: Transport
    environ: Mapping[str, str]
    write: Write
    keys: CurrentCredentials
    absent_doubt: str = ""

    def __repr__(self) -> str:
        """Return nothing of the environment, which may hold keys."""
        return f"Instance({self.settings!r})"

    def close(self) -> None:
        """Close the log and the connections, the latter also where the log cannot be closed."""
        try:
            self.log.close()
        finally:
            self.transport.close()


def open_instance(
    context: object, environ: Mapping[str, str], write: Write = write_stdout
) -> Instance:
    """Open what an instance keeps: settings from user data and environment, log, connections.

    Raises:
        SettingsError: A setting is missing or wrong.
        LogError: The audit log cannot be opened. Nothing is left open then.
    """
    write = tolerant(write)
    settings = load(lambda name: _text(context, "getUserData", name) or None, environ)
    if settings.checkpoints or settings.checkpoint_key.get_secret_value():
        from handler.invocation.checkpoint_writer import check_signing_key

        check_signing_key(settings)
    transport = Transport(timeout=settings.request_timeout, connections=settings.senders)
    keys = CurrentCredentials()
    keys.use(known_credentials(context, environ), deadline(context, environ))
    try:
        settings, absent_doubt = _with_facts(settings, transport, keys, write)
        log = _opened_log(settings, transport, keys, write)
    except BaseException:
        transport.close()
        raise
    return Instance(settings, log, transport, environ, write, keys, absent_doubt)


def _with_facts(
    settings: Settings, transport: Transport, keys: CurrentCredentials, write: Write
) -> tuple[Settings, str]:
    """Return the settings as the facts of the probe have them, and why no job is absent."""
    if not settings.facts:
        return settings, ""
    from handler.cloud.obs.client import Obs
    from handler.probe.facts_file import apply_facts, caution_warnings

    adjusted, caution = apply_facts(
        settings, lambda: Obs(settings.obs_endpoint, keys.current(), transport, utc_now)
    )
    for warning in caution_warnings(settings, caution):
        write(log_line("settings.doubted", {"note": warning}))
    return adjusted, caution.absent_doubt


def _opened_log(
    settings: Settings, transport: Transport, keys: CurrentCredentials, write: Write
) -> InstanceLog:
    folders = None
    if settings.audit.startswith(OBS):
        from handler.cloud.obs.client import Obs
        from handler.cloud.obs.prefix_store import ObsFolders

        folders = ObsFolders(Obs(settings.obs_endpoint, keys.current(), transport, utc_now), keys)
    for warning in (*settings_warnings(settings), *log_warnings(settings.audit, folders)):
        write(log_line("settings.doubted", {"note": str(warning)}))

    def on_append(records: Sequence[Record]) -> None:
        for line in attention_lines(records):
            write(line)

    return InstanceLog(open_log(settings.audit, folders, keys.time_left), on_append)


def record_started(context: object, instance: Instance) -> None:
    """Say what runs here: to the log service now, in the log with the instance's first commit.

    An instance that commits nothing has no record of its start. Into an empty log it is recorded
    at once.
    """
    started = read_startup(Path(__file__).parents[2], sys.modules)
    log = instance.log.bind(_function(context))
    if log.head().seq:
        log.commit_with_next(record_start(started))
    else:
        log.commit(record_start(started))
    said = {"code": started.code, "python": started.python, "sqlite": started.sqlite}
    instance.write(log_line("function.started", {**said, "note": started.note}))


def invocation_of(context: object, instance: Instance, began: float | None = None) -> Invocation:
    """Return the dependencies of an invocation that began then, with the keys of its context."""
    end = deadline(context, instance.environ, began)
    keys = known_credentials(context, instance.environ)
    instance.keys.use(keys, end)
    settings, transport = instance.settings, instance.transport
    function = _function(context)
    log = instance.log.bind(function)
    # What a service holds up until then can still be recorded, and the event answered.
    last = end.earlier(RECORDING_SECONDS)
    ief = ief_of(settings, keys, transport, utc_now, last)
    return Invocation(
        settings=settings,
        log=log,
        ief=ief,
        deadline=end,
        function=function,
        runner=EffectRunner(log, ief, end),
        absent_doubt=instance.absent_doubt,
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
    # A record has no lone surrogates, and must not fail for what the platform says of itself.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
