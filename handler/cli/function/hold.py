"""`nightdrop hold`, `release`, `approve` and `job abandon`."""

from __future__ import annotations

import getpass
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from handler.audit.name_lookup import Candidate, find_job, find_one
from handler.cli.audit.records.log_reader import is_remote, open_reader
from handler.cli.console import exit_with_error, printable
from handler.cli.open_stores import open_any_log
from handler.cli.shared_options import audit_option, exit_on_log_error
from handler.deliveries.approval import MOST
from handler.deliveries.approval import approve as record_approval
from handler.jobs.decisions import abandon as record_abandonment
from handler.jobs.hold import BY_HAND
from handler.jobs.hold import hold as record_hold
from handler.jobs.hold import release as record_release
from handler.values.canonical_json import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeVar

    from handler.audit.log import Decide, SearchedLog
    from handler.audit.record import Part

    T = TypeVar("T")


@click.command(short_help="Send nothing new until `release`.")
@audit_option
@click.option("--reason", default="", show_default=BY_HAND, help="For the record.")
def hold(address: str, reason: str) -> None:
    """Hold all sending: planned and new jobs are deferred until `nightdrop release`.

    A job that waits for longer than it is valid (6 hours, unless its spec or NIGHTDROP_VALID_FOR
    says otherwise) expires. A second hold with another reason replaces the reason.

    \b
      nightdrop hold --reason "freeze until Monday" --audit sqlite:///nightdrop.db
    """
    before = _commit(address, record_hold(reason, actor=_operator()))
    click.echo(_held(before, reason))
    click.echo("Jobs that wait for longer than they are valid (valid_for) expire.")


@click.command(short_help="Release a hold; the next reconciler run resumes.")
@audit_option
def release(address: str) -> None:
    """Release a hold, or a suspension of settling; the next reconciler run resumes what waits.

    \b
      nightdrop release --audit sqlite:///nightdrop.db
    """
    reasons = _commit(address, record_release(actor=_operator()))
    click.echo(
        "\n".join(f"Hold released (it was: {printable(reason)})." for reason in reasons)
        or "Nothing was on hold."
    )


@click.command(short_help="Approve a file that awaits approval.")
@audit_option
@click.argument("what")
def approve(address: str, what: str) -> None:
    """Approve the delivery WHAT, a file's name or a key (or a prefix), that awaits approval.

    Its SHA-256 is approved: the next reconciler run plans it if its object still has that digest.
    `nightdrop audit list --action delivery.awaiting` lists what waits.

    \b
      nightdrop approve app.yaml --audit sqlite:///nightdrop.db
    """
    with _existing(address) as log:
        awaiting = log.read(lambda view: view.open(MOST).awaiting)
        known = [
            Candidate("delivery", one.key, (one.subject, one.subject.rpartition("/")[2]))
            for one in awaiting
        ]
        try:
            key = find_one(what, known).key
        except LookupError as error:
            exit_with_error(str(error.args[0]), 1)
        digest = next(one.digest for one in awaiting if one.key == key)
        approved = log.commit(record_approval([key], digest, actor=_operator())).value
    if not approved:
        exit_with_error("it does not await approval any more", 1)
    click.echo(f"Approved: SHA-256 {digest}. The next reconciler run plans it.")


@click.group(short_help="Decide about one job by hand.")
def job() -> None:
    """Decide about one job by hand."""


@job.command()
@audit_option
@click.argument("what")
@click.option("--reason", default="by hand", show_default=True, help="For the record.")
def abandon(address: str, what: str, reason: str) -> None:
    """Abandon the job WHAT (its name, id or key, or a prefix): it is never sent again.

    A created job stays on the fleet. Exit status: 0 abandoned, 1 not abandoned, 2 the log cannot
    be used.

    \b
      nightdrop job abandon nightly-qhbxaiqp --audit sqlite:///nightdrop.db
    """
    with _existing(address) as log:
        try:
            key = log.read(lambda view: find_job(view, what)).key
        except LookupError as error:
            exit_with_error(str(error.args[0]), 1)
        job = log.commit(record_abandonment(key, reason, actor=_operator())).value
    if job.state != "abandoned":
        why = (
            "is being sent right now; try again later"
            if job.state == "sending"
            else f"is {job.state}"
        )
        exit_with_error(f"job {job.name} ({shown(key)}) cannot be abandoned: it {why}", 1)
    click.echo(f"job {printable(job.name)} is abandoned")


def _held(before: str, reason: str) -> str:
    if not before:
        return f"Sending is on hold ({printable(reason or BY_HAND)})."
    already = f"Already on hold (reason: {printable(before)})"
    return f"{already}; new reason recorded." if reason not in {"", before} else f"{already}."


def _commit(address: str, decide: Decide[T]) -> T:
    with _existing(address) as log:
        return log.commit(decide).value


@contextmanager
def _existing(address: str) -> Iterator[SearchedLog]:
    """Open a log that has records: after a typing error a hold in a new log would do nothing."""
    with exit_on_log_error():
        if not is_remote(address):
            # Opening a SQLite log creates it.
            with open_reader(address) as found:
                _require_records(found.last())
        with closing(open_any_log(address)) as log:
            _require_records(log.read(lambda view: view.head).seq)
            yield log


def _require_records(last: int) -> None:
    if not last:
        raise LookupError("this audit log is empty; run the function once, or name another")


def _operator() -> Part:
    return {"kind": "operator", "name": getpass.getuser()}
