"""`nightdrop doctor`: check a deployment."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from handler.cli.configuration.environment import cloud_environment
from handler.cli.console import screen, table
from handler.cli.listing import print_row
from handler.cli.shared_options import format_choice
from handler.cloud.credentials import known_credentials
from handler.cloud.http_transport import Transport
from handler.doctor.finding import Finding, fail, worst
from handler.doctor.run_checks import CheckedDeployment, run_checks
from handler.errors import CredentialsError, LogError, NightdropError, SettingsError
from handler.invocation.instance import open_instance
from handler.invocation.invocation import ief_of
from handler.local.runtime.context import Context
from handler.runtime.deadline import Deadline
from handler.settings import load
from handler.values.canonical_json import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.audit.log import Log
    from handler.settings import Settings

FIT, UNFIT = 0, 1
"""Exit statuses; warnings alone do not count."""

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_CORRECT = "correct it and check again"
_SECONDS = 300.0  # for all checks


@click.command()
@format_choice("table", "json", "yaml")
def doctor(output: str) -> None:
    """Check a deployment from this machine, with the settings and keys of the environment.

    Each line is a check with its result and, for a problem, what to do. The only change is a probe
    object that is written and deleted where result files go. Exit status: 0 no error (there may be
    warnings), 1 errors. To check from inside the function, invoke it with {"action": "doctor"}.

    \b
      nightdrop --profile production doctor
      nightdrop --env-file production.env doctor -o json
    """
    with ExitStack() as stack:
        findings = _findings(stack)
    if output == "table":
        _show(findings)
    else:
        for one in findings:
            print_row(one.to_json(), output)
    sys.exit(UNFIT if worst(findings) == "fail" else FIT)


def _findings(stack: ExitStack) -> tuple[Finding, ...]:
    try:
        environ = cloud_environment()
        settings = load(lambda _name: None, environ)
        transport = Transport(timeout=settings.request_timeout)
        stack.callback(transport.close)
        return run_checks(_deployment(settings, environ, transport, _log(stack, environ)))
    except SettingsError as error:
        return tuple(fail("settings", line, _CORRECT) for line in str(error).splitlines())
    except CredentialsError as error:
        return (fail("credentials", str(error), _CORRECT),)


def _deployment(
    settings: Settings, environ: Mapping[str, str], transport: Transport, log: Log | LogError
) -> CheckedDeployment:
    deadline = Deadline(time.monotonic() + _SECONDS, time.monotonic)
    ief = ief_of(settings, known_credentials(None, environ), transport, utc_now, deadline)
    return CheckedDeployment(settings, ief, log, deadline, environ)


def _log(stack: ExitStack, environ: Mapping[str, str]) -> Log | LogError:
    """Open the log as the function does, or return why it cannot be opened."""
    context = Context.from_environment(environ)
    try:
        instance = open_instance(context, environ, lambda _line: None)
    except LogError as error:
        return error
    except SettingsError:
        raise
    except NightdropError as error:
        return LogError(str(error))
    stack.callback(instance.close)
    return instance.log


def _show(findings: tuple[Finding, ...]) -> None:
    drawn = table(("", "check", "note"), [(one.verdict, one.check, _note(one)) for one in findings])
    for row, one in zip(drawn.rows, findings, strict=True):
        row.style = _COLOURS[one.verdict]
    console = screen()
    console.print(drawn)


def _note(finding: Finding) -> str:
    return f"{finding.message}\n→ {finding.remedy}" if finding.remedy else finding.message
