"""Hostile files in YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hostile.json_files import Entry

_GOOD = "kind: node_upgrade\nname: a\ntargets: {nodes: [n]}\n"
_MOST = 262_144
_LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefghijkl", "bcdefghijklm", strict=True)
)


def _filled(start: str, unit: str) -> bytes:
    """Return a file of the largest size, one unit again and again after its start."""
    data = (start + unit * (_MOST // len(unit.encode()) + 1)).encode()[:_MOST]
    return data.decode("utf-8", "ignore").encode()


def _with(lines: str) -> bytes:
    return (_GOOD + lines).encode()


YAML_FILES: list[Entry] = [
    ("laughs", _LAUGHS.encode(), "aliases that multiply"),
    ("self-alias", b"a: &a [*a]\n", "an alias of itself"),
    ("anchor", _with("description: &x text\n"), "an anchor that nothing uses"),
    ("unknown-alias", _with("description: *nobody\n"), "an alias of nothing"),
    ("merge", b"<<: {kind: node_upgrade}\nname: a\ntargets: {nodes: [n]}\n", "a merge key"),
    ("python-object", b"!!python/object/apply:os.system ['true']\n", "a tag that runs code"),
    ("python-name", _with("serial: !!python/name:os.system\n"), "a tag that names code"),
    ("python-module", b"!!python/module:os ''\n", "a tag that imports"),
    ("binary-tag", _with("description: !!binary aGk=\n"), "a tag that decodes"),
    ("set-tag", b"!!set {kind, name}\n", "a tag of another type"),
    ("own-tag", b"!spec\n" + _GOOD.encode(), "an undefined tag"),
    ("verbatim-tag", b"!<tag:yaml.org,2002:map>\n" + _GOOD.encode(), "a tag in full"),
    ("float-tag", _with("serial: !!float 1\n"), "a tag that changes a value"),
    ("yaml-directive", b"%YAML 1.1\n---\n" + _GOOD.encode(), "a directive"),
    ("tag-directive", b"%TAG ! tag:x,2026:\n---\n" + _GOOD.encode(), "a directive for tags"),
    ("unknown-directive", b"%FOO bar\n---\n" + b"kind: x\n", "an undefined directive"),
    ("deep-flow-lists", b"a: " + b"[" * 200_000, "recursion over lists"),
    ("deep-flow-mappings", b"a: " + b"{" * 200_000, "recursion over mappings"),
    ("deep-block-lists", b"- " * 100_000, "recursion over lists in lines"),
    ("deep-questions", b"? " * 100_000, "recursion over keys"),
    ("deep-indent", b"".join(b" " * n + b"a:\n" for n in range(600)), "indentation without end"),
    ("deep-dashes", b"-\n" + b"".join(b" " * n + b"-\n" for n in range(1, 600)), "the same, lists"),
    ("flow-nulls", _filled("a: [", ",a"), "values without end"),
    ("flow-keys", _filled("{", "a,"), "keys without values"),
    ("question-lines", _filled("", "?\n"), "empty keys without end"),
    ("same-key-lines", _filled("", "a:\n"), "the same key again and again"),
    ("yaml-long-key", _filled("", "k") + b": 1", "a key of great length"),
    ("long-plain", _filled("a: ", "b "), "one scalar of many words"),
    ("long-folded", _filled("a: >\n", " b\n"), "one scalar of many lines"),
    ("long-quoted", _filled('a: "', "b\n"), "a text that never ends"),
    ("escapes", _filled('a: "', "\\"), "escapes without end"),
    ("bad-escape", b'a: "\\UFFFFFFFF"\n', "a code point that does not exist"),
    ("surrogate-escape", b'a: "\\uD800"\n', "half a character by escape"),
    ("indicator", b"a: %x\nb: @x\nc: `x\n", "characters that are reserved"),
    ("block-header", b"a: |99\n  x\n", "an indentation of two digits"),
    ("block-header-signs", b"a: |+-\n  x\n", "two signs for one end"),
    ("tab-indent", b"kind: node_upgrade\n\tname: a\n", "a tab where blanks belong"),
    ("comment-only", _filled("", "# nothing\n"), "a file of comments"),
    ("empty-documents", _filled("", "---\n"), "documents without content"),
    ("ended-documents", _filled("", "--- a\n...\n"), "documents without end"),
    ("many-documents", b"---\na: 1\n" * 10_001, "documents by the thousand"),
    ("good-then-bad", _with("---\nname: [\n"), "one good document before a broken one"),
    ("good-then-other", _with("---\nhello\n"), "one good document before a text"),
    ("complex-key", b"? [a, b]\n: 1\n", "a list as a key"),
    ("mapping-key", b"? {a: b}\n: 1\n", "a mapping as a key"),
    ("null-key", b"~: 1\nkind: node_upgrade\n", "no key"),
    ("number-key", b"1: x\nkind: node_upgrade\n", "a number as a key"),
    ("truth-key", b"true: x\nkind: node_upgrade\n", "a truth value as a key"),
    ("hidden-2028", _with("# was 1\u2028serial: 9\n"), "a comment that ends for the parser alone"),
    ("hidden-2029", _with("# was 1\u2029serial: 9\n"), "the same with another character"),
    ("hidden-0085", _with("# was 1\x85serial: 9\n"), "the same with a third"),
    ("hidden-plain", _with("description: a\u2028serial: 9\n"), "a value that ends early"),
    ("hidden-block", _with("description: |\n  a\u2028serial: 9\n"), "a block that ends early"),
    ("hidden-many", _filled(_GOOD + "# ", "\u2028"), "such characters by the thousand"),
    (
        "hidden-quoted",
        _with('description: "a\u2028b"\n'),
        "one that is text, and that no reader sees",
    ),
    ("noncharacter", _with("description: a\ufdd0b\n"), "what no text may hold"),
    ("control", _with("description: a\x07b\n"), "a bell"),
    ("delete", _with("description: a\x7fb\n"), "a character that deletes"),
    ("c1-control", _with("description: a\x9bb\n"), "a control sequence in one character"),
    ("zero", _with("description: a\x00b\n"), "a zero byte"),
    (
        "yaml-number-changes",
        _with("description: x\nunheard: 1.10\n"),
        "a number that is sent changed",
    ),
    ("template", _GOOD.replace("name: a", "name: {{ name }}").encode(), "no rendered template"),
    ("template-block", ("{% if x %}\n" + _GOOD + "{% endif %}\n").encode(), "the same, a block"),
    ("braces", _filled("a: ", "{{"), "placeholders that are not closed"),
    ("helm", _GOOD.replace("n]", "{{ .Values.node }}]").encode(), "another template"),
    ("windows-lines", _GOOD.replace("\n", "\r\n").encode(), "lines of another system", True),
    ("no-newline", _GOOD.rstrip().encode(), "a last line without an end", True),
]
