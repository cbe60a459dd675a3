"""`nightdrop probe`: compare what is assumed about the cloud with what an account shows."""

from __future__ import annotations

import os
import sys
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from handler.audit.open_log import folder_at
from handler.cli.console import exit_with_error, screen, table
from handler.cli.open_stores import obs_folders
from handler.cli.shared_options import FILE
from handler.cloud.credentials import credentials
from handler.cloud.ief.client import Ief
from handler.probe.client import ObservedTransport, ProbeClient, utc_now
from handler.probe.create_checks import KINDS, ProbeJob
from handler.probe.report import to_json, to_markdown
from handler.probe.run_probe import run_probe
from handler.settings import load
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from handler.probe.fact import Fact

AS_ASSUMED, DIFFERS = 0, 1
"""Exit statuses; what was not seen does not count."""

_NO_LOG = "sqlite:///none"  # the log is not opened, so its address need not be set
_COLOURS = {"as assumed": "green", "differs": "yellow", "not seen": None}


@click.command(short_help="Check what is assumed about the cloud; read-only by default.")
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
@click.option("--report", type=FILE, help="Write the report as Markdown.")
@click.option("--json", "facts_file", type=FILE, help="Write the facts for NIGHTDROP_FACTS.")
def probe(
    *,
    node: str | None,
    kind: str,
    objects: str | None,
    report: Path | None,
    facts_file: Path | None,
) -> None:
    """Compare what Nightdrop assumes about the cloud with what this account shows.

    Lists jobs with dates of all kinds, and compares the answers; without --create-on and --objects
    nothing is changed. The jobs of --create-on have nothing to do on a node, and their names start
    with nightdrop-probe; until they are listed, it waits for 10 minutes at most. Settings and keys
    come from the environment. Point NIGHTDROP_FACTS at the file of --json, and the function acts on
    what was seen. Exit status: 0 nothing differs, 1 something differs, 2 it could not be tried.

    \b
      nightdrop probe --create-on 5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11 --json facts.json
    """
    settings = load(lambda _name: None, {**os.environ, "NIGHTDROP_AUDIT": _NO_LOG})
    keys = credentials(None, os.environ)
    transport = ObservedTransport(timeout=settings.request_timeout)
    ief = Ief(
        settings.ief_endpoint,
        settings.project_id,
        keys,
        transport,
        transport.clock.now,
        settings.ief_instance,
    )
    folder = closing(folder_at(objects, obs_folders())) if objects else nullcontext()
    with closing(transport), folder as place:
        job = ProbeJob(node, kind) if node else None
        facts = run_probe(ProbeClient(ief), transport, job, place)
    host, at = urlsplit(settings.ief_endpoint).hostname or "", timestamp(utc_now())
    _show(facts)
    _write(report, to_markdown(facts, at, host))
    _write(facts_file, to_json(facts, at, host))
    sys.exit(DIFFERS if any(one.verdict == "differs" for one in facts) else AS_ASSUMED)


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        exit_with_error(f"{path} cannot be written: {error.strerror}")


def _show(facts: tuple[Fact, ...]) -> None:
    drawn = table(
        ("", "check", "note"),
        [(one.verdict, one.name, _note(one)) for one in facts],
    )
    for row, one in zip(drawn.rows, facts, strict=True):
        row.style = _COLOURS[one.verdict]
    screen().print(drawn)


def _note(fact: Fact) -> str:
    return f"{fact.seen}\n→ {fact.change}" if fact.change else fact.seen
