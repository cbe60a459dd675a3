"""Fuzzing: one target, many generated inputs, for a given time.

`python -m tests.fuzz.fuzz_NAME SECONDS [SEED]`. Where atheris is installed (`make fuzz` does that)
coverage guides the inputs; elsewhere Hypothesis makes them at random and from the seeds. The seed
of a run is printed first, and an input that makes the target raise before the run fails.
"""

from __future__ import annotations

import base64
import gc
import secrets
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Target = Callable[[bytes], None]

DEFAULT_SECONDS = 60
LONGEST_INPUT = 4096
"""Bytes of one generated input."""

_EXAMPLES = 500
_MOST_EDITS = 6


def run(target: Target, seeds: Sequence[bytes] = ()) -> None:
    """Run a target on generated inputs; the process ends with status 0 if nothing was found.

    Args:
        target: Called with one input at a time; whatever it raises is a finding.
        seeds: Inputs to begin with, such as valid documents, which are cut, joined and changed.

    Seconds and seed are the command's arguments.
    """
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SECONDS
    number = int(sys.argv[2]) if len(sys.argv) > 2 else secrets.randbelow(2**31 - 1) + 1
    guided = find_spec("atheris") is not None
    engine = "atheris" if guided else "Hypothesis"
    _say(f"{Path(sys.argv[0]).stem}: {seconds} s with {engine}, seed {number}")
    if guided:
        with_atheris(target, seeds, seconds, number)
    else:
        with_hypothesis(target, seeds, seconds, number)


def with_hypothesis(target: Target, seeds: Sequence[bytes], seconds: float, number: int) -> int:
    """Run a target on Hypothesis's inputs and return how many there were.

    Args:
        target: Called with one input at a time.
        seeds: Inputs to begin with.
        seconds: How long to run; at least one round is run.
        number: The seed of the first round; the following rounds count up from it.

    Raises:
        Exception: What the target raised, for the smallest input that was found.
    """
    ran = 0

    def once(data: bytes) -> None:
        nonlocal ran
        ran += 1
        _reported(target)(data)

    end = time.monotonic() + seconds
    while True:
        rules = settings(
            max_examples=_EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        seed(number)(rules(given(_inputs(seeds))(once)))()
        number += 1
        if time.monotonic() >= end:
            _say(f"{ran} inputs, nothing found")
            return ran


def with_atheris(target: Target, seeds: Sequence[bytes], seconds: int, number: int) -> None:
    """Run a target on atheris's inputs; libFuzzer ends the process itself."""
    import atheris

    for function in _guiding():
        atheris.instrument_func(function)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for place, data in enumerate(seeds):
            (Path(folder) / f"seed-{place}").write_bytes(data)
        options = [
            f"-max_total_time={seconds}",
            f"-seed={number}",
            f"-max_len={LONGEST_INPUT}",
            f"-artifact_prefix={tempfile.gettempdir()}/",
            "-timeout=10",
            "-verbosity=0",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, folder], _reported(target))
        atheris.Fuzz()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _guiding() -> list[FunctionType]:
    """Return the functions whose coverage guides: ours, and those of parsers written in Python."""
    return [
        each
        for each in gc.get_objects()
        if isinstance(each, FunctionType)
        and str(each.__module__).split(".")[0] in ("handler", "json", "yaml", "urllib3", "xml")
    ]


def _reported(target: Target) -> Target:
    """Return the target, with the input printed before an exception leaves it."""

    def reported(data: bytes) -> None:
        try:
            target(data)
        except BaseException:
            _say(f"input: {base64.b64encode(data).decode()} (base64)\n{data!r}")
            raise

    return reported


def _inputs(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    plain = st.binary(max_size=300)
    return plain | _changed(seeds) if seeds else plain


@st.composite
def _changed(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds with some of its parts replaced by others or by parts of seeds."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, _MOST_EDITS))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        data = data[:start] + draw(st.binary(max_size=8) | _part(seeds)) + data[end:]
    return data[:LONGEST_INPUT]


@st.composite
def _part(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    data = draw(st.sampled_from(seeds))
    start = draw(st.integers(0, len(data)))
    return data[start : start + draw(st.integers(0, 40))]
