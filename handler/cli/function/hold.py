"""`nightdrop hold`, `release` and `approve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from handler.audit.name_lookup import Candidate, find_one
from handler.cli.audit.records.record_row import format_minute
from handler.cli.console import exit_with_error, printable
from handler.cli.existing_log import open_existing
from handler.cli.shared_options import audit_option, exit_on_log_error, operator
from handler.deliveries.approval import approve as record_approval
from handler.deliveries.approval import file_name
from handler.jobs.hold import BY_HAND
from handler.jobs.hold import hold as record_hold
from handler.jobs.hold import release as record_release
from handler.values.canonical_json import short_key
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from handler.audit.log import Decide, Log
    from handler.audit.state import DeliveryState

    T = TypeVar("T")


@click.command()
@audit_option
@click.option("--reason", default="", show_default=BY_HAND, help="For the record.")
def hold(address: str, reason: str) -> None:
    """Hold all sending: planned and new jobs are deferred until `nightdrop release`.

    A job that waits for longer than it is valid (6 hours, unless its spec or NIGHTDROP_VALID_FOR
    says otherwise) expires. A second hold with another reason replaces the reason.

    \b
      nightdrop hold --reason "freeze until Monday" --audit sqlite:///nightdrop.db
      nightdrop --profile production hold
    """
    before = _commit(address, record_hold(reason, actor=operator()))
    click.echo(_held(before, reason))
    click.echo("Jobs that wait for longer than they are valid (valid_for) expire.")


@click.command()
@audit_option
def release(address: str) -> None:
    """Release a hold, or a suspension of settling; the next reconciler run resumes what waits.

    \b
      nightdrop release --audit sqlite:///nightdrop.db
      nightdrop release && nightdrop reconcile
    """
    reasons = _commit(address, record_release(actor=operator()))
    click.echo(
        "\n".join(f"Hold released (it was: {printable(reason)})." for reason in reasons)
        or "Nothing was on hold."
    )


@click.command()
@audit_option
@click.argument("what")
def approve(address: str, what: str) -> None:
    """Approve the delivery WHAT, a file's name or a key (or a prefix), that awaits approval.

    Its SHA-256 is approved, for every file of that name and content that waits: the next reconciler
    run plans it if its object still has that digest.
    `nightdrop audit list --action delivery.awaiting` lists what waits.

    \b
      nightdrop approve app.yaml --audit sqlite:///nightdrop.db
      nightdrop approve 7rhlycbp
    """
    with exit_on_log_error(), open_existing(address) as log:
        awaiting = log.read(lambda view: view.awaiting())
        known = {_candidate(one): _name_and_digest(one) for one in reversed(awaiting)}
        different = _different(what, known)
        try:
            file = known[find_one(what, different or known)]
        except LookupError as error:
            became = "" if different else _not_awaiting(log, what)
            exit_with_error(became or str(error.args[0]), 1)
        keys, digest = [one.key for one in awaiting if _name_and_digest(one) == file], file[1]
        approved = log.commit(record_approval(keys, digest, actor=operator())).value
    if not approved:
        why = f"{display(what)} was approved meanwhile, or its time is over"
        exit_with_error(f"{why}; `nightdrop audit show {short_key(keys[0])}` says which", 1)
    files, planned = ("", "it") if len(approved) == 1 else (f", {len(approved)} files", "them")
    click.echo(f"Approved: SHA-256 {digest}{files}. The next reconciler run plans {planned}.")


def _name_and_digest(one: DeliveryState) -> tuple[str, str]:
    """Return what an approval is for: the name of a file, in whatever folder, and its digest.

    Of a timer's spec each tick is approved by itself, so its key is its name.
    """
    return file_name(one) if one.trigger == "object" else one.key, one.digest


def _candidate(one: DeliveryState) -> Candidate:
    about = f"{one.state}, {format_minute(one.touched_at)}, SHA-256 {one.digest[:16]}…"
    return Candidate("delivery", one.key, (one.subject, file_name(one)), about)


def _different(what: str, known: Mapping[Candidate, tuple[str, str]]) -> list[Candidate]:
    """Return one of those that a text means for each name and content that they have."""
    found = [one for one in known if one.begins(what)]
    exact = [one for one in found if one.is_called(what)]
    return [*{known[one]: one for one in exact or found}.values()]


def _not_awaiting(log: Log, what: str) -> str:
    """Return what became of a delivery that does not await approval; "" if none has this name."""
    found = log.read(lambda view: view.find(what), fresh=False)
    if not found:
        return ""
    one = found[0]
    state = "approved already" if one.approved else one.state
    return f"{printable(one.subject)} ({short_key(one.key)}) does not await approval: it is {state}"


def _held(before: str, reason: str) -> str:
    if not before:
        return f"Sending is on hold ({printable(reason or BY_HAND)})."
    already = f"Already on hold (reason: {printable(before)})"
    return f"{already}; new reason recorded." if reason not in {"", before} else f"{already}."


def _commit(address: str, decide: Decide[T]) -> T:
    with exit_on_log_error(), open_existing(address) as log:
        return log.commit(decide).value
