"""Answers `{"action": "probe"}`: what the function sees of the cloud from inside; it only reads."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from handler.probe.client import ObservedTransport, ProbeClient
from handler.probe.function_checks import package_fact, remaining_fact
from handler.probe.report import facts_document
from handler.probe.run_probe import run_probe
from handler.runtime.response import Answered
from handler.runtime.startup_record import read_startup
from handler.runtime.structured_log import log_line
from handler.values.canonical_json import timestamp, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.invocation.instance import Instance
    from handler.invocation.invocation import Invocation
    from handler.probe.fact import Fact


def probed(context: object, invocation: Invocation, instance: Instance) -> Answered:
    """Return the response: the facts as NIGHTDROP_FACTS has them, and a warning per difference.

    Args:
        context: The platform's context.
        invocation: Dependencies of this invocation, which has just begun.
        instance: What the instance has open.
    """
    facts = tuple(_facts(context, invocation, instance))
    differing = [
        f"{one.name}: {one.seen}; {one.change}" for one in facts if one.verdict == "differs"
    ]
    for one in differing:
        instance.write(log_line("check.doubted", {"note": one}))
    host = urlsplit(invocation.ief.endpoint).hostname or ""
    at = timestamp(utc_now())
    return Answered([], warnings=differing, facts=facts_document(facts, at, host))


def _facts(context: object, invocation: Invocation, instance: Instance) -> Iterator[Fact]:
    yield remaining_fact(context, instance.environ, sleep=time.sleep, ticks=time.monotonic)
    started = read_startup(Path(__file__).parents[2], sys.modules)
    yield package_fact(started.code, started.conflicting_packages)
    with closing(ObservedTransport(timeout=invocation.settings.request_timeout)) as transport:
        observed = invocation.ief._replace(transport=transport, clock=transport.clock.now)

        def sleep(seconds: float) -> None:
            time.sleep(min(seconds, invocation.deadline.left()))

        yield from run_probe(ProbeClient(observed, sleep), transport)
