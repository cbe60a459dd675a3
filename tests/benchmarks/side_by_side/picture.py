"""The figures of a run as an SVG: a group of bars for each figure, the floor as the unit."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TITLES = {
    "cold": "cold start",
    "p50": "warm event, p50",
    "processor": "processor time per event",
    "threads": "200 events, 16 threads",
    "peak": "peak memory",
}
_COLOURS = ("#0b7285", "#868e96", "#ced4da", "#e8590c", "#7048e8")
_LEFT, _WIDTH, _BAR, _GAP = 190, 720, 14, 16
_LARGEST = 6.0
"""Times the floor at the right edge; a longer bar is cut, and its number says how long it is."""


def picture(measured: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return the picture: each figure's bars as multiples of the floor's median."""
    names = list(measured)
    group = len(names) * _BAR + _GAP
    height = 40 + group * len(_TITLES)
    parts = [_legend(names)]
    for place, (key, title) in enumerate(_TITLES.items()):
        top = 40 + place * group
        middle = top + len(names) * _BAR / 2
        parts.append(f'<text x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{title}</text>')
        floor = measured["floor"][key]["median"]
        for number, name in enumerate(names):
            times = measured[name][key]["median"] / floor
            parts.append(_bar(top + number * _BAR, times, _COLOURS[number]))
    one = _LEFT + (_WIDTH - _LEFT) / _LARGEST
    parts.append(f'<line x1="{one}" y1="36" x2="{one}" y2="{height - _GAP}" stroke="#495057"/>')
    body = "\n".join(parts)
    style = "text{font:12px sans-serif;fill:#495057}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + 60} {height}" role="img"'
        f' aria-label="Figures as multiples of the floor"><style>{style}</style>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _legend(names: list[str]) -> str:
    return "\n".join(
        f'<rect x="{_LEFT + 112 * number}" y="12" width="10" height="10" fill="{colour}"/>'
        f'<text x="{_LEFT + 112 * number + 16}" y="21">{escape(name)}</text>'
        for number, (name, colour) in enumerate(zip(names, _COLOURS, strict=True))
    )


def _bar(top: float, times: float, colour: str) -> str:
    width = min(times, _LARGEST) / _LARGEST * (_WIDTH - _LEFT)
    end = _LEFT + width + 6
    return (
        f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR - 3}" fill="{colour}"/>'
        f'<text x="{end:.1f}" y="{top + 10}">{times:.2f}</text>'
    )
