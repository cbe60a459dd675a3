"""`nightdrop probe`: compare what is assumed about the cloud with what an account shows."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from handler.audit.objects.probe_result import PROOF
from handler.audit.open_log import folder_at
from handler.cli.configuration.environment import cloud_environment
from handler.cli.console import exit_with_error, screen, table
from handler.cli.open_cloud import NO_LOG
from handler.cli.open_stores import obs_folders, open_any_log, open_obs
from handler.cli.shared_options import FILE
from handler.cloud.credentials import credentials
from handler.errors import SettingsError
from handler.invocation.invocation import ief_of
from handler.probe.client import ObservedTransport, ProbeClient
from handler.probe.create_checks import KINDS, ProbeJob
from handler.probe.event_check import key_fact, unseen_keys
from handler.probe.fact import merged
from handler.probe.facts_file import load_facts
from handler.probe.function_checks import unseen_inside
from handler.probe.report import to_json, to_markdown
from handler.probe.run_probe import run_probe
from handler.settings import load
from handler.values.canonical_json import timestamp, utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handler.probe.fact import Fact
    from handler.settings import Settings

AS_ASSUMED, DIFFERS = 0, 1
"""Exit statuses; what was not seen does not count."""

_COLOURS = {"as assumed": "green", "differs": "yellow", "not seen": None}


@click.command()
@click.option(
    "--create-on",
    "node",
    metavar="NODE",
    help="Create two jobs that change nothing, with this node's id, and delete them.",
)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=KINDS[0],
    show_default=True,
    help="The type of these jobs; a node_upgrade upgrades a node that is not up to date.",
)
@click.option(
    "--objects",
    metavar="ADDRESS",
    help="Write objects below obs://bucket/prefix/, and delete them.",
)
@click.option(
    "--events",
    is_flag=True,
    help="Write an empty object into the first bucket of NIGHTDROP_BUCKETS, look for its event in "
    "the log, and delete it.",
)
@click.option(
    "--rate",
    type=click.IntRange(0, 1000),
    default=0,
    metavar="N",
    help="List N times in a row, until the API refuses.",
)
@click.option(
    "--merge",
    "others",
    type=FILE,
    multiple=True,
    help="Add facts that were seen before: an earlier --json, or the function's answer.",
)
@click.option("--report", type=FILE, help="Write the report as Markdown.")
@click.option("--json", "facts_file", type=FILE, help="Write the facts for NIGHTDROP_FACTS.")
def probe(  # noqa: PLR0913 - one for each option
    *,
    node: str | None,
    kind: str,
    objects: str | None,
    events: bool,
    rate: int,
    others: tuple[Path, ...],
    report: Path | None,
    facts_file: Path | None,
) -> None:
    """Compare what Nightdrop assumes about the cloud with what this account shows.

    Lists jobs with dates of all kinds, and compares the answers; without --create-on, --objects and
    --events nothing is changed. The jobs of --create-on have nothing to do on a node, and their
    names start with nightdrop-probe; until they are listed, it waits for 10 minutes at most.
    Settings and keys come from the environment. Point NIGHTDROP_FACTS at the file of --json, and
    the function acts on what was seen. What only the function sees is in its answer to the event
    {"action": "probe"}: add it with --merge. Exit status: 0 nothing differs, 1 something differs, 2
    it could not be tried.

    \b
      nightdrop probe --report first-contact.md
      nightdrop probe --create-on 5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11 --json facts.json
    """
    environ = cloud_environment()
    log = {} if events else {"NIGHTDROP_AUDIT": NO_LOG}
    settings = load(lambda _name: None, {**environ, **log})
    seen = [_merged_facts(path, environ) for path in others]
    job = ProbeJob(node, kind) if node else None
    with ExitStack() as stack:
        found = _probed(settings, environ, stack, job, objects, rate)
        keys = _key_fact(settings, environ, stack) if events else unseen_keys(settings)
    facts = merged(chain(found, [keys], unseen_inside(), *seen))
    host, at = urlsplit(settings.ief_endpoint).hostname or "", timestamp(utc_now())
    _show(facts)
    _write(report, to_markdown(facts, at, host))
    _write(facts_file, to_json(facts, at, host))
    sys.exit(DIFFERS if any(one.verdict == "differs" for one in facts) else AS_ASSUMED)


def _merged_facts(path: Path, environ: Mapping[str, str]) -> Sequence[Fact]:
    try:
        return load_facts(str(path), lambda: open_obs(environ)).facts
    except SettingsError as error:
        why = str(error).removeprefix("NIGHTDROP_FACTS: ")
        exit_with_error(f"--merge {path}: {why}")


def _probed(  # noqa: PLR0913, PLR0917 - the settings, and one for each option
    settings: Settings,
    environ: Mapping[str, str],
    stack: ExitStack,
    job: ProbeJob | None,
    objects: str | None,
    rate: int,
) -> Sequence[Fact]:
    transport = stack.enter_context(closing(ObservedTransport(timeout=settings.request_timeout)))
    ief = ief_of(settings, credentials(None, environ), transport, transport.clock.now)
    place = (
        stack.enter_context(closing(folder_at(objects, obs_folders(environ)))) if objects else None
    )
    if place:
        place.read(PROOF)  # whether the bucket can be reached at all, with these keys
    return run_probe(ProbeClient(ief), transport, job, place, rate)


def _key_fact(settings: Settings, environ: Mapping[str, str], stack: ExitStack) -> Fact:
    if not settings.buckets:
        exit_with_error("--events needs a bucket whose events the function gets: NIGHTDROP_BUCKETS")
    log = stack.enter_context(closing(open_any_log(settings.audit, environ)))
    return key_fact(open_obs(environ), log, settings, time.sleep)


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        exit_with_error(f"{path} cannot be written: {error.strerror}")


def _show(facts: tuple[Fact, ...]) -> None:
    drawn = table(("", "check", "note"), [(one.verdict, one.name, _note(one)) for one in facts])
    for row, one in zip(drawn.rows, facts, strict=True):
        row.style = _COLOURS[one.verdict]
    screen().print(drawn)


def _note(fact: Fact) -> str:
    return f"{fact.seen}\n→ {fact.change}" if fact.change else fact.seen
