"""Hostile keys of objects, and hostile names of events about them."""

from __future__ import annotations

from tests.hostile.event_case import EventCase, entry, records

KEYS = (
    EventCase("empty key", "an object without a name", lambda: records(entry(key=""))),
    EventCase("key of 4 MB", "a record twice as long", lambda: records(entry(key="k" * 4_000_000))),
    EventCase(
        "key of 200 KB",
        "the same within the event's size",
        lambda: records(entry(key="k" * 200_000)),
    ),
    EventCase(
        "key of 1,025 bytes", "one byte more than OBS has", lambda: records(entry(key="k" * 1025))
    ),
    EventCase(
        "key of 513 umlauts",
        "bytes, not characters, are counted",
        lambda: records(entry(key="%C3%A4" * 513)),
    ),
    EventCase("key as a number", "a type that is not text", lambda: records(entry(key=7))),
    EventCase("key as a list", "the same", lambda: records(entry(key=["drop/a.yaml"]))),
    EventCase(
        "NUL in a key",
        "the key ends early in C",
        lambda: records(entry(key="drop%2Fa.yaml%00.png")),
    ),
    EventCase(
        "Latin-1 in a key", "bytes that are no UTF-8", lambda: records(entry(key="drop%2F%FC.yaml"))
    ),
    EventCase(
        "overlong UTF-8", "a slash in two bytes", lambda: records(entry(key="drop%C0%AFa.yaml"))
    ),
    EventCase(
        "half a surrogate, encoded",
        "bytes of no character",
        lambda: records(entry(key="drop%2F%ED%A0%80.yaml")),
    ),
    EventCase(
        "half a surrogate, plain",
        "text of no character",
        lambda: records(entry(key="drop%2F\ud800.yaml")),
    ),
    EventCase(
        "cut escape",
        "a percent sign at the end",
        lambda: records(entry(key="drop%2Fa.yaml%")),
        "rejected",
    ),
    EventCase(
        "encoded twice",
        "decoded twice it leaves the prefix",
        lambda: records(entry(key="drop%252F..%252Fother.yaml")),
        "ignored",
    ),
    EventCase(
        "outside the prefix",
        "a file that is not watched",
        lambda: records(entry(key="other%2Fa.yaml")),
        "ignored",
    ),
    EventCase(
        "prefix without its slash",
        "drop.yaml is not in drop/",
        lambda: records(entry(key="drop.yaml")),
        "ignored",
    ),
    EventCase(
        "prefix in capitals",
        "keys are compared by case",
        lambda: records(entry(key="DROP%2Fa.yaml")),
        "ignored",
    ),
    EventCase(
        "slash in front",
        "another key than without",
        lambda: records(entry(key="%2Fdrop%2Fa.yaml")),
        "ignored",
    ),
    EventCase(
        "own result",
        "the function starts itself",
        lambda: records(entry(key="results%2Fa.yaml.result.json")),
        "ignored",
    ),
    EventCase(
        "folder", "a marker of no content", lambda: records(entry(key="drop%2Fa%2F")), "ignored"
    ),
    EventCase(
        "dots in a key",
        "the path is resolved on the way",
        lambda: records(entry(key="drop%2F..%2F..%2Fetc%2Fpasswd")),
    ),
    EventCase(
        "escape sequence in a key",
        "the terminal is cleared",
        lambda: records(entry(key="drop%2F%1B%5B2Ja")),
    ),
    EventCase(
        "markup in a key",
        "a table's markup ends in a traceback",
        lambda: records(entry(key="drop%2Fa%5B%2Fbold%5Db")),
    ),
    EventCase(
        "bidi in a key",
        "it reads as another name",
        lambda: records(entry(key="drop%2F%E2%80%AElmay.x")),
    ),
    EventCase(
        "line feed in a key",
        "a line is forged",
        lambda: records(entry(key="drop%2Fa.yaml%0A%7B%22action%22%3A1%7D")),
    ),
    EventCase(
        "formula in a key", "a table runs it", lambda: records(entry(key="drop%2F%3Dcmd%7C"))
    ),
    EventCase("executable", "a name that is no spec's", lambda: records(entry(key="drop%2Fa.exe"))),
    EventCase(
        "swap file",
        "an editor's half of a file",
        lambda: records(entry(key="drop%2F.a.yaml.swp")),
        "ignored",
    ),
    EventCase(
        "a name of dots",
        "an ending and nothing before it",
        lambda: records(entry(key="drop%2F....yaml")),
        "ignored",
    ),
    EventCase(
        "slow name",
        "a pattern that tries every place",
        lambda: records(entry(key="drop/" + ".sw." * 250)),
        "ignored",
    ),
    EventCase(
        "a valid key", "there is no cloud to read it from", lambda: records(entry()), "raised"
    ),
)

NAMES = (
    EventCase("no event name", "a field that is missing", lambda: records(entry(eventName=None))),
    EventCase("empty event name", "a text of nothing", lambda: records(entry(eventName=""))),
    EventCase(
        "event name of 200 KB", "a record as long", lambda: records(entry(eventName="O" * 200_000))
    ),
    EventCase(
        "event name as an object", "a type that is not text", lambda: records(entry(eventName={}))
    ),
    EventCase(
        "colons alone",
        "splitting a name of nothing but separators",
        lambda: records(entry(eventName=":" * 128)),
        "ignored",
    ),
    EventCase(
        "a removal with a creation's word",
        "the word is looked for anywhere",
        lambda: records(entry(eventName="ObjectRemoved:NotObjectCreated")),
        "ignored",
    ),
    EventCase(
        "delete marker",
        "a version that hides the file",
        lambda: records(entry(eventName="s3:ObjectRemoved:DeleteMarkerCreated")),
        "ignored",
    ),
    EventCase(
        "unknown event",
        "a kind that OBS may add",
        lambda: records(entry(eventName="ObjectTagging:Put")),
        "ignored",
    ),
)
