"""Ways to falsify a log of 1,000 records, and what `nightdrop audit verify` must report.

`python -m tests.support.tampering.every_way` prints them as a table for handler/audit/README.md.
"""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.format_version import VERSION
from handler.audit.open_log import open_source
from tests.support.long_log import LongLog, settle
from tests.support.tampering.derived import DERIVED
from tests.support.tampering.falsify import (
    DROPPED,
    EDIT,
    LENGTH,
    Tampering,
    appended_of_another,
    as_float,
    backwards,
    doubled,
    edited_with_hash,
    escaped,
    plain,
    rewritten,
    run,
    slipped_in,
    spaced,
    verdict_of,
    without_commit,
)
from tests.support.tampering.outside import OUTSIDE

if TYPE_CHECKING:
    from handler.audit.verification.verdict import Verdict

ALONE: tuple[Tampering, ...] = (
    # The chain gives these away by itself.
    Tampering(
        "a word in a record is edited",
        run(f"UPDATE records {EDIT} WHERE seq = 500"),
        "record 500: was changed",
    ),
    Tampering(
        "a record is edited and its own hash recomputed",
        edited_with_hash,
        "record 501: does not name the hash of record 500",
    ),
    Tampering(
        "a record is removed",
        run("DELETE FROM records WHERE seq = 500"),
        "record 501: follows record 499",
    ),
    Tampering(
        "the first record is removed",
        run("DELETE FROM records WHERE seq = 1"),
        "record 2: follows record 0",
    ),
    Tampering(
        "the triggers are dropped, a record removed",
        plain(*DROPPED, "DELETE FROM records WHERE seq = 500"),
        "the trigger records_append_only_delete is missing",
    ),
    Tampering(
        "two records change places",
        run(
            "UPDATE records SET seq = 100000 + seq WHERE seq IN (500, 501)",
            "UPDATE records SET seq = iif(seq = 100500, 501, 500) WHERE seq > 100000",
        ),
        "record 500: has another seq in its text",
    ),
    Tampering(
        "a gap is left in the numbers",
        run(
            "UPDATE records SET seq = seq + 100000 WHERE seq >= 500",
            "UPDATE records SET seq = seq - 99999 WHERE seq > 100000",
        ),
        "record 501: follows record 499",
    ),
    Tampering("a record is inserted, those behind it renumbered", slipped_in, "record 501: "),
    Tampering(
        "a record is inserted before the first",
        run("INSERT INTO records VALUES (0, 'x', 'y', '{}')"),
        "record 0: follows record 0",
    ),
    Tampering(
        "a record is inserted with the smallest number there is",
        run("INSERT INTO records VALUES (-9223372036854775808, 'x', 'y', '{}')"),
        "record -9223372036854775808: follows record 0",
    ),
    Tampering(
        "the column prev is edited",
        run("UPDATE records SET prev = hash WHERE seq = 500"),
        "record 500: has another prev in its text",
    ),
    Tampering(
        "the hash before it is edited in a record",
        run("UPDATE records SET record = replace(record, prev, hash) WHERE seq = 500"),
        "record 500: was changed",
    ),
    Tampering(
        "a hash is written in capitals",
        run("UPDATE records SET hash = upper(hash) WHERE seq = 500"),
        "record 500: was changed",
    ),
    Tampering(
        "a text becomes bytes that are no UTF-8",
        run("UPDATE records SET record = CAST(x'7b22ff223a317d' AS TEXT) WHERE seq = 500"),
        "record 500: was changed",
    ),
    Tampering("records of another log are appended", appended_of_another, "record 1001: "),
    # Whole chains again, were it not for the form of their records.
    Tampering(
        "white space is added, all hashes recomputed",
        rewritten(500, dict, spaced),
        "record 500: is not in canonical form",
        places=False,
    ),
    Tampering(
        "the keys are in another order, all hashes recomputed",
        rewritten(500, dict, backwards),
        "record 500: is not in canonical form",
        places=False,
    ),
    Tampering(
        "a key comes twice, all hashes recomputed",
        rewritten(500, dict, doubled),
        "record 500: is not in canonical form",
        places=False,
    ),
    Tampering(
        "a character is escaped without need, all hashes recomputed",
        rewritten(500, dict, escaped),
        "record 500: is not in canonical form",
        places=False,
    ),
    Tampering(
        "a number becomes a float, all hashes recomputed",
        rewritten(500, dict, as_float),
        "record 500: has an invalid seq",
        places=False,
    ),
    Tampering(
        "a record is dated to no day of any calendar, all hashes recomputed",
        rewritten(500, lambda fields: {**fields, "at": "2026-99-99T99:99:99.000000Z"}),
        "record 500: has an invalid at",
        places=False,
    ),
    Tampering(
        "a field is added, all hashes recomputed",
        rewritten(500, lambda fields: {**fields, "approved": "yes"}),
        "record 500: has an unknown field",
        places=False,
    ),
    Tampering(
        "a field is added to a part, all hashes recomputed",
        rewritten(500, lambda fields: {**fields, "function": {"owner": "me"}}),
        "record 500: has an unknown field in function",
        places=False,
    ),
    Tampering(
        "a field is taken away, all hashes recomputed",
        rewritten(500, without_commit),
        "record 500: lacks the field commit",
        places=False,
    ),
)
"""What the chain, or the form of its records, gives away by itself."""

ROWS = (*ALONE, *OUTSIDE, *DERIVED)
"""Every way, and the report."""


def describe(verdict: Verdict, row: Tampering) -> str:
    """Return the verdict's report of an attack, hashes, paths and our version shortened."""
    message = [*map(str, verdict.faults), *verdict.remarks]
    text = next((one for one in message if row.says in one), message[0])
    text = re.sub(r"([0-9a-f]{8})[0-9a-f]{8,}(-[0-9TZ]+\.checkpoint)?", r"\1…", text)
    text = text.replace(f"writes {VERSION}", "writes …")
    return re.sub(r"/[^ ]*/", "", text)


def printed(what: str, folder: Path) -> str:
    """Return the table, as Markdown."""
    whole = LongLog(folder / what)
    whole.folder.mkdir()
    whole.grow(LENGTH)
    settle(whole.path)
    with closing(open_source(whole.address)) as stored:
        before = stored.end()
    lines = ["| what is done | what `verify` says | exit status |", "|---|---|---|"]
    for number, row in enumerate(ROWS):
        log = whole.copy(folder / f"{number}")
        row.do(log)
        lines.append(
            f"| {row.what} | {describe(verdict_of(log, row, before), row)} | {row.status} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.stdout.write(f"{printed('whole', Path(temporary))}\n")
