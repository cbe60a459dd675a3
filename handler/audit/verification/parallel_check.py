"""A long log walked in pieces by several processes: each begins where the one before it ends.

A piece is held against the stored hash of the record before it, which the piece before it holds
against that record's text: the pieces together say what one long walk says.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from handler.audit.open_log import open_source
from handler.audit.verification.chain_check import ChainChecker
from handler.audit.verification.faults import IntegrityFault
from handler.errors import LogBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import BaseContext

    from handler.audit.verification.sources.source import RecordSource

PIECE = 25_000
"""Records in a piece."""


def walked(
    address: str,
    stored: RecordSource,
    *,
    advance: Callable[[int], object],
    workers: int = 1,
    piece: int = PIECE,
) -> ChainChecker:
    """Walk along a stored log, to its end as it is by then.

    Args:
        address: Where the log is, for the other processes.
        stored: The same log, open.
        advance: Told how many records were passed, now and then.
        workers: How many processes may be used.
        piece: How many records one process takes on at a time.
    """
    walk = ChainChecker()
    try:
        end = stored.end().seq
        if workers > 1 and end > 2 * piece and stored.is_gapless():
            _side_by_side(walk, address, end, advance, workers, piece)
            walk.along(stored.pages(end), advance)
        else:
            walk.along(stored.pages(), advance)
    except LogBrokenError as error:
        walk.faults.add(IntegrityFault(None, str(error)))
    return walk


def _side_by_side(  # noqa: PLR0913, PLR0917 - what `walked` was given
    walk: ChainChecker,
    address: str,
    end: int,
    advance: Callable[[int], object],
    workers: int,
    piece: int,
) -> None:
    starts = range(0, end, piece)
    with ProcessPoolExecutor(workers, mp_context=_start_method()) as pool:
        for other in pool.map(partial(_walk_piece, address, piece, end), starts):
            walk.join(other)
            advance(other.count)


def _start_method() -> BaseContext:
    # A copy of this process is there at once, but a thread must not be copied in mid-step.
    alone = threading.active_count() == 1 and sys.platform == "linux"
    return multiprocessing.get_context("fork" if alone else "spawn")


def _walk_piece(address: str, piece: int, end: int, after: int) -> ChainChecker:
    with closing(open_source(address)) as stored:
        before = next(stored.pages(after - 1, after), None)
        walk = ChainChecker.beyond(before[0]) if before else ChainChecker()
        walk.along(stored.pages(after, min(end, after + piece)), lambda _count: None)
        return walk
