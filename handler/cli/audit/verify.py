"""`nightdrop audit verify`: verify the chain, the store, and checkpoints."""

from __future__ import annotations

import re
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from handler.audit.checkpoints.signed_note import verify_key
from handler.audit.record import Head
from handler.audit.verification.sources.jsonl_file import JsonlFileSource
from handler.audit.verification.verdict import CANNOT_TELL, INVALID, VALID
from handler.audit.verification.verifier import Evidence, verify_log
from handler.cli.configuration.environment import cloud_environment, environment
from handler.cli.console import exit_with_error, printable
from handler.cli.open_stores import open_any_source, open_obs
from handler.cli.shared_options import FILE, SettingOption
from handler.errors import LogBrokenError, LogError, NightdropError, SettingsError
from handler.invocation.checkpoint_writer import checkpoint_store
from handler.values.display import quantity
from handler.values.obs_address import OBS
from handler.values.store_address import no_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from handler.audit.checkpoints.checkpoint import CheckpointStore
    from handler.audit.verification.sources.source import RecordSource
    from handler.audit.verification.verdict import Verdict

checkpoints_option = click.option(
    "--checkpoints",
    multiple=True,
    help="Where checkpoints are: a folder, or obs://bucket/prefix/.  [NIGHTDROP_CHECKPOINTS]",
)
expect_head_option = click.option(
    "--expect-head", "head", default="", help="A head noted earlier, SEQ:HASH."
)

_HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")
_WORDS = {VALID: "valid", INVALID: "INVALID", CANNOT_TELL: "chain valid, completeness not proven"}
_INCOMPLETE = (
    "• the file lacks records: an export with filters cannot be verified; export all records, "
    "without --since, --action and the like"
)
_SHOWN = 20
_REDRAWN = 20_000


@click.command()
@click.option(
    "--audit",
    "address",
    cls=SettingOption,
    envvar="NIGHTDROP_AUDIT",
    help="Where the log is, such as sqlite:///nightdrop.db.  [NIGHTDROP_AUDIT]",
)
@click.option("--file", type=FILE, help="A log exported as JSON Lines, instead.")
@checkpoints_option
@click.option("--key", "keys", multiple=True, help="Whose signatures count: a public key.")
@expect_head_option
def verify(
    address: str | None,
    file: Path | None,
    checkpoints: Sequence[str],
    keys: Sequence[str],
    head: str,
) -> None:
    """Verify the log: its chain, its store, its derived data, and checkpoints.

    Says which record is wrong and how. A chain alone cannot show that its end was cut off or all
    of it rewritten; checkpoints can. Needs no secret, but credentials for checkpoints in a bucket.
    Exit status: 0 valid, 1 invalid, 2 completeness not proven.

    \b
      nightdrop audit verify --audit sqlite:///nightdrop.db --checkpoints checkpoints/
      nightdrop audit verify --file log.jsonl --expect-head 9990:5e88…
    """
    try:
        evidence = evidence_of(checkpoints, head, keys)
        with closing(_stored(address, file)) as stored, _progress(stored) as advance:
            verdict = verify_log(stored, evidence, advance=advance)
        if file is None:
            _require_log(address, verdict)
    except ImportError:
        exit_with_error(
            "checking signatures needs cryptography; in a checkout, `make .venv/.dev` installs it",
            CANNOT_TELL,
        )
    except LogBrokenError as error:
        exit_with_error(str(error), INVALID)
    except (NightdropError, OSError) as error:
        exit_with_error(str(error), CANNOT_TELL)
    _show(verdict)
    if file is not None and verdict.records < verdict.head.seq:
        click.echo(_INCOMPLETE)
    sys.exit(verdict.status)


def evidence_of(checkpoints: Sequence[str], head: str, keys: Sequence[str] = ()) -> Evidence:
    """Return the evidence that options and environment name.

    Raises:
        SettingsError: One of them is invalid.
        ImportError: Signatures need a package that is missing.
    """
    named = checkpoints or tuple(filter(None, [environment().get("NIGHTDROP_CHECKPOINTS")]))
    return Evidence(
        places=[_place(one) for one in named],
        keys=[verify_key(key) for key in keys],
        expected=_head(head) if head else None,
    )


def _show(verdict: Verdict) -> None:
    for fault in verdict.faults[:_SHOWN]:
        click.echo(printable(fault))
    if verdict.count > _SHOWN:
        click.echo(f"… and {verdict.count - _SHOWN} more")
    head = verdict.head
    read = quantity(verdict.records, "record")
    click.echo(f"{_WORDS[verdict.status]}: {read}, head {head.seq}:{head.hash}")
    for remark in verdict.remarks:
        click.echo(f"• {printable(remark)}")


def _stored(address: str | None, file: Path | None) -> RecordSource:
    if file is not None:
        return JsonlFileSource(file)
    if address is None:
        raise SettingsError("name the log with --audit, or an exported one with --file")
    return open_any_source(address)


def _require_log(address: str | None, verdict: Verdict) -> None:
    """Refuse an address in OBS where nothing is, and where nothing says that something was."""
    if address and address.startswith(OBS) and not (verdict.records or verdict.faults):
        raise LogError(no_log(address))


def _place(address: str) -> CheckpointStore:
    if address.startswith(OBS):
        return checkpoint_store(address, open_obs(cloud_environment()))
    if not Path(address).is_dir():
        known = "what is named" if "://" in address else address
        raise SettingsError(f"there is no folder of checkpoints at {known}")
    return checkpoint_store(address, None)


def _head(text: str) -> Head:
    found = _HEAD.fullmatch(text)
    if found is None:
        raise SettingsError(
            "--expect-head takes the number and the whole hash: 11:5e88… (64 digits)"
        )
    return Head(int(found[1]), found[2])


@contextmanager
def _progress(stored: RecordSource) -> Iterator[Callable[[int], object]]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _count: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Refreshed by hand: verification is one thread.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=2 * stored.end().seq)
        drawn = 0

        def advance(count: int) -> None:
            nonlocal drawn
            drawn += count
            progress.update(task, advance=count, refresh=drawn % _REDRAWN < count)

        yield advance
