"""The fuzzing engine finds what there is to find, and says nothing otherwise."""

from __future__ import annotations

import pytest

from tests.fuzz.engine import with_hypothesis


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of a hundred inputs."""
    monkeypatch.setattr("tests.fuzz.engine._EXAMPLES", 100)


def test_a_target_without_faults_is_run_many_times() -> None:
    """A clean run returns how many inputs there were."""
    assert with_hypothesis(lambda _: None, [b"seed"], 0, 1) >= 100


def test_a_fault_is_found_and_its_input_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The exception leaves the run, and the input is printed."""

    def target(data: bytes) -> None:
        if b"z" in data:
            raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        with_hypothesis(target, [b"jazz"], 0, 1)
    assert "b'z'" in capsys.readouterr().out


def test_the_same_seed_makes_the_same_inputs() -> None:
    """A finding can be repeated with the seed that was printed."""
    runs: list[list[bytes]] = [[], []]
    for inputs in runs:
        with_hypothesis(inputs.append, [b"seed"], 0, 7)
    assert runs[0] == runs[1]
