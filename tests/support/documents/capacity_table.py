"""The table of capacity: its rows, and the page that it is on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE = Path(__file__).parents[3] / "infra/OPERATIONS.md"
BEGIN, END = "<!-- capacity -->", "<!-- end of capacity -->"

SMALL = 100
"""The fleet beside which dropped files are measured."""

STORES = ("sqlite", "objects")
FILES = 10_000
TARGETS = {1_000: 20, 10_000: 20, 100_000: 50}
PARALLEL = {1_000: 5, 10_000: 30, 100_000: 100}
_NIGHTS = 365
_REMEMBERED_DAYS = 90
_MIB = 1024 * 1024


class MeasuredNight(NamedTuple):
    """A size as it was measured with the log in SQLite and in OBS, and the files of both."""

    sqlite: dict[str, Any]
    objects: dict[str, Any]
    files: dict[str, dict[str, Any]]

    @property
    def jobs(self) -> int:
        """The jobs of a whole night; those of a part are those that the waves need."""
        if self.sqlite["whole"]:
            return int(self.sqlite["jobs"])
        nodes = self.sqlite["nodes"]
        return -(-int(nodes * 0.95) // TARGETS[nodes]) * 103 // 100

    @property
    def mark(self) -> str:
        """What stands before a computed figure."""
        return "" if self.sqlite["whole"] else "≈ "

    def scaled(self, figure: float, one: dict[str, Any]) -> float:
        """Return a figure of the measured jobs for all jobs of the night."""
        return figure * self.jobs / float(one["jobs"])


def _requests_to_ief(one: MeasuredNight) -> str:
    asked = sum(one.sqlite["requests"].values()) - one.sqlite["plan_requests"]
    night = one.sqlite["plan_requests"] + one.scaled(asked, one.sqlite)
    return f"{one.mark}{night:,.0f} + {one.files['sqlite']['file_requests'] * FILES:,.0f}"


def _requests_to_obs(one: MeasuredNight) -> str:
    plan = one.objects["plan_object_requests"]
    night = plan + one.scaled(one.objects["object_requests"] - plan, one.objects)
    return f"{one.mark}{night:,.0f} + {one.files['objects']['file_object_requests'] * FILES:,.0f}"


def _growth(store: str) -> Callable[[MeasuredNight], str]:
    def figure(one: MeasuredNight) -> str:
        measured = getattr(one, store)
        night = measured["log_bytes"]
        if not measured["whole"]:
            night = measured["plan_bytes"] + one.scaled(night - measured["plan_bytes"], measured)
        year = (night + one.files[store]["file_bytes"] * FILES) * _NIGHTS
        return f"{one.mark}{night / _MIB:,.1f} MiB; {year / _MIB / 1024:,.1f} GiB"

    return figure


def _snapshot(one: MeasuredNight) -> str:
    files = one.files["objects"]["file_snapshot_bytes"] * FILES * _REMEMBERED_DAYS
    return f"{one.objects['snapshot_bytes'] / 1024:,.0f} KiB; ≈ {files / _MIB:,.0f} MiB"


def _both(name: str) -> Callable[[MeasuredNight], str]:
    return lambda one: f"{one.sqlite[name]}; {one.objects[name]}"


ROWS: dict[str, Callable[[MeasuredNight], str]] = {
    "jobs of a night; at once": lambda one: (
        f"{one.mark}{one.jobs:,}; {PARALLEL.get(one.sqlite['nodes'], 5)}"
    ),
    "requests to IEF: the night + the files": _requests_to_ief,
    "requests to a log in OBS: the night + the files": _requests_to_obs,
    "selection and plan, s (SQLite; OBS)": _both("plan_seconds"),
    "longest run of the reconciler, s (SQLite; OBS)": _both("tick_seconds"),
    "memory of these, MiB (SQLite; OBS)": _both("memory_mib"),
    "log in SQLite: a night; a year with the files": _growth("sqlite"),
    "log in OBS: a night; a year with the files": _growth("objects"),
    "snapshot of a log in OBS: the largest of a night; 90 days of files": _snapshot,
}
"""The rows of the table."""


def table(measured: Sequence[dict[str, Any]]) -> str:
    """Return the table as Markdown."""
    by = {(one["nodes"], one["store"]): one for one in measured}
    files = {store: by[SMALL, store] for store in STORES}
    sizes = sorted({nodes for nodes, _ in by} - {SMALL})
    nights = [MeasuredNight(by[nodes, "sqlite"], by[nodes, "objects"], files) for nodes in sizes]
    head = ["", *(f"{nodes:,} nodes" for nodes in sizes)]
    lines = [head, ["---"] * len(head)]
    lines += [[name, *map(figure, nights)] for name, figure in ROWS.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_page(text: str, page: Path = PAGE) -> None:
    """Put the table between its two marks of a page."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
