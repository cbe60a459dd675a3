"""Hostile events: of timers, handed over directly, and of no kind at all; and all there are."""

from __future__ import annotations

import math
from typing import Any

from tests.hostile.event_case import SPEC, EventCase, nested, timer
from tests.hostile.key_events import KEYS, NAMES
from tests.hostile.object_events import EVENTGRID, RECORDS

BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


def _spec(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": ["n"]}, **changes}


def _loop() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


SHAPES = (
    EventCase("null", "no event at all", lambda: None),
    EventCase("empty object", "an event of nothing", dict),
    EventCase("empty list", "the same, as a list", list),
    EventCase("empty text", "the same, as a text", lambda: ""),
    EventCase("list of events", "several events in one", lambda: [timer(), timer()]),
    EventCase("a text of 1 MB", "a text that is searched for a spec", lambda: "a" * 1_000_000),
    EventCase("true", "a truth is a number in Python", lambda: True),
    EventCase("not a number", "a float that equals nothing", lambda: math.nan),
    EventCase("infinity", "a float that no JSON has", lambda: {"kind": math.inf}),
    EventCase("an integer of 5,000 digits", "writing it out is quadratic", lambda: 10**5000),
    EventCase("bytes", "no JSON at all", lambda: b"\x00\xff"),
    EventCase("a set", "the same", lambda: {"kind": {1, 2}}),
    EventCase(
        "keys that are no text", "sorting keys of several types", lambda: {1: 2, "a": 3, None: 4}
    ),
    EventCase("a list that holds itself", "recursion without end", _loop),
    EventCase("100,000 lists deep", "recursion deeper than the stack", lambda: nested(100_000, 1)),
    EventCase("100,000 objects deep", "the same", lambda: nested(100_000, 1, name="kind")),
    EventCase("33 levels deep", "one level more than is read", lambda: nested(33, 1, name="a")),
    EventCase("300,000 values", "each is looked at", lambda: {"kind": [0] * 300_000}),
    EventCase("100,000 keys", "each is compared", lambda: {f"k{n}": n for n in range(100_000)}),
    EventCase("a key of 1 MB", "a path in an error", lambda: {"k" * 1_000_000: "\ud800"}),
    EventCase(
        "surrogates everywhere",
        "an error for each, with its path",
        lambda: {f"k{n}": "\ud800" for n in range(9000)},
    ),
    EventCase("half a surrogate as a key", "a key without UTF-8", lambda: {"\udfff": 1}),
    EventCase(
        "prototype",
        "names that mean something elsewhere",
        lambda: {"__proto__": {"kind": "x"}, "constructor": {}, "__class__": "x"},
    ),
    EventCase("a template", "names that a format would fill", lambda: {"{0.__class__}": "%s%n{x}"}),
    EventCase(
        "misspelt action", "a slip that looks like a foreign event", lambda: {"action": "recncile"}
    ),
    EventCase("action of 1 MB", "an error that quotes it", lambda: {"action": "x" * 200_000}),
    EventCase("action with an escape", "the terminal is cleared", lambda: {"action": "\x1b[2J\n"}),
    EventCase(
        "action as a list", "a type that cannot be compared", lambda: {"action": ["reconcile"]}
    ),
    EventCase(
        "action with more", "something runs beside it", lambda: {"action": "doctor", "sql": "x"}
    ),
    EventCase(
        "a Kafka event", "another trigger's", lambda: {"trigger_type": "KAFKA", "records": []}
    ),
    EventCase(
        "a gateway's request",
        "a body that holds a spec",
        lambda: {"requestContext": {}, "httpMethod": "POST", "body": SPEC},
    ),
    EventCase(
        "an asynchronous failure",
        "a failed event comes back and is run again",
        lambda: {"request_context": {}, "request_payload": "{}"},
    ),
    EventCase("a shorter CTS trace", "an event of the audit service", lambda: {"cts": [[]]}),
    EventCase("record of nothing", "looking into what is empty", lambda: {"record": [None]}),
)

TIMERS = (
    EventCase("no fields", "a timer of nothing else", lambda: {"trigger_type": "TIMER"}),
    EventCase(
        "timer of 200 KB", "a record as long", lambda: timer(SPEC, trigger_name="n" * 200_000)
    ),
    EventCase("name as an object", "a type that is not text", lambda: timer(SPEC, trigger_name={})),
    EventCase("time as a number", "a type that is not text", lambda: timer(SPEC, time=0)),
    EventCase("time of 1 KB", "a key of it", lambda: timer(SPEC, time="2" * 1000)),
    EventCase("user event as an object", "a platform that parses it", lambda: timer({"spec": "x"})),
    EventCase("empty user event", "a timer that asks for nothing", lambda: timer("")),
    EventCase("free text", "a timer of another function", lambda: timer("hello world")),
    EventCase("alias bomb", "a billion values of nine lines", lambda: timer(BOMB)),
    EventCase(
        "a tag",
        "an object is made of it",
        lambda: timer('!!python/object/apply:os.system ["true"]'),
    ),
    EventCase(
        "two documents", "an action and an order", lambda: timer(f"action: reconcile\n---\n{SPEC}")
    ),
    EventCase(
        "action and spec",
        "which of them counts",
        lambda: timer('{"action": "reconcile", "spec": "obs://nightdrop-drop/a"}'),
    ),
    EventCase(
        "misspelt action of a timer",
        "nothing is reconciled, ever",
        lambda: timer("action: reconcil"),
    ),
    EventCase(
        "spec in a foreign bucket",
        "a timer reads where it may not",
        lambda: timer('{"spec": "obs://someone-elses/a.yaml"}'),
    ),
    EventCase(
        "spec on the web",
        "a request goes elsewhere",
        lambda: timer('{"spec": "http://127.0.0.1/a"}'),
    ),
    EventCase(
        "spec in a file",
        "a file of the instance is read",
        lambda: timer('{"spec": "file:///etc/passwd"}'),
    ),
    EventCase(
        "spec with user and host",
        "an address inside an address",
        lambda: timer('{"spec": "obs://a@b.example/c"}'),
    ),
    EventCase(
        "spec with a key of 2 KB",
        "longer than keys are",
        lambda: timer('{"spec": "obs://nightdrop-drop/' + "k" * 2000 + '"}'),
    ),
    EventCase(
        "spec as a list", "a type that is no address", lambda: timer('{"spec": ["obs://a/b"]}')
    ),
    EventCase(
        "spec and more",
        "something beside it counts",
        lambda: timer('{"spec": "obs://nightdrop-drop/a.yaml", "force": true}'),
    ),
    EventCase(
        "keys twice",
        "one reader takes the first, one the last",
        lambda: timer('{"kind": "node_upgrade", "kind": "x"}'),
    ),
    EventCase("brackets", "recursion in a parser", lambda: timer("[" * 100_000)),
    EventCase(
        "half a surrogate in a user event", "bytes that are no UTF-8", lambda: timer("\ud800")
    ),
    EventCase(
        "a stored spec",
        "there is no cloud to read it from",
        lambda: timer('{"spec": "obs://nightdrop-drop/a.yaml"}'),
        "raised",
    ),
    EventCase(
        "reconcile without a cloud",
        "a run that can reach no node",
        lambda: timer('{"action": "reconcile"}'),
        "deferred",
    ),
)

SPECS = (
    EventCase("kind alone", "a spec of nothing else", lambda: {"kind": "node_upgrade"}),
    EventCase(
        "every type wrong",
        "types in every field",
        lambda: {"kind": [], "name": {}, "targets": 1, "description": True},
    ),
    EventCase(
        "both forms at once",
        "one form is checked, the other sent",
        lambda: {**_spec(), "job_name": "x", "job_type": "node_upgrade", "job_content": {}},
    ),
    EventCase(
        "unknown fields", "a field that a later version may obey", lambda: _spec(privileged=True)
    ),
    EventCase(
        "19,000 targets", "an error for each", lambda: _spec(targets={"nodes": [*range(19_000)]})
    ),
    EventCase("no targets", "a job for no node, or for all", lambda: _spec(targets={"nodes": []})),
    EventCase("name of a path", "a name with meaning elsewhere", lambda: _spec(name="../../etc")),
    EventCase("name of markup", "a name that is shown as it is", lambda: _spec(name="<b>[/bold]")),
    EventCase("name of 200 KB", "an error that quotes it", lambda: _spec(name="n" * 200_000)),
    EventCase(
        "job type of another API",
        "an operation that is none of ours",
        lambda: {"job_name": "x", "job_type": "delete_everything", "job_content": {}},
    ),
    EventCase(
        "job content of lists",
        "types that are no objects",
        lambda: {"job_name": "x", "job_type": "node_upgrade", "job_content": [[]]},
    ),
    EventCase(
        "validity of a million days",
        "a time beyond the calendar",
        lambda: _spec(valid_for="999999d"),
    ),
    EventCase(
        "deep content",
        "recursion in a model",
        lambda: {"job_name": "x", "job_content": nested(30, 1, name="a")},
    ),
)

EVENTS: tuple[EventCase, ...] = (
    *(*SHAPES, *TIMERS, *SPECS),
    *(*RECORDS, *KEYS, *NAMES, *EVENTGRID),
)
"""Every hostile event; no two have one name."""
