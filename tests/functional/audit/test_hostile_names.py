"""A file whose name attacks its readers, on every output that shows it."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.cli.audit.web.report_tables import write_page_copy
from handler.cli.main import main
from handler.values.display import display
from tests.support.depth import sampled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
NAMES = {
    "markup": "a[/bold]b[red]",
    "emoji code and backslash": "a:warning:b\\",
    "escape": "a\x1b[2J\x1b]2;title\x07b",
    "forged line": "a\n9999  2026-11-25  job.created  success",
    "bidi": "a\u202egpj.lmay",
    "zero-width": "a\u200b\u2060\ufeffb",
    "separators": "a\u2028b\u2029c\x85d",
    "formula": "\ufeff=HYPERLINK(1)",
}
"""What the name holds, by what it attacks."""


@pytest.fixture(params=sampled(NAMES.values()), ids=sampled(NAMES))
def log(
    request: pytest.FixtureRequest,
    environ: dict[str, str],
    fire: Callable[[object], dict[str, Any]],
    drop: Callable[..., Any],
) -> str:
    """The address of a log with a good and a bad file of a hostile name."""
    fire(drop(f"drop/{request.param}.yaml", UPGRADE))
    fire(drop(f"drop/{request.param}/bad.yaml", b"kind: x\n"))
    return environ["NIGHTDROP_AUDIT"]


def run(log: str, *arguments: str) -> str:
    """Return the output of a subcommand of `nightdrop audit`."""
    done = CliRunner().invoke(main, ["audit", *arguments, "--audit", log])
    assert done.exit_code == 0, done.output
    return done.output


def rows(log: str) -> list[dict[str, Any]]:
    """Return the log's rows."""
    return [json.loads(line) for line in run(log, "list", "-ojson").splitlines()]


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "-ojson"),
        ("stats",),
        ("stats", "-ojson"),
        ("export", "--format", "csv"),
        ("export", "--format", "jsonl"),
        ("export", "--format", "ocsf"),
    ],
)
def test_every_output_is_text_that_does_nothing(log: str, arguments: tuple[str, ...]) -> None:
    """No control, bidi or zero-width character, and no line that a name begins."""
    text = run(log, *arguments)
    assert all(line.isprintable() for line in re.split(r"\r?\n", text))
    assert not re.search(r"^9999  2026", text, re.MULTILINE)
    assert not re.search(r"[\"\ufeff]=HYPERLINK", text)


def test_a_delivery_is_shown_with_its_name_spelt_out(
    log: str, request: pytest.FixtureRequest
) -> None:
    """Markup stays text, and nothing of the name is lost."""
    name = display(request.node.callspec.params["log"])
    records = rows(log)
    assert {row["action"] for row in records} > {"job.created", "spec.rejected"}
    for key in {row["delivery"] for row in records if row["delivery"]}:
        text = run(log, "show", key)
        assert all(line.isprintable() for line in text.split("\n"))
        assert "".join(name.split()) in "".join(text.split())


def test_the_page_and_the_counts_are_made_of_text_that_is_safe_to_show(
    log: str, tmp_path: Path
) -> None:
    """The copy holds names and notes spelt out; records as they were hashed are shown as JSON."""
    write_page_copy(log, tmp_path / "nightdrop.db")
    with closing(sqlite3.connect(tmp_path / "nightdrop.db")) as db:
        for table in ("deliveries", "jobs", "records", "failures", "open_items"):
            for row in db.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a name from above
                held = [str(cell) for cell in row if isinstance(cell, str)]
                assert all(line.isprintable() for cell in held for line in cell.split("\n"))
