"""`nightdrop audit init`, `rebuild`, `probe` and `lock`: prepare, repair and protect a store."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from handler.audit.objects.conformance_probe import Check
from handler.audit.objects.conformance_probe import probe as checks
from handler.audit.objects.probe_result import PROOF, save_probe_result
from handler.audit.open_log import folder_at, init_log
from handler.audit.rebuild import rebuild as rebuilt
from handler.cli.audit.verify import checkpoints_option, evidence_of, expect_head_option
from handler.cli.configuration.environment import cloud_environment, environment
from handler.cli.console import printable
from handler.cli.listing import print_row
from handler.cli.open_stores import obs_folders, open_obs
from handler.cli.shared_options import (
    audit_option,
    confirm,
    exit_on_log_error,
    format_choice,
    operator,
)
from handler.errors import ApiError, SettingsError
from handler.values.obs_address import OBS, parse_obs_address

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 36_500
"""Days that OBS locks an object for at most (obs_04_0167)."""

_CONFLICT = 409


@click.command()
@audit_option
@click.option(
    "--role", default="", help="The function's role in the database: grant it what it needs."
)
def init(address: str, role: str) -> None:
    """Create the tables of a log in PostgreSQL; safe to repeat.

    Prints the grants that the function's role needs; --role applies them. Run it as another role,
    which then owns the tables: the function must not be able to change records.

    \b
      nightdrop audit init --audit postgresql://owner@host/nightdrop > grants.sql
      nightdrop audit init --audit postgresql://owner@host/nightdrop --role nightdrop_function
    """
    with exit_on_log_error():
        grants = init_log(address, role)
    if not grants:
        click.echo("A log in SQLite or OBS needs no preparation: it is created on first use.")
        return
    click.echo("-- The tables are ready. " + ("Granted:" if role else "The function's role needs:"))
    for grant in grants:
        click.echo(grant)


@click.command()
@audit_option
@checkpoints_option
@expect_head_option
@click.option("--yes", is_flag=True, help="Do not ask first.")
def rebuild(address: str, checkpoints: Sequence[str], head: str, *, yes: bool) -> None:
    """Rebuild everything that is derived from the records.

    The remedy where `audit verify` finds tables, indexes or states that differ from the records.
    The records are verified first; if they are damaged or cut off, nothing is rebuilt.
    No record is touched; one is added that says who did it. Bodies in the outbox cannot be derived
    and stay as they are. In PostgreSQL the owner of the tables rebuilds the tables; the
    function's role makes only what is in them.

    \b
      nightdrop audit rebuild --audit sqlite:///nightdrop.db
      nightdrop audit rebuild --yes --checkpoints obs://my-checkpoints/nightdrop/
    """
    if not yes:
        confirm("The derived state is rebuilt from the records; no record is changed. Continue?")
    with exit_on_log_error():
        record = rebuilt(
            address,
            actor=operator(),
            evidence=evidence_of(checkpoints, head),
            folders=obs_folders() if address.startswith(OBS) else None,
        )
    click.echo(f"Rebuilt from {record.seq - 1} records; record {record.seq} says so.")


@click.command()
@click.argument("address")
@format_choice("table", "json", "yaml")
def probe(address: str, output: str) -> None:
    """Try on a real bucket what a log at ADDRESS, obs://bucket/prefix, relies on.

    Writes some small objects under the prefix and removes them. When everything held, it writes
    that down beside the log, and the function warns no more. Keys, and NIGHTDROP_REGION or
    NIGHTDROP_OBS_ENDPOINT, come from the environment. Exit status: 0 all held, 1 something did
    not, 2 it could not be tried.

    \b
      nightdrop audit probe obs://my-audit-log/nightdrop
      nightdrop audit probe obs://my-audit-log/nightdrop -o json
    """
    if not address.startswith(OBS):
        raise SettingsError("only a log in OBS can be probed: give obs://bucket/prefix")
    with closing(folder_at(address, obs_folders())) as objects:
        objects.read(PROOF)  # whether the bucket can be reached at all, with these keys
        done = []
        for check in checks(objects):
            _print_check(check, output)
            done.append(check)
        passed = all(check.passed for check in done)
        if passed:
            save_probe_result(objects, [check.name for check in done])
    place = objects.place
    if passed and output == "table":
        click.echo(f"A log can be stored in {place}; the result is saved in {place}{PROOF}.")
    elif output == "table":
        click.echo(f"Keep no log in {place}: use another bucket, or postgresql://.")
    sys.exit(0 if passed else 1)


def _print_check(check: Check, output: str) -> None:
    if output != "table":
        print_row({**asdict(check), "passed": check.passed}, output)
        return
    click.echo(f"{'ok  ' if check.passed else 'FAIL'}  {check.name}")
    click.echo(f"      {printable(check.meaning if check.passed else check.found)}")


@click.command()
@click.argument("address")
@click.option(
    "--days", type=click.IntRange(1, _LONGEST), required=True, help="How long it is kept."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def lock(address: str, *, days: int, yes: bool) -> None:
    """Lock the bucket at ADDRESS, obs://bucket: write once, read many.

    What is written from then on cannot be changed or deleted for that many days. The number of days
    can be changed for later objects; the lock itself can never be removed. The bucket must keep
    versions, and it must not be the log's: a locked bucket refuses the appends of a log. Keys, and
    NIGHTDROP_REGION or NIGHTDROP_OBS_ENDPOINT, come from the environment. Exit status: 0 locked, 1
    not confirmed, 2 not locked because of an error.

    \b
      nightdrop audit lock obs://my-checkpoints --days 365
      nightdrop audit lock obs://my-checkpoints --days 30 --yes
    """
    bucket = _bucket_of(address)
    if not yes:
        confirm(f"Lock the whole bucket {bucket} permanently?")
    try:
        open_obs(cloud_environment()).lock(bucket, days)
    except ApiError as error:
        if error.status != _CONFLICT:
            raise
        raise SettingsError(f"{error}; let {bucket} keep versions first") from error
    click.echo(f"{bucket}: what is written from now on is locked for {days} days")


def _bucket_of(address: str) -> str:
    """Return the bucket that an address names.

    Raises:
        SettingsError: It names none, or the audit log's.
    """
    try:
        bucket = parse_obs_address(address).bucket
    except ValueError:
        raise SettingsError(f"only a bucket in OBS can be locked: give {OBS}bucket") from None
    log = environment().get("NIGHTDROP_AUDIT", "")
    if log.startswith(OBS) and parse_obs_address(log).bucket == bucket:
        raise SettingsError(
            f"{bucket} holds the audit log, and a locked bucket refuses its appends; lock another"
        )
    return bucket
