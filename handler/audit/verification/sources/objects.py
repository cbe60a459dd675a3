"""A log in an object store, copied to this machine to be verified, with its derived objects."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from handler.audit.export.formats import EXPORT_FORMATS
from handler.audit.objects.append_position import ROLLED
from handler.audit.objects.segment_reader import records_from
from handler.audit.retry_policy import RetryPolicy
from handler.audit.verification.derived_objects import DerivedObjects, segment_ends
from handler.audit.verification.refold import Refold
from handler.audit.verification.sources.jsonl_file import JsonlFileSource
from handler.audit.verification.sources.source import BEGINNING
from handler.audit.verification.verdict import row_of
from handler.errors import CloudError, LogBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.record import Head
    from handler.audit.verification.faults import IntegrityFault
    from handler.audit.verification.sources.source import RecordRow


class ObjectsSource:
    """The records of a folder, copied at the first question; checkpoints read before are in them.

    Closing it closes the folder.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._folder: TemporaryDirectory[str] | None = None
        self._copy: JsonlFileSource | None = None
        self._broken = ""

    def protections(self) -> Iterator[IntegrityFault]:
        """Yield nothing: what protects the bucket is not seen from here."""
        yield from ()

    def pages(self, after: float = BEGINNING, last: int | None = None) -> Iterator[list[RecordRow]]:
        """Yield the rows with a larger number than `after`, up to `last`, in order, by pages.

        Raises:
            LogBrokenError: After the last row: the objects do not hold the log to its end.
        """
        yield from self._copied().pages(after, last)
        if self._broken and last is None:
            raise LogBrokenError(self._broken)

    def end(self) -> Head:
        """Return the number and hash stored last."""
        return self._copied().end()

    def hash_at(self, seq: int) -> str:
        """Return the hash stored under a number; "" for an unknown number."""
        return self._copied().hash_at(seq)

    def texts_of_action(self, action: str) -> Iterator[bytes]:
        """Yield the texts of the records of an action, in order."""
        return self._copied().texts_of_action(action)

    def differences(self, advance: Callable[[int], object]) -> Iterator[IntegrityFault | str]:
        """Yield where derived objects differ from the records."""
        records = self._copied()
        derived = DerivedObjects(self._read, segment_ends(records.texts_of_action(ROLLED)))
        with closing(Refold()) as refold:
            kept, after = derived.kept(), BEGINNING
            yield from derived.changed(kept)
            for end in kept:
                yield from refold.add_pages(records.pages(after, last=end.seq), advance)
                yield from derived.differing(end, refold)
                after = end.seq
            yield from refold.add_pages(records.pages(after), advance)
            suspects = list(derived.outbox(refold))
            # What was settled meanwhile has no body any more.
            yield from refold.add_pages(self._grown(len(derived.ends) + 1), advance)
            yield from (fault for key, fault in suspects if refold.has_body(key))
            try:
                yield from derived.unused(self._objects.names(), refold)
            except CloudError as error:
                yield f"what else lies in the folder could not be listed: {error}"

    def latest_in_state(self) -> int:
        """Return 0: a snapshot is only used if a record names it."""
        return 0

    def close(self) -> None:
        """Remove the copy and close connections."""
        if self._folder is not None:
            self._folder.cleanup()
        self._objects.close()

    def _copied(self) -> JsonlFileSource:
        if self._copy is None:
            self._folder = TemporaryDirectory()
            path = Path(self._folder.name) / "log.jsonl"
            records = records_from(1, self._read, self._objects.place)
            with path.open("w", encoding="utf-8") as file:
                try:
                    file.writelines(EXPORT_FORMATS["jsonl"](records, lambda _record: True))
                except LogBrokenError as error:
                    self._broken = str(error)
            self._copy = JsonlFileSource(path)
        return self._copy

    def _grown(self, segment: int) -> Iterator[list[RecordRow]]:
        """Yield the records that were written after the copy was made."""
        end = self.end().seq
        for record in records_from(segment, self._read, self._objects.place):
            if record.seq > end:
                yield [row_of(record.seq, record.hash, record.text)]

    def _read(self, name: str) -> bytes | None:
        return RetryPolicy().retry(self._objects.place, lambda: self._objects.read(name))
