"""Hostile files in JSON and JSON Lines."""

from __future__ import annotations

import json
from typing import TypeAlias

Entry: TypeAlias = "tuple[str, bytes, str] | tuple[str, bytes, str, bool]"

_HEAD = b'{"kind": "node_upgrade", "name": "a", "targets": {"nodes": ["n"]}'
_GOOD = _HEAD + b"}"
_MOST = 262_144


def _filled(start: bytes, unit: bytes) -> bytes:
    """Return a file of the largest size, one unit again and again after its start."""
    return (start + unit * (_MOST // len(unit) + 1))[:_MOST]


def _with(field: bytes) -> bytes:
    return _HEAD + b", " + field + b"}"


def _many(keys: int, value: str) -> bytes:
    return ("{" + ",".join(f'"k{number}":{value}' for number in range(keys)) + "}").encode()


JSON_FILES: list[Entry] = [
    ("deep-lists", b"[" * 200_000, "recursion over lists"),
    ("deep-objects", b'{"a":' * 40_000, "recursion over objects"),
    ("deep-closed", b"[" * 60_000 + b"]" * 60_000, "recursion over a whole value"),
    ("deep-in-a-field", _with(b'"x": ' + b"[" * 100_000), "recursion below a good spec"),
    ("closing", b"{" + b"}" * 200_000, "brackets that nothing opened"),
    ("commas", _filled(b"[1", b","), "items without a value"),
    ("colons", _filled(b'{"a"', b":"), "values without end"),
    ("open-string", b'{"kind": "' + b"x" * 200_000, "a text that never ends"),
    ("backslashes", b'{"kind": "' + b"\\" * 200_000, "escapes without end"),
    ("quotes", _filled(b'{"a": ', b'"'), "texts next to each other"),
    ("nan", _with(b'"x": NaN'), "a number that is none"),
    ("infinity", _with(b'"x": -Infinity'), "a number without bound"),
    ("many-nan", _filled(b"[", b"NaN,"), "a hundred thousand faults in one line"),
    ("huge-number", _with(b'"x": 1e999'), "a float that overflows"),
    ("long-integer", _with(b'"x": 1' + b"0" * 200_000), "the quadratic reading of an integer"),
    ("many-long-integers", _filled(b"[", b"9" * 4300 + b","), "the same again and again"),
    ("long-fraction", _with(b'"x": 0.' + b"3" * 200_000), "a fraction of many digits"),
    ("exponent", _with(b'"x": 1e' + b"9" * 100_000), "an exponent of many digits"),
    ("number-changes", _with(b'"x": 1.10'), "a number that is sent as another one"),
    ("number-rounds", _with(b'"x": 12345678901234567.8'), "a number that loses digits"),
    ("minus-zero", _with(b'"x": -0'), "a sign that is lost"),
    ("octal", _with(b'"x": 012'), "a number of another base"),
    ("hexadecimal", _with(b'"x": 0x10'), "a number that is no JSON"),
    ("plus", _with(b'"x": +1'), "a sign that JSON does not know"),
    ("lone-surrogate", _with(b'"description": "\\ud800"'), "half a character by escape"),
    ("surrogate-key", _with(b'"\\udfff": 1'), "half a character as a key"),
    ("wrong-escape", _with(b'"description": "\\x41"'), "an escape that does not exist"),
    ("control-in-text", _with(b'"description": "a\nb"'), "a line feed inside of a text"),
    ("zero-in-text", _with(b'"description": "a\x00b"'), "a zero byte inside of a text"),
    ("twice", _GOOD.replace(b'"name"', b'"name": "b", "name"'), "a key that stands there twice"),
    ("twice-escaped", _GOOD.replace(b'"name"', b'"n\\u0061me": "b", "name"'), "the same, hidden"),
    ("twice-deep", _GOOD.replace(b'"nodes"', b'"nodes": ["x"], "nodes"'), "the same, inside"),
    ("many-twice", b"{" + b'"a":1,' * 40_000 + b'"b":1}', "faults for the same key"),
    ("comment", _GOOD + b" // done", "a comment"),
    ("comment-inside", _HEAD + b"/* x */}", "a comment inside"),
    ("hash-comment", _GOOD + b" # done", "a comment of YAML"),
    ("single-quotes", _GOOD.replace(b'"', b"'"), "quotes of another language"),
    ("trailing-comma", _HEAD + b",}", "a comma too many"),
    ("bare-keys", b"{kind: node_upgrade, name: a}", "keys without quotes"),
    ("half", _GOOD[:40], "a file that was cut off"),
    ("two-values", _GOOD + _GOOD, "two specs in one line"),
    ("many-keys", _many(19_000, "1"), "an object of many unknown fields"),
    ("many-objects", _many(15_000, "{}"), "an object of many objects"),
    ("long-key", b'{"' + b"k" * 200_000 + b'": 1}', "a field's name in an error"),
    ("empty-list", b"[]", "an order of nothing"),
    ("nulls", b"[null, null]", "documents that are none"),
    ("list-of-lists", b"[[[]]]", "documents that are lists"),
    ("numbers", b"[" + b"1," * 19_000 + b"1]", "twenty thousand documents, none a spec"),
    ("broken-in-list", b"[" + _GOOD + b", 7]", "one good document beside a bad one"),
    ("rubbish-lines", _filled(_GOOD + b"\n", b"x\n"), "a good line and then rubbish"),
    ("open-lines", _filled(_GOOD + b"\n", b"{\n"), "a good line and then opened objects"),
    ("empty-lines", _filled(_GOOD + b"\n", b"{}\n"), "a good line and then empty objects"),
    ("deep-lines", _filled(_GOOD + b"\n", b"[[[[[[[[\n"), "a good line and then brackets"),
    ("quote-lines", _filled(_GOOD + b"\n", b'"\n'), "a good line and then opened texts"),
    ("faulty-lines", b"[NaN, NaN, NaN]\n" * 16_000, "faults in every line"),
    ("return-lines", _filled(_GOOD + b"\r", b"x\r"), "lines that end in another way"),
    ("spaced", b" " * 200_000 + _GOOD, "a spec after a very long blank", True),
    ("escaped-line-separator", _with(b'"description": "a\\u2028b"'), "a break by escape"),
    ("line-separator", _with('"description": "a\u2028b"'.encode()), "a break that is text"),
    ("polyglot", b"{}\n---\n" + _GOOD, "JSON, then YAML"),
    ("proto", _with(b'"__proto__": {"admin": true}'), "a prototype of another language"),
    ("format", _with(b'"description": "{0.__class__} %s %n ${x}"'), "a format string", True),
    ("text-value", json.dumps("x" * 200_000).encode(), "a text where a spec should be"),
]
