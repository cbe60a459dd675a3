"""Options that several commands share."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from handler.cli.shared_options import NumberRange


@click.command()
@click.option("--speed", type=NumberRange(0, 10, min_open=True))
def command(speed: float) -> None:
    """Print the option."""
    click.echo(speed)


@pytest.mark.parametrize("text", ["nan", "-nan", "NaN", "inf", "-inf", "1e999", "0", "11", "fast"])
def test_a_value_that_is_no_number_within_the_bounds_is_refused(text: str) -> None:
    """No comparison with it is true, so that bounds alone let it through."""
    done = CliRunner().invoke(command, [f"--speed={text}"])
    assert done.exit_code == 2
    assert "Invalid value for '--speed'" in done.output


@pytest.mark.parametrize("text", ["0.5", "10", "1e-3"])
def test_a_number_within_the_bounds_is_accepted(text: str) -> None:
    """Unchanged."""
    assert float(CliRunner().invoke(command, [f"--speed={text}"]).output) == float(text)
