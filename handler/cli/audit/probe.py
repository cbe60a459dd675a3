"""`nightdrop audit probe`: try what the log in OBS relies on, on the bucket itself."""

from __future__ import annotations

import json
import sys
from contextlib import closing

import click

from handler.audit.objects.conformance_probe import Check
from handler.audit.objects.conformance_probe import probe as checks
from handler.audit.objects.probe_result import PROOF, save_probe_result
from handler.audit.open_log import folder_at
from handler.cli.audit.records.open_log import obs_folders
from handler.cli.console import complain, printable
from handler.errors import NightdropError
from handler.values.obs_address import OBS


@click.command()
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
def probe(address: str, *, as_json: bool) -> None:
    """Try on a real bucket what a log at ADDRESS, obs://bucket/prefix, relies on.

    Writes some small objects under the prefix and removes them. When everything held, it writes
    that down beside the log, and the function warns no more. Keys, and NIGHTDROP_REGION or
    NIGHTDROP_OBS_ENDPOINT, come from the environment. Exit status: 0 all held, 1 something did
    not, 2 it could not be tried.

    \b
      nightdrop audit probe obs://my-audit-log/nightdrop
    """
    if not address.startswith(OBS):
        complain("only a log in OBS can be probed: give obs://bucket/prefix")
        sys.exit(2)
    try:
        with closing(folder_at(address, obs_folders())) as objects:
            objects.read(PROOF)  # whether the bucket can be reached at all, with these keys
            done = []
            for check in checks(objects):
                _show(check, as_json=as_json)
                done.append(check)
            passed = all(check.passed for check in done)
            if passed:
                save_probe_result(objects, [check.name for check in done])
    except NightdropError as error:
        complain(str(error))
        sys.exit(2)
    if not as_json:
        click.echo(_verdict(objects.place, passed=passed))
    sys.exit(0 if passed else 1)


def _show(check: Check, *, as_json: bool) -> None:
    if as_json:
        said = {"check": check.name, "passed": check.passed, "found": check.found}
        click.echo(json.dumps({**said, "meaning": check.meaning}))
        return
    click.echo(f"{'ok  ' if check.passed else 'FAIL'}  {check.name}")
    click.echo(f"      {printable(check.meaning if check.passed else check.found)}")


def _verdict(place: str, *, passed: bool) -> str:
    if passed:
        return f"A log can be stored in {place}; the result is saved in {place}{PROOF}."
    return f"Keep no log in {place}: use another bucket, or postgresql://."
