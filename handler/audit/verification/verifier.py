"""Verifies a log: its chain, its store, its derived data, and the evidence outside of it."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from handler.audit.verification.chain_check import check_chain
from handler.audit.verification.checkpoint_evidence import NOTED, Assertion, CheckpointEvidence
from handler.audit.verification.derived_state import REMEDY
from handler.audit.verification.faults import Faults, IntegrityFault
from handler.audit.verification.verdict import Verdict
from handler.errors import LogBrokenError, ObjectError
from handler.values.display import quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from handler.audit.checkpoints.checkpoint import CheckpointStore
    from handler.audit.checkpoints.signed_note import VerifyKey
    from handler.audit.record import Head
    from handler.audit.verification.chain_check import ChainChecker
    from handler.audit.verification.sources.source import RecordSource

_NAME = re.compile(r"([0-9]{12})-[0-9a-f]{16}-[0-9]{8}T[0-9]{12}Z\.checkpoint")
_READERS = 16
_BATCH = 256


@dataclass(frozen=True)
class Evidence:
    """The evidence to compare a log with: checkpoints, and a head noted by hand.

    Only signatures of the given keys count; without keys, signatures are not checked.
    """

    places: Sequence[CheckpointStore] = ()
    keys: Sequence[VerifyKey] = ()
    expected: Head | None = None


@dataclass
class _Checkpoints:
    """The checkpoints that were found, compared with those that the log names.

    `missing` are those that were not found, and `gone` counts those older than any that was;
    `recorded` counts all that the log names, and `last` is the last of them.
    """

    names: set[str]
    missing: list[str] = field(default_factory=list)
    gone: int = 0
    recorded: int = 0
    last: str = ""


def verify_log(
    source: RecordSource,
    evidence: Evidence,
    *,
    advance: Callable[[int], object] = lambda _count: None,
) -> Verdict:
    """Verify a log, also while it is written to.

    Checkpoints are read before the log, so the records that they name must be in it.

    `advance` is called with the number of records of each page; each record is passed twice.

    Raises:
        CloudError, OSError: Checkpoints cannot be read.
        LogError: The log cannot be read.
    """
    faults = Faults()
    faults.add(*source.protections())
    checker, outside, checkpoints, found = _check_records(source, evidence, advance)
    faults.join(found)
    derived, more = _derived(source, checker, advance)
    faults.join(derived)
    remarks = (
        *more,
        *_clock_remarks(checker),
        *_evidence_remarks(evidence, outside, checkpoints, checker.head),
    )
    listed, seq = tuple(faults.listed), outside.confirmed.seq
    return Verdict(checker.head, listed, faults.count, remarks, seq, checker.records)


def require_valid_records(source: RecordSource, evidence: Evidence) -> None:
    """Check the records, and nothing that is derived from them, before the state is rebuilt.

    Raises:
        LogBrokenError: A record was changed or removed, or the end of the log was cut off, as far
            as the state and the evidence can show it.
        CloudError, OSError: Checkpoints cannot be read.
        LogError: The log cannot be read.
    """
    checker, _, _, faults = _check_records(source, evidence, lambda _count: None)
    latest, seq = source.latest_in_state(), checker.head.seq
    if latest > seq and evidence.expected is None:
        faults.add(
            IntegrityFault(
                f"the log ends with record {seq}, but its state names record {latest}: its end was "
                f"cut off, unless the state was changed; if record {seq} is the last, name it with "
                "--expect-head"
            )
        )
    if faults.count:
        raise LogBrokenError(
            f"{faults.listed[0]}: a state that is rebuilt from these records would be wrong; "
            "see `nightdrop audit verify`, and restore the records first"
        )


def _check_records(
    source: RecordSource, evidence: Evidence, advance: Callable[[int], object]
) -> tuple[ChainChecker, CheckpointEvidence, _Checkpoints, Faults]:
    outside = CheckpointEvidence(evidence.keys)
    if evidence.expected is not None:
        outside.claims.append(Assertion(evidence.expected.seq, evidence.expected.hash, NOTED))
    checkpoints = _Checkpoints(set(_read_checkpoints(evidence.places, outside)))
    faults = Faults()
    checker = check_chain(source, advance)
    faults.join(checker.faults)
    try:
        if evidence.places:
            _compare(source, evidence.places, checkpoints, outside, checker.head)
        found = [*outside.conflicts(source, checker.head)]
    except LogBrokenError as error:
        found = [IntegrityFault(str(error))]
    faults.join(outside.faults)
    faults.add(*(one for one in found if one not in faults.listed))
    faults.add(*_missing_checkpoints(checkpoints))
    return checker, outside, checkpoints, faults


def _derived(
    source: RecordSource, checker: ChainChecker, advance: Callable[[int], object]
) -> tuple[Faults, list[str]]:
    """Return where derived data differs from valid records, and remarks."""
    found, remarks = Faults(), list[str]()
    if checker.faults.count:
        return found, remarks  # a state folded from changed records proves nothing
    try:
        for one in source.differences(advance):
            if isinstance(one, str):
                remarks.append(one)
            else:
                found.add(one)
    except LogBrokenError as error:
        found.add(IntegrityFault(str(error)))
    return found, [REMEDY, *remarks] if found.count else remarks


def _read_checkpoints(
    places: Sequence[CheckpointStore], outside: CheckpointEvidence
) -> Iterator[str]:
    with ThreadPoolExecutor(_READERS) as pool:
        for place in places:
            names = iter(place.names())
            while batch := list(islice(names, _BATCH)):
                for name, data in zip(batch, pool.map(place.get, batch), strict=True):
                    outside.add_checkpoint(name, data)
                    yield name


def _compare(
    source: RecordSource,
    places: Sequence[CheckpointStore],
    checkpoints: _Checkpoints,
    outside: CheckpointEvidence,
    head: Head,
) -> None:
    oldest = min(checkpoints.names, default="")
    for text in source.texts_of_action("log.checkpointed"):
        name, signer, seq = _parse_record(text)
        # A checkpoint recorded after the chain was checked may be of records that were not.
        if not _NAME.fullmatch(name) or seq > head.seq:
            continue
        checkpoints.recorded += 1
        checkpoints.last = max(checkpoints.last, name)
        if name in checkpoints.names:
            if signer and name in outside.unsigned:
                outside.faults.add(IntegrityFault(f"the checkpoint {name} has lost its signature"))
        elif name < oldest:
            checkpoints.gone += 1
        elif oldest:
            # It may have been written after the others were listed.
            data = _get_checkpoint(places, name)
            if data is None:
                checkpoints.missing.append(name)
            else:
                outside.add_checkpoint(name, data)


def _parse_record(text: bytes) -> tuple[str, object, int]:
    try:
        fields = json.loads(text)
        part = fields["checkpoint"]
        return str(part["name"]), part.get("signer"), int(fields["seq"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", None, 0


def _get_checkpoint(places: Sequence[CheckpointStore], name: str) -> bytes | None:
    for place in places:
        try:
            return place.get(name)
        except (FileNotFoundError, ObjectError):
            continue
    return None


def _missing_checkpoints(checkpoints: _Checkpoints) -> Iterator[IntegrityFault]:
    if checkpoints.missing:
        more = f" and {len(checkpoints.missing) - 1} more" if len(checkpoints.missing) > 1 else ""
        yield IntegrityFault(
            f"the log names the checkpoint {checkpoints.missing[-1]}{more}, not among those kept: "
            "removed, or kept in another place"
        )


def _clock_remarks(checker: ChainChecker) -> Iterator[str]:
    if checker.clock_regressions:
        times = "once" if checker.clock_regressions == 1 else f"{checker.clock_regressions} times"
        yield f"the clock was set back {times}, first at record {checker.first_regression}"


def _evidence_remarks(
    evidence: Evidence, outside: CheckpointEvidence, checkpoints: _Checkpoints, head: Head
) -> Iterator[str]:
    last = outside.confirmed
    if last.seq:
        when = f" ({last.at})" if last.at else ""
        rest = head.seq - last.seq
        follows = "; later records are checked by the chain alone" if rest else ""
        yield f"confirmed from outside up to record {last.seq} of {head.seq}{when}{follows}"
    elif not any(one.seq for one in outside.claims):  # else it contradicts the log: a fault
        yield "cannot tell whether the end was cut off: " + (
            f"the log names {quantity(checkpoints.recorded, 'checkpoint')}, "
            "and none of them was found"
            if evidence.places
            else "give --checkpoints or --expect-head"
        )
    if checkpoints.names and not evidence.keys:
        yield "signatures were not checked: name the public key with --key"
    if evidence.keys and outside.unsigned:
        count = len(outside.unsigned)
        are = "is unsigned and was" if count == 1 else "are unsigned and were"
        yield f"{quantity(count, 'checkpoint')} {are} ignored"
    if checkpoints.gone:
        yield f"{checkpoints.gone} checkpoints older than the oldest one kept are gone"
    if checkpoints.names and max(checkpoints.names) > checkpoints.last:
        yield (
            "the last checkpoint is not in the log: the function was stopped just then, or the "
            "record of it was cut off"
        )
