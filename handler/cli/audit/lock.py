"""`nightdrop audit lock`: lock a bucket, so that its checkpoints cannot be changed."""

from __future__ import annotations

import os
import sys

import click

from handler.cli.console import complain
from handler.cli.obs_from_environment import open_obs
from handler.cli.shared_options import confirm
from handler.errors import ApiError, NightdropError
from handler.values.obs_address import OBS, parse_obs_address

LONGEST = 36_500
"""Days that OBS locks an object for at most (obs_04_0167)."""

_WRONG, _UNFIT = 2, 409


@click.command()
@click.argument("address")
@click.option("--days", type=click.IntRange(1, LONGEST), required=True, help="How long it is kept.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def lock(address: str, *, days: int, yes: bool) -> None:
    """Lock the bucket at ADDRESS, obs://bucket: write once, read many.

    Nobody can change or delete what is written from then on for that many days.
    The days can be changed for what comes later; the lock itself can never be taken off again.
    The bucket must keep versions, and it must not be the log's: a locked bucket refuses the appends
    that a log is made of. Keys, and NIGHTDROP_REGION or NIGHTDROP_OBS_ENDPOINT, come from the
    environment. Exit status: 0 locked, 1 not wanted after all, 2 it could not be.

    \b
      nightdrop audit lock obs://my-checkpoints --days 365
    """
    bucket = _bucket_of(address)
    if not yes:
        confirm(f"Lock the whole bucket {bucket} permanently?")
    try:
        open_obs(os.environ).lock(bucket, days)
    except NightdropError as error:
        unversioned = isinstance(error, ApiError) and error.status == _UNFIT
        complain(f"{error}; let {bucket} keep versions first" if unversioned else str(error))
        sys.exit(_WRONG)
    click.echo(f"{bucket}: what is written from now on is locked for {days} days")


def _bucket_of(address: str) -> str:
    """Return the bucket that an address names, or end with status 2 if it is the log's or none."""
    try:
        bucket = parse_obs_address(address).bucket
    except ValueError:
        complain(f"only a bucket in OBS can be locked: give {OBS}bucket")
        sys.exit(_WRONG)
    log = os.environ.get("NIGHTDROP_AUDIT", "")
    if log.startswith(OBS) and parse_obs_address(log).bucket == bucket:
        complain(
            f"{bucket} holds the audit log, and a locked bucket refuses its appends; lock another"
        )
        sys.exit(_WRONG)
    return bucket
