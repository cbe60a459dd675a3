"""`nightdrop validate`: check job specs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handler.cli.configuration.environment import environment
from handler.cli.rollouts.rollout_row import operator_times
from handler.cli.shared_options import format_choice, policy_option
from handler.cli.specs.validation_report import REPORTS, CheckedFile
from handler.errors import SpecRejectedError
from handler.parsing import Limits, read
from handler.specs.node_names import plan_without_fleet
from handler.values.canonical_json import key_of
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from handler.policy.rules import Policy


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@format_choice(*REPORTS)
@click.option(
    "--show", is_flag=True, help="Print each request body that would be sent, secrets included."
)
@policy_option
@click.option(
    "--as",
    "source",
    metavar="SOURCE",
    help="Where the files come from, for --policy: an object's key or obs://bucket/key, "
    "timer:NAME, or direct.  [default: NIGHTDROP_PREFIX and the file's name]",
)
def validate(
    files: tuple[Path, ...], output: str, *, show: bool, address: str, source: str | None
) -> None:
    """Check job-spec FILES and print every error; nothing is sent, nothing is recorded.

    With --policy, what the policy does not allow is an error, too. With --show, what a job's name
    and mark take from its delivery is made from the file's name: they will be others when it is
    sent.

    - reads standard input. Format github is GitHub's annotations on the lines of a pull request,
    sarif is SARIF 2.1.0. Exit status: 0 all are valid, 1 any is not.

    \b
      nightdrop validate events/specs/*.yaml
      nightdrop validate --show events/specs/deploy-camera.yaml
      nightdrop validate --policy built-in --format sarif events/specs/*.yaml > nightdrop.sarif
    """
    rules = None
    if address:
        from handler.cli.specs.policy import read_policy_at

        rules = read_policy_at(address)
    checked = [_checked(file, rules, source) for file in files]
    REPORTS[output](checked, show)
    sys.exit(1 if any(one.errors for one in checked) else 0)


def _checked(file: Path, rules: Policy | None, source: str | None) -> CheckedFile:
    try:
        # Only a delivery gives jobs their names; here the file's own name is used.
        documents = read(_content(file), Limits())
        plan = plan_without_fleet(key_of(str(file)), documents, operator_times().grace)
    except SpecRejectedError as error:
        return CheckedFile(file, None, error.problems)
    if rules is None:
        return CheckedFile(file, plan, ())
    from handler.cli.specs.policy import decide_plan, origin_named

    origin = origin_named(source or _dropped_address(file.name))
    return CheckedFile(file, plan, decide_plan(plan, rules, origin).problems)


def _dropped_address(name: str) -> str:
    """Return the address that a file would be dropped at; its key alone if no bucket is set."""
    bucket = environment().get("NIGHTDROP_BUCKETS", "").partition(",")[0].strip()
    key = f"{environment().get('NIGHTDROP_PREFIX', '')}{name}"
    return f"{OBS}{bucket}/{key}" if bucket else key


def _content(file: Path) -> bytes:
    """Return the file's bytes, of a large one no more than shows that it is too large."""
    most = Limits().max_bytes + 1
    if str(file) == "-":
        return sys.stdin.buffer.read(most)
    with file.open("rb") as opened:
        return opened.read(most)
