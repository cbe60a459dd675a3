"""A log exported as JSON Lines: one `{"hash": …, "record": "…"}` per record."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from handler.audit.record import Head
from handler.audit.verification.sources.source import BEGINNING, RECORDS_PER_PAGE
from handler.audit.verification.verdict import row_of
from handler.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.audit.verification.faults import IntegrityFault
    from handler.audit.verification.sources.source import RecordRow

_LOOKED_AT = 100
"""Lines; where none of them holds a record, the file is another one."""


class JsonlFileSource:
    """The records of an exported file; each question reads it from its beginning.

    Raises:
        LogError: There is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise LogError(f"there is no exported log at {path}")
        first = list(islice(self._rows(), _LOOKED_AT))
        if first and not any(stored for _, stored, _, _ in first):
            raise LogError(f"{path.name} is no log that was exported as JSON Lines")
        self._sought: Iterator[tuple[int, str]] = iter(())
        self._passed = (0, "")

    def protections(self) -> Iterator[IntegrityFault]:
        """Yield nothing: a file has no protections."""
        yield from ()

    def pages(self, after: float = BEGINNING, last: int | None = None) -> Iterator[list[RecordRow]]:
        """Yield the rows with a larger number than `after`, up to `last`, in the file's order."""
        rows = (row for row in self._rows() if row[0] > after and (last is None or row[0] <= last))
        while page := list(islice(rows, RECORDS_PER_PAGE)):
            yield page

    def end(self) -> Head:
        """Return the number and hash stored last."""
        head = Head()
        for row in self._rows():
            head = Head(row[0], row[1].decode(errors="replace"))
        return head

    def hash_at(self, seq: int) -> str:
        """Return the hash stored under a number; "" for an unknown number.

        The file is read once for any amount of numbers that do not fall.
        """
        if seq == self._passed[0]:
            return self._passed[1]
        if seq < self._passed[0]:
            self._sought = iter(())
        for attempt in (self._sought, self._hashes()):
            self._sought = attempt
            for self._passed in attempt:
                if self._passed[0] == seq:
                    return self._passed[1]
        return ""

    def texts_of_action(self, action: str) -> Iterator[bytes]:
        """Yield the texts of the records of an action, in order."""
        begin = f'{{"action":"{action}"'.encode()
        yield from (text for _, _, _, text in self._rows() if text.startswith(begin))

    def differences(self, _advance: Callable[[int], object]) -> Iterator[IntegrityFault | str]:
        """Yield nothing: nothing in a file is derived from the records."""
        yield from ()

    def latest_in_state(self) -> int:
        """Return 0: a file of records has no state."""
        return 0

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def _hashes(self) -> Iterator[tuple[int, str]]:
        for seq, stored, _, _ in self._rows():
            yield seq, stored.decode(errors="replace")

    def _rows(self) -> Iterator[RecordRow]:
        try:
            with self._path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    yield _row(number, line)
        except OSError as error:
            raise LogError(f"the exported log {self._path} cannot be read: {error}") from error


def _row(number: int, line: bytes) -> RecordRow:
    """Return a line's record; a line without one becomes the text of an invalid record."""
    try:
        # A field more, or one twice, would say something beside the record that was hashed.
        pairs = json.loads(line, object_pairs_hook=tuple)
        (first, stored), (second, text) = sorted(pairs)
        is_record = isinstance(pairs, tuple) and (first, second) == ("hash", "record")
    except (ValueError, TypeError, RecursionError):
        is_record, stored, text = False, None, None
    if not is_record or not isinstance(stored, str) or not isinstance(text, str):
        return number, b"", b"", line
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        seq = json.loads(text)["seq"]
        number = seq if isinstance(seq, int) else number
    return row_of(number, stored, text)
