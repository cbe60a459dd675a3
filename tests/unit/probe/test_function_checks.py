"""What the context of an invocation shows: the unit of its remaining time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.probe.function_checks import package_fact, remaining_fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.probe.fact import Fact

WHOLE = 60


class Context:
    """A context whose remaining time is computed from the seconds since its start."""

    def __init__(self, remaining: Callable[[float], object]) -> None:
        self.passed, self.remaining = 0.1, remaining

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.passed += seconds

    def getRemainingTimeInMilliSeconds(self) -> object:  # noqa: N802 - the platform's name
        """Return what the platform returns."""
        return self.remaining(self.passed)


def remaining(context: Context, timeout: str = str(WHOLE)) -> Fact:
    """Return the fact about the remaining time."""
    return remaining_fact(
        context, {"RUNTIME_TIMEOUT": timeout}, sleep=context.sleep, ticks=lambda: context.passed
    )


@pytest.mark.parametrize(
    ("computed", "verdict", "seen"),
    [
        (lambda passed: (WHOLE - passed) * 1000, "as assumed", "milliseconds"),
        (lambda passed: WHOLE - passed, "differs", "by 1 a second: seconds"),
        (lambda passed: WHOLE - passed * 1000, "differs", "-40.0 at first"),
        (lambda _passed: 0, "differs", "by 0 a second: no known unit"),
        (lambda passed: 1000 * (WHOLE * 1000 - passed), "differs", "59999900"),
        (lambda _passed: "60" * 3, "differs", "it cannot be read (TypeError)"),
        (lambda _passed: None, "differs", "it cannot be read (TypeError)"),
        (lambda passed: 1 / 0 * passed, "differs", "it cannot be read (ZeroDivisionError)"),
    ],
    ids=["right", "seconds", "YuanRong", "zero", "too much", "text", "nothing", "raises"],
)
def test_the_unit_is_how_far_it_falls_in_a_known_time(
    computed: Callable[[float], object], verdict: str, seen: str
) -> None:
    """As the platform's engines and stubs have been seen to compute it."""
    fact = remaining(Context(computed))
    assert fact.verdict == verdict
    assert seen in fact.seen
    assert bool(fact.change) == (verdict == "differs")


@pytest.mark.parametrize("timeout", ["", "text", "\u0661"])
def test_without_a_time_out_the_context_alone_counts(timeout: str) -> None:
    """It begins with a second at least, or it is in another unit."""
    right = Context(lambda passed: 50_000 - passed * 1000)
    assert remaining(right, timeout).verdict == "as assumed"
    assert remaining(Context(lambda passed: 50 - passed * 1000), timeout).verdict == "differs"


def test_packages_are_the_zips_or_the_platforms() -> None:
    """Without a zip nothing is claimed."""
    assert package_fact("", ()).verdict == "not seen"
    assert package_fact("digest", ()).verdict == "as assumed"
    assert package_fact("digest", ["x is the platform's"]).seen == "x is the platform's"
