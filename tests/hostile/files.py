"""Hostile spec files, each with the target of its attack; some are legal files after all."""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from dataclasses import dataclass
from itertools import starmap

from tests.hostile.json_files import JSON_FILES
from tests.hostile.spec_files import SPEC_FILES
from tests.hostile.yaml_files import YAML_FILES


@dataclass(frozen=True)
class File:
    """One hostile file.

    Attributes:
        name: Its name, unique in the corpus.
        data: Its bytes.
        attacks: What it attacks.
        legal: Whether it is a job spec that may be run.
    """

    name: str
    data: bytes
    attacks: str
    legal: bool = False


_JSON = b'{"kind": "node_upgrade", "name": "a", "targets": {"nodes": ["n"]}}'
_YAML = b"kind: node_upgrade\nname: a\ntargets: {nodes: [n]}\n"
_TEXT = _YAML.decode()
_MOST = 262_144
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"

BYTE_FILES: list[tuple[str, bytes, str] | tuple[str, bytes, str, bool]] = [
    ("nothing", b"", "a file that is not there yet"),
    ("blank", b" \n\t\r\n", "only white space"),
    ("one-zero", b"\x00", "a lone zero byte"),
    ("zeros", bytes(_MOST), "a sparse file"),
    ("every-byte", bytes(range(256)) * 100, "no text at all"),
    ("too-large", b"#" * (_MOST + 1), "one byte more than is read"),
    ("five-megabytes", _YAML + b"#" * 5_000_000, "a spec that drags megabytes behind it"),
    ("newlines", b"\n" * _MOST, "line counting"),
    ("returns", b"\r" * _MOST, "line counting with old line ends"),
    ("tabs", b"\t" * _MOST, "indentation"),
    ("high-bytes", b"\xff" * _MOST, "the decoder"),
    ("latin-1", _YAML + b"description: f\xfcr\n", "another encoding that is nearly the same"),
    ("overlong", _YAML + b"# \xc0\xaf\n", "an overlong encoding"),
    ("surrogate-bytes", _YAML + b"# \xed\xa0\x80\n", "half a character, encoded"),
    ("cut-character", _YAML + b"# \xe2\x82", "a file that was cut in a character"),
    ("beyond-unicode", _YAML + b"# \xf5\x80\x80\x80\n", "a code point that does not exist"),
    ("utf-16", _TEXT.encode("utf-16"), "an editor's other encoding"),
    ("utf-16-le", _TEXT.encode("utf-16-le"), "the same without a mark"),
    ("utf-16-be", _TEXT.encode("utf-16-be"), "the same in the other order"),
    ("utf-32", _TEXT.encode("utf-32"), "four bytes for each character"),
    ("utf-7", b"kind: node_upgrade+AAo-name: a", "an encoding that hides line ends"),
    ("one-mark", b"\xef\xbb\xbf" + _YAML, "one byte order mark, as some editors write it", True),
    ("two-marks", b"\xef\xbb\xbf" * 2 + _JSON, "JSON taken for YAML by two byte order marks"),
    ("two-marks-quotes", b"\xef\xbb\xbf" * 2 + _JSON.replace(b'"', b"'"), "single quotes in JSON"),
    ("many-marks", b"\xef\xbb\xbf" * 50_000 + _JSON, "byte order marks without end"),
    ("mark-after-newline", b"\n\xef\xbb\xbf" + _JSON + b" # x", "a mark that libyaml skips"),
    ("mark-inside", _YAML + b"\xef\xbb\xbfserial: 9\n", "a mark at the start of a later line"),
    ("gzip", gzip.compress(_YAML), "a compressed spec"),
    ("gzip-bomb", gzip.compress(bytes(10_000_000)), "a bomb for whoever decompresses"),
    ("zlib", zlib.compress(_YAML), "a compressed spec without a header"),
    ("xz", lzma.compress(_YAML), "another compressed spec"),
    ("zip", b"PK\x03\x04\x14\x00\x00\x00" + _YAML, "an archive with a spec in it"),
    ("png", _PNG, "an image"),
    ("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a document"),
    ("rtf", b"{\\rtf1\\ansi kind: node_upgrade}", "formatted text that begins like JSON"),
    ("html", b"<!DOCTYPE html><html><body>404</body></html>", "the error page of a download"),
    ("xml", b'<?xml version="1.0"?><kind>node_upgrade</kind>', "another language"),
    ("elf", b"\x7fELF\x02\x01\x01" + bytes(100), "a program"),
    ("script", b"#!/bin/sh\nrm -rf /\n", "a script, all of it comment and text"),
    ("sqlite", b"SQLite format 3\x00" + bytes(100), "a database"),
    ("tar", b"upgrade.yaml".ljust(257, b"\x00") + b"ustar\x00", "an archive without compression"),
    ("pickle", b"\x80\x04\x95c__main__\nos.system\n", "an object that runs code when it is loaded"),
    ("bidi", _YAML + "# \u202e lla tsrif\n".encode(), "a comment that reads backwards", True),
    ("escape-codes", _YAML + b"# \x1b[2J\x1b]0;x\x07\n", "a terminal that shows the file"),
    ("ini", b"[job]\nkind = node_upgrade\n", "another configuration language"),
    ("toml", b'kind = "node_upgrade"\nname = "a"\n', "a third one"),
    ("csv", b"kind,name\nnode_upgrade,a\n", "a table"),
    ("properties", b"kind=node_upgrade\nname=a\n", "a list of settings"),
    ("python", b"{'kind': 'node_upgrade', 'name': 'a'}", "a Python literal"),
    ("javascript", b"module.exports = {kind: 'node_upgrade'}", "a script that returns a spec"),
    ("merge-conflict", b"<<<<<<< HEAD\n" + _YAML + b"=======\n" + _YAML + b">>>>>>> b\n", "two"),
    ("json-as-text", json.dumps(_JSON.decode()).encode(), "a spec inside of a text"),
]

FILES: list[File] = list(starmap(File, [*BYTE_FILES, *JSON_FILES, *YAML_FILES, *SPEC_FILES]))
