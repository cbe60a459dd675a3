"""What a field of a model takes, in words: its numbers, or its choice of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def accepted(field: FieldInfo) -> str:
    """Return `must be a whole number from 1 to 64`, `must be encoded or raw` and the like."""
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return f"must be {' or '.join(filter(None, get_args(kind)))}"
    if kind not in (int, float):
        return "must be text"
    number = "a whole number" if kind is int else "a number"
    least, above, most = (_bound(field, name) for name in ("ge", "gt", "le"))
    if above is not None:
        return f"must be {number} above {above:g}, {most:g} at most"
    return f"must be {number} from {least} to {most}"


def _bound(field: FieldInfo, name: str) -> Any:  # noqa: ANN401 - an int or a float
    return next((getattr(one, name) for one in field.metadata if hasattr(one, name)), None)
