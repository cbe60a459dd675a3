"""What is wrong with a setting, as a sentence without its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def setting_sentence(name: str, field: FieldInfo, kind: str, message: str) -> str:
    """Return what is wrong with a setting.

    Args:
        name: Its name, such as `NIGHTDROP_SENDERS`.
        field: What it accepts.
        kind: pydantic's type of the error.
        message: pydantic's message.
    """
    if kind == "missing":
        return f"{name} is missing: {field.description}"
    if kind == "value_error":
        return f"{name}: {message.removeprefix('Value error, ')}"
    return f"{name}: {_accepted_values(field)}"


def _accepted_values(field: FieldInfo) -> str:
    """Return `must be a whole number from 1 to 64`, `must be encoded or raw` and the like."""
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return f"must be {' or '.join(filter(None, get_args(kind)))}"
    if kind not in (int, float):
        return "must be text"
    number = "a whole number" if kind is int else "a number"
    bounds: dict[str, Any] = {
        key: getattr(one, key)
        for one in field.metadata
        for key in ("ge", "gt", "le")
        if hasattr(one, key)
    }
    if "gt" in bounds:
        return f"must be {number} above {bounds['gt']:g}, {bounds['le']:g} at most"
    return f"must be {number} from {bounds['ge']} to {bounds['le']}"
