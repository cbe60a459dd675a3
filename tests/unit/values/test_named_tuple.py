"""Named tuples whose annotations are not evaluated."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import new_class

import pytest

from handler.values.named_tuple import NamedTuple

HANDLER = Path(__file__).parents[3] / "handler"


class Node(NamedTuple):
    """A node of a fleet."""

    name: str
    size: int = 1
    parent: Node | None = None

    @property
    def label(self) -> str:
        """Its name and size."""
        return f"{self.name}:{self.size}"


def test_it_is_a_tuple_with_names_defaults_methods_and_a_docstring() -> None:
    """As the one of `typing`."""
    node = Node("gw", parent=Node("hall", 2))
    assert tuple(node) == ("gw", 1, ("hall", 2, None))
    assert (node.label, node._replace(size=3).label) == ("gw:1", "gw:3")
    assert repr(Node("gw")) == "Node(name='gw', size=1, parent=None)"
    assert (Node.__doc__, Node.__module__) == ("A node of a fleet.", __name__)
    assert Node._fields == ("name", "size", "parent")


def test_it_is_pickled_like_any_other_tuple() -> None:
    """By its module and name."""
    assert pickle.loads(pickle.dumps(Node("gw", 2))) == Node("gw", 2)  # noqa: S301 - our own


def test_a_missing_value_is_an_error() -> None:
    """Of the same kind as with the one of `typing`."""
    with pytest.raises(TypeError, match="name"):
        Node()  # type: ignore[call-arg]


def test_no_annotation_is_evaluated() -> None:
    """Not even compiled: one that is no expression is no error."""
    body = {"__module__": __name__, "__annotations__": {"value": "no such expression"}}
    made = new_class("Careless", (NamedTuple,), exec_body=lambda scope: scope.update(body))
    assert made(7) == (7,)


def test_every_module_of_the_function_uses_it() -> None:
    """One way to say it, and the faster one; the emulator shares no code with what it judges."""
    others = {
        str(file.relative_to(HANDLER.parent))
        for file in HANDLER.rglob("*.py")
        if "NamedTuple" in file.read_text() and "values.named_tuple import" not in file.read_text()
    }
    assert others == {"handler/emulator/ief/service_call.py", "handler/values/named_tuple.py"}
