"""`nightdrop drop`: checks spec files, uploads them, and follows their jobs to the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import click

from handler.cli.console import LATER, complain, printable
from handler.cli.listing import Listing, print_rows
from handler.cli.live_screen import show_changes
from handler.cli.shared_options import NumberRange, format_option
from handler.cli.specs.dropped_file import DroppedFile, DropProgress, refreshed, upload
from handler.cli.specs.spec_file import SPEC_FILE, drop_address, read_spec_file
from handler.cli.specs.watched_files import change_lines, drawing_of
from handler.errors import SpecRejectedError
from handler.parsing import Limits, read
from handler.specs.node_names import plan_without_fleet
from handler.triggers.delivery import StoredSpec
from handler.triggers.event_parser import Watched, object_problems
from handler.values.canonical_json import key_of
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.cli.open_cloud import Cloud
    from handler.cli.specs.spec_file import SpecFile
    from handler.errors import Problem
    from handler.settings import Settings

DONE, WRONG = 0, 1
"""Exit statuses."""

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.5, 5.0, 1.2  # seconds between two requests

_JOBS = Listing(
    ("file", "job_name", "state", "progress", "note"),
    name="job_name",
    empty="",
    optional=("progress", "file"),
)


@click.command()
@click.argument("files", nargs=-1, required=True, type=SPEC_FILE)
@click.option(
    "--as",
    "name",
    metavar="NAME",
    help="The name of the only file in the bucket, below NIGHTDROP_PREFIX.  [default: its own]",
)
@click.option("--wait", is_flag=True, help="Follow jobs and rollouts until all have ended.")
@click.option(
    "--timeout",
    type=NumberRange(0),
    default=1800,
    show_default=True,
    metavar="SECONDS",
    help="How long --wait follows.",
)
@click.option("--dry-run", is_flag=True, help="Upload nothing; the same as `nightdrop plan`.")
@format_option
@click.pass_context
def drop(  # noqa: PLR0913 - one for each option
    context: click.Context,
    /,
    files: Sequence[str],
    *,
    name: str | None,
    wait: bool,
    timeout: float,
    dry_run: bool,
    output: str,
) -> None:
    """Check spec FILES, the policy included, and upload them into the first of NIGHTDROP_BUCKETS.

    Nothing is uploaded if one has an error. - reads standard input. With --wait, the files' result
    files are read (NIGHTDROP_RESULTS), and IEF is asked about each job and its targets; it ends
    early where a rollout waits for a person. Exit status: 0 uploaded, with --wait all jobs and
    nodes succeeded, 1 a file, a job or a node was rejected, refused or failed, 2 wrong settings, or
    a service cannot be reached, 75 not all have ended in time, or a rollout waits for a person.

    \b
      nightdrop drop upgrade.yaml --wait
      nightdrop drop camera.yaml --as team-a/camera.yaml --wait -o json
    """
    if name and len(files) > 1:
        raise click.UsageError("--as names one file; give one")
    if dry_run:
        from handler.cli.function.plan import plan

        context.invoke(plan, files=files, source=None, output=output)
    from handler.cli.open_cloud import open_cloud

    with open_cloud() as cloud:
        drop_address(cloud.settings, "")
        if wait and not cloud.settings.results:
            raise click.UsageError("--wait reads result files: set NIGHTDROP_RESULTS")
        dropped = _uploaded(_specs(files, name, cloud.settings), cloud)
        if not wait:
            rows = [one.row() for one in dropped]
            print_rows(rows, _JOBS._replace(columns=("file", "address"), name="address"), output)
            return
        states = _states(dropped, cloud, timeout)
        if output == "table":
            last = show_changes(states, drawing_of, change_lines)
        else:
            last = [*states][-1]
            print_rows([row for progress in last for row in progress.rows()], _JOBS, output)
    sys.exit(_status(last))


def _specs(files: Sequence[str], name: str | None, settings: Settings) -> list[SpecFile]:
    """Read files; exit if one cannot have its name in the bucket, or would replace another."""
    prefix = settings.prefix
    if name and prefix and name.startswith(prefix):
        below = name.removeprefix(prefix)
        raise click.UsageError(f"--as: the prefix {prefix} is put before the name: write {below}")
    specs = [read_spec_file(file) for file in files]
    specs = [specs[0]._replace(name=name)] if name else specs
    for spec in specs:
        drop_address(settings, spec.name)
    for same, count in Counter(spec.name for spec in specs).items():
        if count > 1:
            raise click.UsageError(
                f"{count} files would be {same} in the bucket, and only the last one would stay: "
                "drop them one by one, each with a name of its own by --as"
            )
    return specs


def _uploaded(specs: Sequence[SpecFile], cloud: Cloud) -> list[DroppedFile]:
    """Upload files, all or none: exit if one has an error."""
    valid = [_is_valid(spec, cloud) for spec in specs]  # the errors of all are printed
    if not all(valid):
        sys.exit(WRONG)
    dropped = [upload(spec, cloud) for spec in specs]
    for one in dropped:
        if one.repeats and one.has_run:
            click.echo(f"{printable(one.name)} was run before, as it is: no new jobs", err=True)
    return dropped


def _is_valid(spec: SpecFile, cloud: Cloud) -> bool:
    """Return whether a spec may be dropped; print what is wrong with it."""
    settings = cloud.settings
    place = StoredSpec(settings.buckets[0], f"{settings.prefix}{spec.name}")
    misplaced = object_problems(place, Watched.of(settings))
    problems = misplaced or _spec_problems(spec, place, settings)
    if problems:
        refused = "\n".join(map(str, problems))
        advice = "\nGive it another name, or one with --as." if misplaced else ""
        complain(f"{spec.name} is not dropped:\n{refused}{advice}")
    return not problems


def _spec_problems(spec: SpecFile, place: StoredSpec, settings: Settings) -> Sequence[Problem]:
    """Return the errors of a spec, or what the policy does not allow.

    A policy that looks at who uploads is left to the function: nobody knows that before.
    """
    from handler.cli.specs.policy import decide_plan, origin_named, read_policy_at

    try:
        limits = Limits(max_bytes=settings.max_spec_bytes)
        documents = read(spec.data, limits)
        planned = plan_without_fleet(key_of(spec.name), documents, settings.job_grace)
    except SpecRejectedError as error:
        return error.problems
    policy = read_policy_at(settings.policy)
    if any(rule.source.account or rule.source.principal for rule in policy.rules):
        return ()
    origin = origin_named(f"{OBS}{place.bucket}/{place.key}")
    return decide_plan(planned, policy, origin).problems


def _states(
    dropped: Sequence[DroppedFile], cloud: Cloud, timeout: float
) -> Iterator[Sequence[DropProgress]]:
    """Yield what became of files, again and again, until all is over or the time is."""
    until, pause = time.monotonic() + timeout, _FIRST_PAUSE
    files = [DropProgress(one) for one in dropped]
    while True:
        files = [one if one.is_over else refreshed(one, cloud) for one in files]
        yield files
        if (
            all(one.is_over or one.needs_person for one in files)
            or time.monotonic() + pause > until
        ):
            return
        time.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _status(last: Sequence[DropProgress]) -> int:
    if any(one.is_over and not one.is_well for one in last):
        return WRONG
    return DONE if all(one.is_over for one in last) else LATER
